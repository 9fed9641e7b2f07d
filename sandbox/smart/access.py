"""What a token may do: scopes by type and interaction, and of one patient's data nobody else's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from msgspec import DecodeError, Struct, json

from sandbox.smart.asked import Asked, pairs
from sandbox.smart.compartment import NOBODYS, belongs_to
from sandbox.smart.scopes import Scope, data_scopes
from sandbox.smart.upstream import Answer, refusal

Json = dict[str, Any]
Send = Callable[[Asked], Answer]
Read = TypeVar("Read")


class _Refused(Exception):
    """The token does not allow it, or it cannot be read."""

    def __init__(self, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.status = status


class _Request(Struct):
    method: str
    url: str


class _Entry(Struct):
    request: _Request
    resource: Json = {}


class _Transaction(Struct):
    entry: list[_Entry] = []


def within(scope: str, asked: Asked, send: Send) -> Answer:
    """The answer to a request, as far as the scopes and the token's patient allow it; else 403."""
    scopes = list(data_scopes(scope))
    try:
        if asked.method == "POST" and not asked.path:
            for entry in _read(asked.body, _Transaction).entry:
                _check_entry(entry, asked.patient, scopes, send)
            return _shown(send(asked), asked, scopes)
        return _shown(send(_checked(asked, scopes, send)), asked, scopes)
    except _Refused as why:
        return refusal(why.status, "forbidden" if why.status == 403 else "invalid", str(why))


def _checked(asked: Asked, scopes: list[Scope], send: Send) -> Asked:
    """The request, narrowed to the patient if it must be."""
    whose = _whose(scopes, asked.kind, asked.interaction)
    if not whose:
        raise _Refused(f"The scopes do not allow this: {asked.method} {asked.kind or 'of the whole server'}.")
    if whose == "user":
        return asked
    if asked.patients_named - {asked.patient}:
        raise _Refused("This token is for another patient.")
    if asked.interaction == "s":
        return _narrowed(asked)
    if asked.interaction in ("c", "u") and asked.method != "PATCH":
        _check_body(asked)
    if asked.interaction in ("u", "d") or "_history" in asked.segments:
        _check_stored(asked, send)
    return asked


def _whose(scopes: list[Scope], kind: str, interaction: str) -> str:
    covering = {scope.whose for scope in scopes if interaction and scope.covers(kind, interaction)}
    return "user" if "user" in covering else "patient" if covering else ""


def _narrowed(asked: Asked) -> Asked:
    if asked.patients_named or asked.kind in NOBODYS:
        return asked
    own = ("_id" if asked.kind == "Patient" else "patient", asked.patient)
    if asked.method == "POST":
        return replace(asked, form=(*asked.form, own))
    return replace(asked, query=(*asked.query, own))


def _check_body(asked: Asked) -> None:
    # A Provenance is about what was written.
    if asked.kind != "Provenance" and not belongs_to(_read(asked.body, Json), asked.patient):
        raise _Refused("It must be about this token's patient.")


def _check_stored(asked: Asked, send: Send) -> None:
    if not asked.id:
        raise _Refused("A change must name the resource by its id.")
    stored = send(Asked("GET", f"{asked.kind}/{asked.id}"))
    if stored.status == 200 and not belongs_to(stored.resource, asked.patient):
        raise _Refused("It is not this token's patient's.")


def _check_entry(entry: _Entry, patient: str, scopes: list[Scope], send: Send) -> None:
    """A transaction is allowed if each of its entries is; what is only read is asked for alone."""
    path, _, query = entry.request.url.partition("?")
    body = json.encode(entry.resource)
    one = Asked(entry.request.method, path.strip("/"), pairs(query), body=body, patient=patient)
    if one.interaction not in ("c", "u", "d"):
        raise _Refused("In a Bundle only creating, changing and deleting is allowed; search and read one by one.")
    _checked(one, scopes, send)


def _shown(answer: Answer, asked: Asked, scopes: list[Scope]) -> Answer:
    """Without what the scopes do not open: other types that were included, and other patients'."""
    found = answer.resource
    if found.get("resourceType") == "Bundle":
        entries = [_opened(entry, asked, scopes) for entry in found.get("entry", [])]
        kept = [entry for entry in entries if entry]
        return answer if kept == found.get("entry", []) else answer.with_resource(_without(found, kept))
    if answer.status < 300 and found and not _is_open(found, asked, scopes):
        raise _Refused("It is not this token's patient's.")
    return answer


def _without(found: Json, kept: list[Json]) -> Json:
    """A total that counts what is not shown would say that something is missing."""
    matches = sum(entry.get("search", {}).get("mode") == "match" for entry in kept)
    goes_on = any(link.get("relation") == "next" for link in found.get("link", []))
    counted = {} if goes_on or "total" not in found else {"total": matches}
    return {name: value for name, value in found.items() if name != "total"} | counted | {"entry": kept}


def _opened(entry: Json, asked: Asked, scopes: list[Scope]) -> Json:
    """{} for what is not shown; of a write what happened to it stays."""
    if "resource" not in entry or _is_open(entry["resource"], asked, scopes):
        return entry
    return {"response": entry["response"]} if "response" in entry else {}


def _is_open(resource: Json, asked: Asked, scopes: list[Scope]) -> bool:
    kind = resource.get("resourceType", "")
    letters = "rs" if asked.interaction in ("r", "s") else "crus"
    whose = {_whose(scopes, kind, letter) for letter in letters}
    is_theirs = belongs_to(resource, asked.patient) or (kind == "Provenance" and asked.method == "POST")
    return kind == "OperationOutcome" or "user" in whose or ("patient" in whose and is_theirs)


def _read(body: bytes, kind: type[Read]) -> Read:
    try:
        return json.decode(body, type=kind)
    except DecodeError as error:
        raise _Refused(f"{error}. Send a FHIR resource as JSON.", 400) from None
