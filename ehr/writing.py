"""Writes to an EHR's FHIR server: create, update, withdraw; what became of it, in words for whoever asked for it.

Only what may be sent twice without harm is sent again: a create that names its identifier (If-None-Exist).
"""

from contextlib import suppress
from time import monotonic
from urllib.parse import quote

from msgspec import json

from ehr.addresses import below
from ehr.refusals import Refused, late, refusal
from ehr.wire import Answer, NoAnswer, Wire
from ehr.written import (
    Json,
    Written,
    carries,
    is_same,
    knows_no_identifier,
    ours_in,
    reference_of,
    resource_in,
    version_of,
)

_BYTES_MOST = 8 * 1024 * 1024
_MEDIA_TYPE = "application/fhir+json"
_LOOK_FIRST = "It may or may not have been written. Look in the EHR first: written again, it might stand there twice."
_LOST = "The EHR took it, and does not say where it is, or shows something else. Look for it in the EHR."
_UNCHECKED = "Whether it was written before could not be checked in the EHR. Try again in a moment: it is written once."
_ONCE_MORE = (502, 503, 504)
_GONE = (404, 410)
_NO_DELETE = (400, 403, 404, 405, 409, 422, 501)


class Writing:
    """One EHR's server, as one user may write to it. Each request is given `seconds`; the token is in no message."""

    def __init__(self, wire: Wire, base: str, token: str, seconds: float) -> None:
        self._wire, self._base, self._seconds = wire, base, seconds
        self._headers = {"Accept": _MEDIA_TYPE, "Authorization": f"Bearer {token}"}

    def read(self, reference: str) -> Written:
        """Raises Refused."""
        answer = self._ask("GET", reference)
        found = resource_in(answer)
        if answer.status != 200 or reference != reference_of(found):
            raise refusal(answer.status, answer.body, f"read {_kind(reference)}", writes=False)
        return Written(reference, version_of(answer, found), found)

    def create(self, resource: Json, identifier: Json, may_be_there: bool = False) -> Written:
        """Writes it, unless one with this identifier is there: then that one. Raises Refused.

        `may_be_there`: somebody may have written it without a word; where that cannot be known, it is not written.
        """
        kind = resource["resourceType"]
        posted = self._post(kind, resource, identifier)
        written = posted if isinstance(posted, Written) else self._taken(posted, resource, identifier, may_be_there)
        if written.resource and not is_same(written.resource, resource):
            raise Refused("unknown", _LOST, may_be_written=True)
        return written

    def _taken(self, answer: Answer, resource: Json, identifier: Json, may_be_there: bool) -> Written:
        kind = resource["resourceType"]
        if knows_no_identifier(answer):
            if may_be_there:
                raise Refused("unknown", _LOOK_FIRST, may_be_written=True, status=answer.status)
            answer = self._post_unconditionally(kind, resource)
        if not 200 <= answer.status < 300:
            raise refusal(answer.status, answer.body, f"write a {kind}")
        return self._as_created(answer, kind, identifier)

    def find(self, kind: str, identifier: Json) -> Written | None:
        """What stands there with this identifier; none where the server cannot say. Raises Refused if it fails."""
        return _with_identifier(self._searched(kind, identifier), kind, identifier)

    def _searched(self, kind: str, identifier: Json) -> Answer:
        try:
            answer = self._ask("GET", f"{kind}?{_search(identifier).replace('|', '%7C')}")
        except Refused:
            raise Refused("unknown", _UNCHECKED, may_be_written=True) from None
        if answer.status == 401:
            raise refusal(answer.status, answer.body, f"find a {kind}")
        if answer.status >= 500:
            raise Refused("unknown", _UNCHECKED, may_be_written=True, status=answer.status)
        return answer

    def _post(self, kind: str, resource: Json, identifier: Json) -> Answer | Written:
        """Once more, if nobody knows what became of the first, and a search shows that it is not there.

        Not all servers heed If-None-Exist, and one that refuses the search has not said that nothing is there.
        """
        more = {"If-None-Exist": _search(identifier), "Prefer": "return=representation"}
        try:
            first = self._ask("POST", kind, resource, more)
        except Refused as refused:
            if not refused.may_be_written:
                raise
            doubt = refused
        else:
            if first.status not in _ONCE_MORE:
                return first
            doubt = refusal(first.status, first.body, f"write a {kind}")
        try:
            searched = self._searched(kind, identifier)
            if searched.status != 200:
                raise doubt
            return _with_identifier(searched, kind, identifier) or self._ask("POST", kind, resource, more)
        except Refused:
            raise doubt from None

    def _post_unconditionally(self, kind: str, resource: Json) -> Answer:
        """Never twice: nothing but our journal keeps it to once."""
        answer = Answer(0, b"")
        with suppress(Refused):
            answer = self._ask("POST", kind, resource, {"Prefer": "return=representation"})
        if not answer.status or answer.status >= 500:
            raise Refused("unknown", _LOOK_FIRST, may_be_written=True, status=answer.status)
        return answer

    def update(self, reference: str, resource: Json, version: str) -> Written:
        """Only if the server still has this version. Raises Refused."""
        answer = self._ask(
            "PUT", reference, resource, {"If-Match": f'W/"{version}"', "Prefer": "return=representation"}
        )
        if answer.status not in (200, 201):
            raise refusal(answer.status, answer.body, f"change {_kind(reference)}")
        found = resource_in(answer)
        if reference_of(found) != reference:
            return self.read(reference)
        return Written(reference, version_of(answer, found), found)

    def withdraw(self, reference: str, version: str, identifier: Json, status: str, may_delete: bool) -> None:
        """Takes back what we wrote, and only that: deletes it or, where that is not to be had, sets its status.

        What is gone already is withdrawn. Raises Refused, also if it was changed since.
        """
        now = self._still_ours(reference, identifier)
        if now is None or now.resource.get("status") == status:
            return
        if not version or now.version != version:
            raise Refused("changed", f"Somebody has changed this {_kind(reference)} since, or the EHR does "
                          "not tell versions: it was left as it is. Withdraw it in the EHR.")  # fmt: skip
        if may_delete:
            answer = self._ask("DELETE", reference, None, {"If-Match": f'W/"{version}"'})
            if answer.status in (200, 202, 204, 410):
                return
            if answer.status not in _NO_DELETE:
                raise refusal(answer.status, answer.body, f"withdraw {_kind(reference)}")
            if self._still_ours(reference, identifier) is None:  # somebody was quicker
                return
        self.update(reference, now.resource | {"status": status}, version)

    def _still_ours(self, reference: str, identifier: Json) -> Written | None:
        try:
            now = self.read(reference)
        except Refused as refused:
            if refused.status in _GONE:
                return None
            raise
        if not carries(now.resource, identifier):
            raise Refused("changed", f"What {reference} is now does not carry our identifier: it was left as it is.")
        return now

    def _as_created(self, answer: Answer, kind: str, identifier: Json) -> Written:
        """Some servers send nothing back, or no more than where it is."""
        found = resource_in(answer)
        if found.get("resourceType") == kind and found.get("id"):
            return Written(reference_of(found), version_of(answer, found), found)
        place = below(self._base, answer.location) if answer.location else ""
        name, _, version = place.removeprefix(f"{self._base}/{kind}/").partition("/_history/")
        if name and "/" not in name:
            reference = f"{kind}/{name}"
            try:
                return self.read(reference)
            except Refused:  # written, and not for us to read
                return Written(reference, version or version_of(answer, {}), {})
        if found_there := self.find(kind, identifier):
            return found_there
        raise Refused("unknown", _LOST, may_be_written=True)

    def _ask(self, method: str, path: str, resource: Json | None = None, more: dict[str, str] | None = None) -> Answer:
        headers = self._headers | (more or {}) | ({"Content-Type": _MEDIA_TYPE} if resource is not None else {})
        body = None if resource is None else json.encode(resource)
        deadline = monotonic() + self._seconds
        try:
            return self._wire.ask(method, f"{self._base}/{path}", headers, deadline, _BYTES_MOST, body)
        except NoAnswer as problem:
            raise late(str(problem), may_be_written=method != "GET" and problem.was_sent) from None


def _with_identifier(searched: Answer, kind: str, identifier: Json) -> Written | None:
    ours = ours_in(resource_in(searched), kind, identifier)
    return Written(reference_of(ours), version_of(Answer(200, b""), ours), ours) if ours else None


def _search(identifier: Json) -> str:
    return f"identifier={quote(identifier['system'], safe='')}|{quote(identifier['value'], safe='')}"


def _kind(reference: str) -> str:
    return reference.partition("/")[0]
