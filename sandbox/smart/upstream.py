"""The FHIR server behind: requests go on to it, and its addresses become ours on the way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import DecodeError, json
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from sandbox.outcomes import outcome
from sandbox.smart.asked import Asked

Json = dict[str, Any]
FHIR_JSON = "application/fhir+json"
_PASSED_ON = ("Prefer", "If-Match", "If-None-Match", "If-None-Exist", "If-Modified-Since", "Content-Type")
_PASSED_BACK = ("ETag", "Last-Modified", "Location", "Content-Location")


@dataclass(frozen=True)
class Answer:
    """`headers` are those passed back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> Json:
        """{} if it holds none."""
        try:
            read = json.decode(self.body) if self.body else {}
        except DecodeError:
            return {}
        return read if isinstance(read, dict) else {}

    def with_resource(self, resource: Json) -> "Answer":
        return Answer(self.status, json.encode(resource), self.headers)


def refusal(status: int, code: str, why: str, **headers: str) -> Answer:
    return Answer(status, json.encode(outcome(code, why)), headers)


class Upstream:
    """`base` is where it is, `shown` where it seems to be; `token` opens it, if it wants one."""

    def __init__(self, base: str, shown: str, token: str = "") -> None:
        self.base, self._shown = base.rstrip("/"), shown
        self._headers = {"Accept": FHIR_JSON} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._pools = PoolManager(maxsize=16)

    def send(self, asked: Asked) -> Answer:
        url = f"{self.base}/{quote(asked.path, safe='/$')}".rstrip("/") + (
            f"?{urlencode(asked.query)}" if asked.query else ""
        )
        headers = {name: value for name, value in asked.headers.items() if name in _PASSED_ON} | self._headers
        if asked.form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(asked.form).encode() if asked.form else self._readdressed(asked.body, self._shown, self.base)
        try:
            answer = self._pools.request(
                asked.method, url, body=body or None, headers=headers,
                timeout=Timeout(total=30), redirect=False, retries=False,
            )  # fmt: skip
        except HTTPError:
            return refusal(502, "transient", "The FHIR server behind the mock EHR does not answer.")
        return Answer(answer.status, self._readdressed(answer.data, self.base, self._shown), self._back(answer.headers))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        return self.send(Asked("GET", path, tuple((query or {}).items())))

    def close(self) -> None:
        self._pools.clear()

    def _back(self, headers: Mapping[str, str]) -> dict[str, str]:
        kept = {name: headers[name] for name in _PASSED_BACK if name in headers}
        return {name: _moved(value, self.base, self._shown) for name, value in kept.items()}

    def _readdressed(self, body: bytes, old: str, new: str) -> bytes:
        if old.encode() not in body and b"\\/" not in body:
            return body
        try:
            return json.encode(_moved(json.decode(body), old, new))
        except DecodeError:
            return body


def _moved(value: Any, old: str, new: str) -> Any:
    """Strings that are addresses on one base, on the other."""
    if isinstance(value, dict):
        return {key: _moved(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, old, new) for item in value]
    if isinstance(value, str) and value.startswith(old) and value[len(old) : len(old) + 1] in ("", "/", "?"):
        return new + value[len(old) :]
    return value
