"""With nothing prefetched, what is found on a third-party FHIR server leads to the findings that prefetch leads to."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from smart_ehr import TODAY, RunningEhr, smart_ehr
from teaching_calls import hook_call

from ehr.look_up import LookUp
from fixtures.teaching import PATIENTS, TeachingPatient, teaching_patients
from plugin.app import create_app
from sandbox.hook_calls import HOOKS, signed_order
from second_opinion.data_needs import NEEDS

Json = dict[str, Any]


@pytest.fixture
def ehr(sekmet: str) -> Iterator[RunningEhr]:
    with smart_ehr(sekmet, lambda port: []) as running:
        yield running


@pytest.fixture
def client(ehr: RunningEhr) -> Iterator[FlaskClient]:
    look_up = LookUp(20.0)
    app = create_app(
        "https://us.example", lambda: TODAY, look_up=look_up, allowed=lambda caller, server: server == ehr.fhir_base
    )
    yield app.test_client()
    look_up.close()


def patient_called(name: str) -> TeachingPatient:
    return next(patient for patient in teaching_patients(TODAY) if patient.id == name)


def without_prefetch(ehr: RunningEhr, patient: TeachingPatient, call: Json) -> Json:
    """The lanes that this patient's chart keeps from us are those that the token has no scope for."""
    scopes = " ".join(f"patient/{need.type}.rs" for need in NEEDS if need.lane not in patient.unreadable)
    token = ehr.token_for(call["context"]["patientId"], f"{scopes} patient/Medication.rs")
    access = {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": scopes, "subject": "us"}
    return {name: call[name] for name in ("hook", "hookInstance", "context")} | {
        "fhirServer": ehr.fhir_base,
        "fhirAuthorization": access,
    }


def judged(client: FlaskClient, call: Json) -> list[Json]:
    answer = client.post(f"/cds-services/second-opinion-{call['hook']}", json=call)
    assert answer.status_code == 200, answer.text
    assessments = [card["extension"]["org.second-opinion.assessment"] for card in answer.get_json()["cards"]]
    for assessment in assessments:  # why a lane could not be read is told as it was found: here a 403, there an outcome
        assessment["lanes"] = {lane: (read["state"], read["count"]) for lane, read in assessment["lanes"].items()}
        for finding in assessment["findings"]:
            finding["could_not_read"] = [str(each).partition(":")[0] for each in finding["could_not_read"]]
    return assessments


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("name", PATIENTS)
def test_every_teaching_patient_is_judged_alike_with_and_without_prefetch(
    client: FlaskClient, ehr: RunningEhr, name: str, hook: str
) -> None:
    patient = patient_called(name)
    call = hook_call(patient, hook)
    if hook == "order-dispatch":  # by then it is signed, and the EHR keeps it
        kept = ehr.own("PUT", f"fhir/ServiceRequest/{patient.order['id']}", signed_order(patient))
        assert kept.status in (200, 201), kept.data
    looked_up = judged(client, without_prefetch(ehr, patient, call))
    assert looked_up == judged(client, call)
    assert [assessment["indicator"] for assessment in looked_up] == [patient.expect[hook]] * bool(patient.expect[hook])
