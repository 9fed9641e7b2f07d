"""What the checklist of CDS Hooks asks and no other test shows; docs/conformance.md lists all of it, row by row."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fhir_server as fake
import look_ups
import pytest
from fhir_server import FakeServer, fhir_server
from flask.testing import FlaskClient
from signing import Signer, jwks, write_trust
from test_cds_services import BASE, HOOKS, SIGN, Json, call_of, cards, failed_fusion, lanes, new_client, order_in, send
from test_feedback import OBTAINED, SECRET, card_for, client_of, entry, overridden, rows, shown, tell

from cds_hooks.client_trust import Gate
from ehr.trust_file import read_trust
from journal.journal import Journal, open_journal
from plugin.app import create_app

FEEDBACK = f"{SIGN}/feedback"
EPIC = "com.epic.cdshooks.request"
DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


@pytest.fixture
def client() -> FlaskClient:
    """A service without a journal, that anybody may call."""
    return new_client()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'journal.sqlite3'}"


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    opened = open_journal(url, SECRET)
    yield opened
    opened.close(5)


@pytest.fixture
def answering(journal: Journal) -> FlaskClient:
    """A service that heeds what was answered to its cards."""
    return client_of(journal)


# ---- discovery


def test_discovery_says_of_each_service_what_version_2_knows_and_by_which_version_it_answers(
    client: FlaskClient,
) -> None:
    for service in client.get("/cds-services").get_json()["services"]:
        assert set(service) == {"hook", "id", "title", "description", "prefetch", "usageRequirements", "version"}
        assert service["version"] == "2.0.1"
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", service["id"])  # a segment of a path as it stands


# ---- requests


@pytest.mark.parametrize("hook", HOOKS)
def test_a_body_as_before_version_1_is_taken_and_its_own_user_and_patient_are_passed_over(
    client: FlaskClient, hook: str
) -> None:
    call = failed_fusion(hook)
    (usual,), (old,) = cards(client, call), cards(client, call | {"user": "Practitioner/x", "patient": "x"})
    for card in (usual, old):
        order = card["suggestions"][0]["actions"][0]["resource"]
        assert order["subject"]["reference"] == "Patient/ruth-keller"
        assert order.get("requester", {}).get("reference") != "Practitioner/x"
    assert usual["detail"] == old["detail"]


@pytest.mark.parametrize("user", ["Practitioner/1", "PractitionerRole/e-Qok.EG_5", "Patient/1", "RelatedPerson/1"])
def test_whoever_opens_the_chart_is_a_user(client: FlaskClient, user: str) -> None:
    call = failed_fusion("patient-view")
    call["context"]["userId"] = user
    assert len(cards(client, call)) == 1


@pytest.mark.parametrize("extension", [{}, {"davinci-crd.configuration": {"max-cards": 0}}, None, [], "x", 5])
def test_an_extension_of_any_form_is_passed_over_wherever_it_stands(client: FlaskClient, extension: Any) -> None:
    call = failed_fusion()
    for place in (call, call["context"], call["context"]["draftOrders"]):
        place["extension"] = extension
    assert len(cards(client, call)) == 1


@pytest.fixture
def chart() -> Iterator[FakeServer]:
    with fhir_server(look_ups.chart_of(look_ups.DANIEL)) as started:
        yield started


@pytest.mark.parametrize(
    "authorization",
    [
        {"scope": "patient/*.read user/Procedure.read", "subject": "us"},
        {"scope": "patient/Procedure.rs", "subject": "us", "patient": look_ups.DANIEL.id},
        {"scope": "PROCEDURE.READ (R4) SERVICEREQUEST.UNSIGNEDORDER.READ (R4)", "expires_in": 3600},
        {"scope": "", "expires_in": "300", "subject": None},
        {"expires_in": 0, "token_type": "bearer"},
    ],
)
def test_access_is_tried_with_the_token_whatever_else_is_said_of_it(chart: FakeServer, authorization: Json) -> None:
    call = look_ups.call_of(look_ups.DANIEL, "order-sign", chart, look_ups.without("procedures"))
    call["fhirAuthorization"] = {"access_token": look_ups.TOKEN, "token_type": "Bearer"} | authorization
    with look_ups.service() as (client, _):
        assert look_ups.answered(client, call)["lanes"]["procedures"]["state"] == "complete"
    assert [asked.headers["Authorization"] for asked in chart.asked] == [f"Bearer {look_ups.TOKEN}"]


# ---- prefetch


@pytest.mark.parametrize(
    ("severity", "state"),
    [("fatal", "unavailable"), ("error", "unavailable"), ("warning", "complete"), ("information", "complete")],
)
def test_an_outcome_in_an_empty_searchset_counts_by_its_severity(
    client: FlaskClient, severity: str, state: str
) -> None:
    call = failed_fusion()
    call["prefetch"]["goals"] = fake.page(total=0)
    call["prefetch"]["goals"]["entry"] = [{"resource": fake.outcome(severity), "search": {"mode": "outcome"}}]
    assert lanes(client, call)["goals"]["state"] == state


@pytest.mark.parametrize("sent", [None, fake.page(total=0), fake.outcome("error")], ids=["null", "empty", "an error"])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_chart_that_says_nothing_is_never_an_error(client: FlaskClient, hook: str, sent: Any) -> None:
    call = failed_fusion(hook)
    kept = {"service_requests": call["prefetch"]["service_requests"]} if hook == "order-dispatch" else {}
    call["prefetch"] = dict.fromkeys(call["prefetch"], sent) | kept
    assert send(client, call).status_code == 200


# ---- the answer


def codings(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if "code" in value and isinstance(value["code"], str):
            yield value
        for inside in value.values():
            yield from codings(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from codings(inside)


@pytest.mark.parametrize(
    ("hook", "patient"), [*((hook, "failed-fusion") for hook in HOOKS), ("order-sign", "no-therapy-found")]
)
def test_a_card_holds_what_version_2_knows_and_every_client_can_use(
    client: FlaskClient, hook: str, patient: str
) -> None:
    (card,) = cards(client, call_of(patient, hook))
    assert set(card) == {
        "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons",
        "links", "extension",
    }  # fmt: skip
    assert set(card["source"]) == {"label", "url", "topic"}  # an icon is for the site to add
    for suggestion in card["suggestions"]:
        assert set(suggestion) - {"isRecommended"} == {"label", "uuid", "actions"}  # no actionSelectionBehavior
        (action,) = suggestion["actions"]
        assert set(action) == {"type", "description", "resource"}
    del card["extension"]
    assert all(coding["code"] and coding["system"] and coding["display"] for coding in codings(card))
    assert len(list(codings(card))) > 8


# ---- who calls


@pytest.fixture
def signer() -> Signer:
    return Signer("ES384", kid="es")


@pytest.fixture
def guarded(tmp_path: Path, journal: Journal, signer: Signer) -> FlaskClient:
    """A service that keeps answers and lets in one client, of one origin."""
    (tmp_path / "ehr.jwks.json").write_bytes(jwks(signer))
    trust = read_trust(write_trust(tmp_path, 'jwks_file = "ehr.jwks.json"\norigins = ["https://ehr.example"]'))
    gate = Gate(trust, journal.tokens.spend)
    return create_app(BASE, gate=gate, journal=journal).test_client()


def test_a_token_for_a_service_is_none_for_its_feedback_nor_the_other_way_round(
    guarded: FlaskClient, signer: Signer
) -> None:
    for called, body in ((SIGN, failed_fusion()), (FEEDBACK, {"feedback": []})):
        for path in (SIGN, FEEDBACK):
            answer = guarded.post(called, json=body, headers=signer.bearer(path))
            assert answer.status_code == (200 if path == called else 401)


def test_the_same_hook_instance_under_another_token_is_another_call(guarded: FlaskClient, signer: Signer) -> None:
    call = failed_fusion()
    for _ in range(2):
        assert guarded.post(SIGN, json=call, headers=signer.bearer(SIGN)).status_code == 200


@pytest.mark.parametrize("path", ["/cds-services", SIGN, FEEDBACK])
def test_a_preflight_may_ask_for_every_header_that_browser_clients_send(guarded: FlaskClient, path: str) -> None:
    asked = {
        "Origin": "https://ehr.example",
        "Access-Control-Request-Method": "GET" if path == "/cds-services" else "POST",
        "Access-Control-Request-Headers": "authorization, content-type, accept",
    }
    answer = guarded.options(path, headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://ehr.example")
    assert answer.headers["Access-Control-Allow-Headers"] == "accept, authorization, content-type"


def test_what_became_of_a_card_may_be_told_by_a_browser(guarded: FlaskClient, signer: Signer) -> None:
    for authorization, status in ((signer.bearer(FEEDBACK), 200), ({}, 401)):
        headers = {"Origin": "https://ehr.example"} | authorization
        answer = guarded.post(FEEDBACK, json={"feedback": []}, headers=headers)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "https://ehr.example")


# ---- feedback


@pytest.mark.parametrize("at", [..., None, 5, "", "yesterday", "2026-11-22T10:00:00+01:00"])
def test_an_answer_counts_whatever_is_said_of_its_time(answering: FlaskClient, url: str, at: Any) -> None:
    answer = overridden(shown(answering, failed_fusion()), OBTAINED) | {"outcomeTimestamp": at}
    if at is ...:
        del answer["outcomeTimestamp"]
    assert tell(answering, answer) == {}
    assert card_for(answering, failed_fusion()) is None
    assert rows(url, "select outcome_at from feedback") == [(at if isinstance(at, str) else "",)]


@pytest.mark.parametrize("more", [{}, {"acceptedSuggestions": []}, {"acceptedSuggestions": [{"id": "not-ours"}]}])
def test_a_card_is_accepted_also_without_a_suggestion_of_ours(answering: FlaskClient, more: Json) -> None:
    assert tell(answering, entry(shown(answering, failed_fusion()), "accepted", **more)) == {}
    assert card_for(answering, failed_fusion()) is None


def test_one_batch_may_answer_cards_of_several_calls_hooks_and_patients(journal: Journal) -> None:
    calls = [failed_fusion("order-select"), call_of("no-therapy-found", "order-sign")]
    client = client_of(journal)
    tell(client, *[overridden(shown(client, call), OBTAINED) for call in calls])
    assert [card_for(client, call) for call in calls] == [None, None]


# ---- EHRs in the field


@pytest.mark.parametrize("action", [18, 60, "60", "a new one"])
def test_patient_view_is_answered_whichever_of_epics_triggers_sent_it(client: FlaskClient, action: Any) -> None:
    call = failed_fusion("patient-view")
    call["extension"] = {
        f"{EPIC}.bpa-trigger-action": action,
        f"{EPIC}.cds-hooks-specification-version": "1.1",
        f"{EPIC}.fhir-version": "R4",
    }
    assert len(cards(client, call)) == 1


def test_an_order_as_epic_writes_it_is_judged_among_medicines(client: FlaskClient) -> None:
    call = failed_fusion()
    order = order_in(call)
    order["requester"] = {"extension": [{"url": DATA_ABSENT, "valueCode": "unknown"}]}
    order["subject"] = {"reference": f"https://ehr.example/api/FHIR/R4/{order['subject']['reference']}"}
    medicine = {
        "resourceType": "MedicationRequest", "id": "m", "status": "draft", "intent": "order",
        "subject": order["subject"], "medicationReference": {"reference": "#drug"},
        "contained": [{"resourceType": "Medication", "id": "drug", "code": {"text": "Aspirin"}}],
    }  # fmt: skip
    call["context"]["draftOrders"]["entry"].insert(0, {"resource": medicine})
    (card,) = cards(client, call)
    assert card["indicator"] == "warning"
    suggested = card["suggestions"][0]["actions"][0]["resource"]
    assert suggested["basedOn"] == [{"reference": f"ServiceRequest/{order['id']}"}]
    call["context"]["draftOrders"]["entry"].pop()
    assert cards(client, call) == []
