"""What a token may do: scopes by type and interaction, and of one patient's data nobody else's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from msgspec import DecodeError, json

from sandbox.smart.asked import Asked, pairs
from sandbox.smart.compartment import NOBODYS, belongs_to
from sandbox.smart.scopes import Scope, data_scopes
from sandbox.smart.upstream import Answer, refusal

Json = dict[str, Any]
Send = Callable[[Asked], Answer]


class _Refused(Exception):
    """The token does not allow it."""


def within(scope: str, asked: Asked, send: Send) -> Answer:
    """The answer to a request, as far as the scopes and the token's patient allow it; else 403."""
    scopes = list(data_scopes(scope))
    try:
        if asked.method == "POST" and not asked.path:
            _check_entries(asked, scopes, send)
            return send(asked)
        return _shown(send(_checked(asked, scopes, send)), asked, scopes)
    except _Refused as why:
        return refusal(403, "forbidden", str(why))


def _checked(asked: Asked, scopes: list[Scope], send: Send) -> Asked:
    """The request, narrowed to the patient if it must be."""
    if asked.is_everything:
        whose = _whose(scopes, "Patient", "r")
    else:
        whose = _whose(scopes, asked.kind, asked.interaction) if asked.interaction else ""
    if not whose:
        raise _Refused(f"The scopes do not allow this: {asked.method} {asked.kind or 'of the whole server'}.")
    if whose == "user":
        return asked
    if asked.patients_named - {asked.patient}:
        raise _Refused("This token is for another patient.")
    if asked.interaction == "s":
        return _narrowed(asked)
    if asked.interaction in ("c", "u"):
        _check_body(asked)
    if asked.interaction in ("u", "d"):
        _check_stored(asked, send)
    return asked


def _whose(scopes: list[Scope], kind: str, interaction: str) -> str:
    covering = {scope.whose for scope in scopes if scope.covers(kind, interaction)}
    return "user" if "user" in covering else "patient" if covering else ""


def _narrowed(asked: Asked) -> Asked:
    if asked.patients_named or asked.kind in NOBODYS:
        return asked
    own = ("_id" if asked.kind == "Patient" else "patient", asked.patient)
    if asked.method == "POST":
        return replace(asked, form=(*asked.form, own))
    return replace(asked, query=(*asked.query, own))


def _check_body(asked: Asked) -> None:
    if asked.method == "PATCH":
        return  # what is there is checked
    try:
        resource = json.decode(asked.body, type=Json)
    except DecodeError:
        return  # the server says what is wrong with it
    if not belongs_to(resource, asked.patient):
        raise _Refused("It must be about this token's patient.")


def _check_stored(asked: Asked, send: Send) -> None:
    if not asked.id:
        raise _Refused("A change must name the resource by its id.")
    stored = send(Asked("GET", f"{asked.kind}/{asked.id}"))
    if stored.status == 200 and not belongs_to(stored.resource, asked.patient):
        raise _Refused("It is not this token's patient's.")


def _check_entries(asked: Asked, scopes: list[Scope], send: Send) -> None:
    """A transaction is allowed if each of its entries is; searches are sent alone."""
    for entry in json.decode(asked.body, type=Json).get("entry", []) if asked.body else []:
        request = entry.get("request", {})
        path, _, query = str(request.get("url", "")).partition("?")
        one = Asked(
            str(request.get("method", "")), path.strip("/"), pairs(query), (), json.encode(entry.get("resource", {})),
            patient=asked.patient,
        )  # fmt: skip
        if one.interaction not in ("c", "u", "d"):
            raise _Refused("In a Bundle only creating, changing and deleting is allowed; search and read one by one.")
        _checked(one, scopes, send)


def _shown(answer: Answer, asked: Asked, scopes: list[Scope]) -> Answer:
    """Without what the scopes do not open: other types that were included, and other patients'."""
    found = answer.resource
    if found.get("resourceType") == "Bundle":
        entries = found.get("entry", [])
        kept = [entry for entry in entries if _is_open(entry.get("resource", {}), asked, scopes)]
        return answer if len(kept) == len(entries) else answer.with_resource(found | {"entry": kept})
    if answer.status < 300 and found and not _is_open(found, asked, scopes):
        raise _Refused("It is not this token's patient's.")
    return answer


def _is_open(resource: Json, asked: Asked, scopes: list[Scope]) -> bool:
    kind = resource.get("resourceType", "")
    letters = "rs" if asked.interaction in ("r", "s", "") else asked.interaction
    whose = {_whose(scopes, kind, letter) for letter in letters}
    return kind == "OperationOutcome" or "user" in whose or ("patient" in whose and belongs_to(resource, asked.patient))
