"""A SMART EHR for tests: sekmet behind our sandbox's authorization, on real servers, with an app beside it."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

from a_site import Site, serving
from flask import Flask
from msgspec import json
from urllib3 import BaseHTTPResponse, PoolManager

from fixtures.loading import Target, address_of, resources_of
from fixtures.teaching import teaching_patients
from sandbox.fhir_process import fhir_process
from sandbox.smart.clients import Client
from sandbox.smart.door import KEY_HEADER, create_blueprint
from sandbox.smart.ehr import SURGEON, SandboxEhr, Seen
from sandbox.smart.store import Launch

Json = dict[str, Any]
VERIFIER = "v" * 64
RUTH, DANIEL = "ruth-keller", "daniel-osei"
TODAY = date.today()  # also after midnight: what is dated from it must agree


@contextmanager
def fhir_server() -> Iterator[str]:
    """sekmet with the teaching patients, dated from today; one for a whole test session (conftest.py)."""
    with fhir_process(TODAY) as base:
        yield base


class RunningEhr:
    """The EHR at http://127.0.0.1:PORT; what was asked of it is in `recorded`."""

    def __init__(self, ehr: SandboxEhr, fhir_server: str, recorded: list[Seen], ahead: list[float]) -> None:
        self.ehr, self.fhir_server, self.recorded, self.ahead = ehr, fhir_server, recorded, ahead
        self.fhir_base, self.authorize, self.token = (
            ehr.fhir_base,
            f"{ehr.auth_base}/authorize",
            f"{ehr.auth_base}/token",
        )
        self.http = PoolManager()

    def launch_url(self, app: str, patient: str, user: str = SURGEON, **context: Any) -> str:
        """What an EHR's frame would open; `context` as in Launch: app_context, intent, encounter, ..."""
        return self.ehr.launch_url(app, Launch(patient=patient, user=user, **context))

    def launch_token(self, patient: str, user: str = SURGEON, **context: Any) -> str:
        return self.ehr.store.add_launch(Launch(patient=patient, user=user, **context))

    def token_for(self, patient: str, scope: str = "patient/*.cruds", seconds: float = 300) -> str:
        return self.ehr.token_for(patient, scope=scope, seconds=seconds)

    def set_fault(self, name: str, on: bool = True, patient: str = "") -> None:
        self.ehr.faults.set(name, on, patient)

    def pass_seconds(self, seconds: float) -> None:
        """For the EHR it is that much later."""
        self.ahead.append(seconds)

    def expire_tokens(self) -> None:
        self.ehr.store.expire()

    def seen(self, kind: str) -> list[Seen]:
        """authorize | token | fhir | other, in the order they came."""
        return [each for each in self.recorded if each.kind == kind]

    def get(self, query: str) -> Json:
        """Straight from the FHIR server behind, past authorization and faults."""
        return read(self.http.request("GET", f"{self.fhir_server}/{query}"))

    def fhir(
        self, method: str, path: str, token: str = "", body: Json | None = None, **headers: str
    ) -> BaseHTTPResponse:
        """As an app asks; `headers` with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent.setdefault("Content-Type", "application/fhir+json")
        content = json.encode(body) if body is not None else None
        return self.http.request(method, f"{self.fhir_base}/{path}", body=content, headers=sent, redirect=False)

    def own(self, method: str, path: str, body: Json | None = None, key: str | None = None) -> BaseHTTPResponse:
        """As the mock EHR's own pages ask."""
        headers = {KEY_HEADER: self.ehr.key if key is None else key}
        return self.http.request(method, f"{self.ehr.origin}/sandbox/{path}", json=body, headers=headers)


def read(answer: BaseHTTPResponse) -> Json:
    found: Json = json.decode(answer.data)
    return found


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@contextmanager
def smart_ehr(
    fhir_server: str,
    clients: Callable[[int], list[Client]],
    app: Callable[[SandboxEhr], Flask] | None = None,
    access_seconds: float = 300,
    asks_first: bool = False,
    records: bool = True,
    for_all: str = "",
) -> Iterator[RunningEhr]:
    """`clients` is told the port. `app` makes the application to serve (also at http://localhost:PORT) from the EHR;
    the EHR's own pages are added to it. What is written while it runs is undone at its end.
    """
    recorded: list[Seen] = []
    with Site() as site:
        ahead: list[float] = []
        ehr = SandboxEhr(
            site.address, fhir_server, clients(site.server_port), access_seconds, asks_first,
            on_request=recorded.append if records else None,
            now=lambda: time.time() + sum(ahead), for_all=for_all,
        )  # fmt: skip
        served = app(ehr) if app else Flask("an EHR alone")
        served.register_blueprint(create_blueprint(ehr))
        running = RunningEhr(ehr, fhir_server, recorded, ahead)
        try:
            with unchanged(fhir_server), serving(site, served):
                yield running
        finally:
            ehr.close()
            running.http.clear()


@contextmanager
def unchanged(fhir_server: str) -> Iterator[None]:
    """What is written meanwhile is taken away, and the teaching patients' own resources are put back if they were
    changed: one server is shared by all tests of a session, in any order.
    """
    with closing(Target(fhir_server)) as target:
        before = changes(target)
        try:
            yield
        finally:
            if since := changes(target) - before:
                restore(target, since)


def changes(target: Target) -> int:
    """How many the FHIR server has seen."""
    return int((target.ask("GET", f"{target.base}/_history?_count=1") or {})["total"])


def restore(target: Target, since: int) -> None:
    entries = (target.ask("GET", f"{target.base}/_history?_count={since}") or {})["entry"]
    changed = {"/".join(entry["fullUrl"].split("/")[-2:]) for entry in entries}
    ours = {address_of(each): each for patient in teaching_patients(TODAY) for each in resources_of(patient)}
    undone = [
        {"resource": ours[address], "request": {"method": "PUT", "url": address}}
        if address in ours
        else {"request": {"method": "DELETE", "url": address}}
        for address in sorted(changed)
    ]
    target.ask("POST", target.base, {"resourceType": "Bundle", "type": "batch", "entry": undone})
