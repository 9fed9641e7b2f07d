"""Requests and answers that others published, sent to every service: never an error of ours, always the right form."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from msgspec import json
from test_cds_services import call_of
from test_conformance import ROWS

from journal.journal import open_journal
from plugin.app import create_app

PROTOCOL = Path(__file__).resolve().parents[2] / "shared" / "protocol"
SAMPLES = sorted((PROTOCOL / "samples").rglob("*.json"))
HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")

pytestmark = pytest.mark.skipif(
    not SAMPLES, reason=f"{PROTOCOL} is not here: others' samples are not part of the repository"
)


@pytest.fixture
def client() -> FlaskClient:
    return create_app("https://second-opinion.example", today=lambda: date(2026, 11, 22)).test_client()


def faults(body: Any, name: str) -> list[str]:
    """What a schema has against a body."""
    schema = json.decode((PROTOCOL / "schemas" / f"{name}.schema.json").read_bytes())
    return [error.message for error in Draft202012Validator(schema).iter_errors(body)]


def hook_of(sample: Path) -> str:
    body = json.decode(sample.read_bytes())
    return str(body.get("hook", "")) if isinstance(body, dict) else ""


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sample_is_answered_in_the_right_form_by_every_service(
    client: FlaskClient, sample: Path, hook: str
) -> None:
    response = client.post(
        f"/cds-services/second-opinion-{hook}", data=sample.read_bytes(), content_type="application/json"
    )
    if hook_of(sample) == hook == "order-dispatch" and not json.decode(sample.read_bytes()).get("prefetch"):
        assert response.status_code == 412
        said = OperationOutcome.model_validate(response.get_json()).issue[0].diagnostics
        assert "ServiceRequest/example" in str(said)
    elif hook_of(sample) == hook:
        assert response.status_code == 200, response.text
        assert faults(response.get_json(), "response") == []
    else:
        assert response.status_code == 400
        OperationOutcome.model_validate(response.get_json())


def test_there_is_a_sample_of_every_hook() -> None:
    assert set(HOOKS) <= {hook_of(sample) for sample in SAMPLES}


def epic_call() -> dict[str, Any]:
    path = PROTOCOL / "samples/epic-like/order-sign_ServiceRequest_SYNTHETIC.json"
    call: dict[str, Any] = json.decode(path.read_bytes())
    return call


def test_an_order_as_epic_sends_it_without_a_reason_in_an_empty_chart_is_told_so(client: FlaskClient) -> None:
    (card,) = client.post("/cds-services/second-opinion-order-sign", json=epic_call()).get_json()["cards"]
    assert card["indicator"] == "info"
    assert "no indication found in the record" in card["summary"]
    assert "**Nonsurgical care: could not be checked.**" in card["detail"]  # medications were not sent


def test_an_order_dispatched_with_its_chart_is_answered(client: FlaskClient) -> None:
    (sample,) = [path for path in SAMPLES if hook_of(path) == "order-dispatch" and path.parent.name == "inferno"]
    call = json.decode(sample.read_bytes())
    knee = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "27447"}]}
    order = {"resourceType": "ServiceRequest", "id": "example", "status": "active", "intent": "order", "code": knee}
    found = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": order}]}
    call["prefetch"] = {"service_requests": found}
    response = client.post("/cds-services/second-opinion-order-dispatch", json=call)
    assert (response.status_code, response.get_json()) == (200, {"cards": []})


def test_an_order_as_epic_sends_it_gets_a_card_that_draws_no_conclusion_from_what_was_not_sent(
    client: FlaskClient,
) -> None:
    call = epic_call()
    # With a usual reason: without one, that alone is what the card tells.
    order = call["context"]["draftOrders"]["entry"][0]["resource"]
    order["reasonCode"] = [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M43.16"}]}]
    (card,) = client.post("/cds-services/second-opinion-order-sign", json=call).get_json()["cards"]
    assert card["indicator"] == "info"
    assert "No conclusion" in card["summary"]
    assessment = card["extension"]["org.second-opinion.assessment"]
    assert assessment["planned_surgery"]["kind"] == "fusion"
    states = {name: lane["state"] for name, lane in assessment["lanes"].items()}
    assert (states["procedures"], states["conditions"], states["medications"]) == (
        "complete",
        "complete",
        "unavailable",
    )
    order = card["suggestions"][0]["actions"][0]["resource"]
    assert order["requester"] == {"reference": "PractitionerRole/e-QokEGUJIzyynNdkCFrs9w3"}
    assert order["basedOn"] == [{"reference": assessment["planned_surgery"]["orders"][0]}]


def test_discovery_has_the_form_that_the_specification_asks(client: FlaskClient) -> None:
    assert faults(client.get("/cds-services").get_json(), "discovery") == []


# ---- the form of what EHRs send


def variants(call: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A call as it is, and without each of its members in turn."""
    yield "", call
    for name in call:
        yield name, {key: value for key, value in call.items() if key != name}
    for name in call["context"]:
        yield name, call | {"context": {key: value for key, value in call["context"].items() if key != name}}


@pytest.mark.parametrize("hook", HOOKS)
def test_what_the_form_of_a_request_requires_is_required_but_for_the_performer(client: FlaskClient, hook: str) -> None:
    call = call_of("failed-fusion", hook)
    for left_out, sent in variants(call):
        if left_out == "prefetch" and hook == "order-dispatch":
            continue  # then the order itself is missing
        status = client.post(f"/cds-services/second-opinion-{hook}", json=sent).status_code
        well_formed = not faults(sent, "request") or left_out == "performer"
        assert status == (200 if well_formed else 400), left_out


REASON = {"code": "urgent", "system": "urn:org.second-opinion:override-reason", "display": "Urgent"}
ANSWERS: dict[str, dict[str, Any]] = {
    "accepted": {"outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]},
    "overridden": {"outcome": "overridden"},
    "with a reason": {"outcome": "overridden", "overrideReason": {"reason": REASON}},
    "with a comment only": {"outcome": "overridden", "overrideReason": {"userComment": "known"}},
    "with both": {"outcome": "overridden", "overrideReason": {"reason": REASON, "userComment": "known"}},
}
TOLD = {path.stem: json.decode(path.read_bytes()) for path in SAMPLES if "feedback" in path.name} | {
    name: {"feedback": [{"card": "c", "outcomeTimestamp": "2026-11-22T10:00:00Z", **answer}]}
    for name, answer in ANSWERS.items()
}


@pytest.mark.parametrize("name", TOLD)
def test_feedback_of_the_right_form_is_taken_by_every_service(name: str, tmp_path: Path) -> None:
    assert faults(TOLD[name], "feedback") == []
    journal = open_journal(f"sqlite:///{tmp_path / 'journal.sqlite3'}", "a secret of these tests, long enough")
    client = create_app("https://second-opinion.example", journal=journal).test_client()
    for hook in HOOKS:
        response = client.post(f"/cds-services/second-opinion-{hook}/feedback", json=TOLD[name])
        assert (response.status_code, response.get_json()) == (200, {})
    journal.close(5)


# ---- the list that docs/conformance.md goes through


def test_docs_conformance_has_the_rows_that_the_list_has() -> None:
    listed = (PROTOCOL / "CDS_HOOKS.md").read_text("utf-8")
    numbered = re.search(r"^## 1\.10 .*?(?=^## )", listed, re.MULTILINE | re.DOTALL)
    assert numbered
    seen = [f"1.10.{number}" for number in re.findall(r"^(\d+)\. ", numbered[0], re.MULTILINE)]
    assert re.findall(r"^\| ([A-Z]\d+) \|", listed, re.MULTILINE) + seen == list(ROWS)
