"""The FHIR server behind the mock EHR: how its own screens read and write it, and what the service is told of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from msgspec import DecodeError, json
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from sandbox.smart.store import Launch

Json = dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """One answer; `status` 0 if none came in time. `body` is None if what came is no JSON object."""

    status: int
    size: int
    milliseconds: float
    body: Json | None

    @property
    def is_fine(self) -> bool:
        return self.status in (200, 201) and self.body is not None


class Server:
    """A FHIR server as one reader may use it. The token is in no message."""

    def __init__(self, base: str, authorization: Json | None = None) -> None:
        self.base = base.rstrip("/")
        self._headers = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"}
        if authorization:
            self._headers["Authorization"] = f"Bearer {authorization['access_token']}"

    def get(self, query: str, seconds: float) -> Answered:
        return self._ask("GET", query, None, seconds)

    def create(self, resource: Json, seconds: float) -> Answered:
        return self._ask("POST", resource["resourceType"], resource, seconds)

    def put(self, resource: Json, seconds: float) -> Answered:
        return self._ask("PUT", f"{resource['resourceType']}/{resource['id']}", resource, seconds)

    def delete(self, address: str, seconds: float) -> Answered:
        return self._ask("DELETE", address, None, seconds)

    def find(self, query: str, seconds: float) -> list[Json]:
        """The resources of the first page; none if it cannot be had."""
        body = self.get(query, seconds).body or {}
        return [entry["resource"] for entry in body.get("entry", []) if isinstance(entry.get("resource"), dict)]

    def _ask(self, method: str, query: str, body: Json | None, seconds: float) -> Answered:
        began = time.perf_counter()
        sent = json.encode(body) if body else None
        try:
            answer = _POOLS.request(
                method,
                f"{self.base}/{query}",
                body=sent,
                headers=self._headers,
                timeout=Timeout(total=seconds),
                redirect=False,
                retries=False,
            )
        except HTTPError:
            return Answered(0, 0, (time.perf_counter() - began) * 1000, None)
        taken = (time.perf_counter() - began) * 1000
        return Answered(answer.status, len(answer.data), taken, _object(answer.data))


def _object(data: bytes) -> Json | None:
    try:
        read = json.decode(data)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


_POOLS = PoolManager(maxsize=16, block=False)

Grant = Callable[[str, str], Json | None]  # user and patient, as a fhirAuthorization, if the server wants one
Open = Callable[[str, Launch], str]  # an app's launch address, what is on screen -> where the app's frame goes
Break = Callable[[str], None]  # a fault of faults.py by its id, '' mends


def _nothing(fault: str) -> None:
    pass


@dataclass(frozen=True)
class Behind:
    """`own`: as the EHR reads it, whole. `address`: as the service is told, where faults and refusals apply.

    `external`: `own` is somebody else's server, without our teaching patients.
    """

    own: Server
    address: str
    grant: Grant = field(default=lambda user, patient: None)
    launch: Open | None = None
    break_it: Break = _nothing
    external: bool = False

    def for_the_service(self, user: str, patient: str) -> tuple[Server, Json | None]:
        """The server as the service may read it, and the fhirAuthorization it is given."""
        given = self.grant(user, patient)
        return Server(self.address, given), given


def patients_called(server: Server, name: str, seconds: float) -> list[Json]:
    return server.find(f"Patient?name={quote(name, safe='')}&_count=20" if name else "Patient?_count=20", seconds)
