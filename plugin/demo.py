"""What stands behind `demo`: a FHIR server with teaching patients, or an external one, and the EHR in front of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import partial

from flask import Blueprint

import sandbox.mock_ehr
import sandbox.smart.door
from ehr.trust import CdsClient, SmartEhr, Trust
from ehr.urls import one_spelling
from fixtures.teaching import teaching_patients
from journal.errors import JournalDown
from journal.journal import Journal
from journal.kept import Json, kept_of_call
from sandbox.breaking import Breaking
from sandbox.ehr import Ehr
from sandbox.fhir_process import fhir_process
from sandbox.fhir_side import Behind, Server
from sandbox.people import fhir_id
from sandbox.signing import ALGORITHM, Signer
from sandbox.smart.clients import CHART, Client
from sandbox.smart.ehr import HOOKS_CLIENT, SandboxEhr
from second_opinion.data_needs import LANE_OF_TYPE
from second_opinion.errors import SecondOpinionError

_APP = "second-opinion"
_FOR_ALL = "user/*.cruds"
_MET_SECONDS = 20.0  # public servers may be slow to begin
_WRITTEN_SECONDS = 2.0  # what was just answered is still being written


@dataclass(frozen=True)
class Demo:
    """`url`: the mock EHR's, on 127.0.0.1; `base_url`: the service's and the app's, on localhost.

    Two sites for a browser, so that the app's frame meets here what it will meet in a hospital.
    """

    url: str
    base_url: str
    behind: Behind
    signer: Signer
    smart: SandboxEhr

    @property
    def trust(self) -> Trust:
        """The service knows this EHR as it would know a hospital's."""
        client = CdsClient(
            iss=self.signer.iss, algorithms=(ALGORITHM,), jku=self.signer.jku, fhir_servers=(self.behind.address,)
        )
        smart = SmartEhr(iss=self.behind.address, client_id=_APP, auth="public", frame_ancestors=(self.url,))
        return Trust(self.base_url, (client,), (smart,))

    def pages(self, today: Callable[[], date], journal: Journal) -> list[Blueprint]:
        """The mock EHR's, and its FHIR and authorization servers'."""
        breaking = Breaking(self.behind.break_it, self.behind.external)
        ehr = Ehr(today, self.behind, self.signer, breaking, f"{self.base_url}/launch", partial(kept, journal))
        return [sandbox.mock_ehr.create_blueprint(ehr), sandbox.smart.door.create_blueprint(self.smart)]


def kept(journal: Journal, hook_instance: str) -> Json | None:
    journal.writer.flush(_WRITTEN_SECONDS)
    try:
        return kept_of_call(journal.database, hook_instance)
    except JournalDown:
        return None


@contextmanager
def demo_on(
    port: int, fhir_server: str = "", token: str = "", today: date | None = None, is_open: bool = False
) -> Iterator[Demo]:
    """`fhir_server`: an external one instead of ours, which is never open to those without a token.

    Raises SecondOpinionError, with the remedy.
    """
    if fhir_server and is_open:
        raise SecondOpinionError("--open is for the demo's own synthetic charts. Leave out --open, or --fhir.")
    url, base_url = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
    day = today or date.today()
    with nullcontext(external(fhir_server, token)) if fhir_server else fhir_process(day) as base:
        app = Client(_APP, (f"{base_url}/callback",))
        smart = SandboxEhr(url, base, (app,), token=token, for_all=_FOR_ALL if is_open else "")
        if not fhir_server:
            smart.faults.refuse(refusals(day))
        behind = Behind(
            own=opened_by(token, base), address=smart.fhir_base,
            grant=partial(granted, smart), launch=smart.launch_url, break_it=partial(broken, smart),
            external=bool(fhir_server),
        )  # fmt: skip
        try:
            yield Demo(url, base_url, behind, Signer(f"{url}/sandbox", base_url), smart)
        finally:
            smart.close()


def external(fhir_server: str, token: str) -> str:
    """Its address. Raises SecondOpinionError for one that we would not take from an EHR, or where no FHIR server is."""
    try:
        address = one_spelling(fhir_server)
    except ValueError as problem:
        raise SecondOpinionError(f"--fhir: {problem}.") from None
    said = opened_by(token, address).get("metadata", _MET_SECONDS)
    if (said.body or {}).get("resourceType") != "CapabilityStatement":
        what = f"answered {said.status} without a CapabilityStatement" if said.status else "did not answer"
        raise SecondOpinionError(f"--fhir: {address}/metadata {what}. Try: second-opinion doctor {address}")
    return address


def opened_by(token: str, base: str) -> Server:
    return Server(base, {"access_token": token} if token else None)


def granted(smart: SandboxEhr, user: str, patient: str) -> Json:
    return {
        "access_token": smart.token_for(patient, user), "token_type": "Bearer", "expires_in": 300,
        "scope": CHART, "subject": HOOKS_CLIENT, "patient": patient,
    }  # fmt: skip


def broken(smart: SandboxEhr, fault: str) -> None:
    smart.faults.clear()
    if fault:
        smart.faults.set(fault)


def refusals(today: date) -> dict[tuple[str, str], tuple[int, str]]:
    """What the EHR keeps from the service in some teaching charts: patient and FHIR type to status and words."""
    return {
        (fhir_id(patient), kind): (answer["status"], answer["text"])
        for patient in teaching_patients(today)
        for lane, answer in patient.unreadable.items()
        for kind, of_lane in LANE_OF_TYPE.items()
        if of_lane == lane
    }
