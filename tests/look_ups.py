"""Calls that leave lanes out, and the service that looks them up; shared by the tests of looking up."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from types import MappingProxyType
from typing import Any

from fhir_server import FakeServer, Json
from flask.testing import FlaskClient
from teaching_calls import hook_call

from ehr.look_up import LookUp
from ehr.warm import WarmLanes
from fixtures.teaching import TeachingPatient, teaching_patients
from plugin.app import create_app
from second_opinion.data_needs import NEEDS, prefetch_templates

TODAY = date(2026, 11, 22)
TOKEN = "canary-5b1f"  # noqa: S105
PATIENTS = {patient.id: patient for patient in teaching_patients(TODAY)}
DANIEL, RUTH = PATIENTS["no-therapy-found"], PATIENTS["failed-fusion"]
TYPES = {need.lane: need.type for need in NEEDS}
LANES = tuple(prefetch_templates("order-sign"))
LISTED = tuple(lane for lane in LANES if lane != "patient")
ABSENT = ...


@contextmanager
def service(
    budget: float = 10.0, warm: WarmLanes | None = None, allowed: bool = True
) -> Iterator[tuple[FlaskClient, LookUp]]:
    look_up = LookUp(budget, warm)
    app = create_app("https://us.example", lambda: TODAY, look_up=look_up, allowed=lambda caller, server: allowed)
    yield app.test_client(), look_up
    look_up.close()


def chart_of(*people: TeachingPatient) -> list[Json]:
    return [entry["resource"] for person in people for entry in person.chart["entry"]]


def call_of(
    person: TeachingPatient,
    hook: str,
    server: FakeServer | None,
    sent: Mapping[str, Any] = MappingProxyType({}),
    token: str | None = TOKEN,
) -> Json:
    """A call with the usual prefetch; `sent` replaces what came for a lane, or leaves it out (ABSENT)."""
    call = deepcopy(hook_call(person, hook))
    call["prefetch"] = {lane: value for lane, value in (call["prefetch"] | dict(sent)).items() if value is not ABSENT}
    if server:
        call |= {"fhirServer": server.url, "fhirAuthorization": {"access_token": token, "token_type": "Bearer"}}
    return call


def without(*lanes: str) -> Json:
    return dict.fromkeys(lanes, ABSENT)


def one_of(lane: str, **elements: Any) -> Json:
    """One resource of Daniel's."""
    usual = {"resourceType": TYPES[lane], "id": "one", "status": "completed", "subject": DANIEL.order["subject"]}
    return usual | elements


def cards(client: FlaskClient, call: Json) -> list[Json]:
    response = client.post(f"/cds-services/second-opinion-{call['hook']}", json=call)
    assert response.status_code == 200, response.text
    assert TOKEN not in response.text
    shown: list[Json] = response.get_json()["cards"]
    return shown


def answered(client: FlaskClient, call: Json) -> Json:
    """The assessment on the one card."""
    (card,) = cards(client, call)
    assessment: Json = card["extension"]["org.second-opinion.assessment"]
    return assessment


def outcomes(assessment: Json) -> dict[str, str]:
    return {finding["rule"]: finding["outcome"] for finding in assessment["findings"]}
