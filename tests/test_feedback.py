"""Answers to cards over HTTP: stored before they are acknowledged, and heeded from the next call on."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json
from sqlalchemy import create_engine, text
from test_cds_services import BASE, SIGN, TODAY, Json, call_of, failed_fusion, order_in

from cds_hooks.feedback import read_feedback
from journal.journal import Journal, open_journal
from plugin.app import create_app
from second_opinion.errors import UnreadableInput
from second_opinion.knowledge import software
from second_opinion.site import AS_SHIPPED, Site, read_site

SECRET = "a secret that only the tests know, 32 long"  # noqa: S105
OBTAINED, URGENT, LATER = "second-opinion-obtained", "urgent", "decide-later"
ELSEWHERE, WRONG, NOT_MINE = "care-done-elsewhere", "chart-data-wrong", "not-deciding-clinician"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'journal.sqlite3'}"


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    opened = open_journal(url, SECRET)
    yield opened
    opened.close(5)


@pytest.fixture
def client(journal: Journal) -> FlaskClient:
    return client_of(journal)


def client_of(journal: Journal | None, today: date = TODAY, site: Site = AS_SHIPPED) -> FlaskClient:
    """A service that has shown no card yet, beside any others on the same journal."""
    return create_app(BASE, today=lambda: today, journal=journal, site=site).test_client()


def card_for(client: FlaskClient, call: Json) -> Json | None:
    """The card, or None; what the call left for the journal is written."""
    service = f"/cds-services/second-opinion-{call['hook']}"
    answer = client.post(service, json=call)
    assert answer.status_code == 200, answer.json
    cards = answer.json["cards"] if answer.json else []
    return cards[0] if cards else None


def overridden(card: Json, code: str, **more: Any) -> Json:
    reason = {"code": code, "system": "urn:org.second-opinion:override-reason"}
    return entry(card, "overridden", overrideReason={"reason": reason, **more})


def entry(card: Json, outcome: str, **more: Any) -> Json:
    return {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": "2026-11-22T10:00:00Z", **more}


def accepted(card: Json) -> Json:
    return entry(card, "accepted", acceptedSuggestions=[{"id": card["suggestions"][0]["uuid"]}])


def tell(client: FlaskClient, *entries: Any, status: int = 200) -> Json:
    answer = client.post(f"{SIGN}/feedback", json={"feedback": list(entries)})
    assert answer.status_code == status, answer.json
    told: Json = answer.json or {}
    return told


def shown(client: FlaskClient, call: Json) -> Json:
    card = card_for(client, call)
    assert card
    return card


def rows(url: str, query: str) -> list[Any]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = list(connection.execute(text(query)))
    engine.dispose()
    return found


@pytest.mark.parametrize("answer", [accepted, lambda card: overridden(card, OBTAINED)])
def test_an_answer_silences_the_same_operation_from_the_next_call_on(
    client: FlaskClient, answer: Callable[[Json], Json]
) -> None:
    tell(client, answer(shown(client, failed_fusion())))
    assert card_for(client, failed_fusion()) is None
    assert card_for(client, failed_fusion("order-select")) is None


def test_an_answer_holds_for_a_service_started_anew_and_ends_after_a_year(client: FlaskClient, url: str) -> None:
    tell(client, overridden(shown(client, failed_fusion()), OBTAINED))
    for days, is_silent in ((1, True), (365, True), (366, False)):
        later = open_journal(url, SECRET)
        assert (card_for(client_of(later, TODAY + timedelta(days)), failed_fusion()) is None) == is_silent
        later.close(5)


def test_an_answer_about_one_patient_says_nothing_about_another(client: FlaskClient) -> None:
    tell(client, overridden(shown(client, failed_fusion()), URGENT))
    assert card_for(client, failed_fusion()) is None
    assert card_for(client, call_of("no-therapy-found", "order-sign")) is not None


def test_another_order_of_the_same_kind_and_region_is_the_same_operation(client: FlaskClient) -> None:
    tell(client, overridden(shown(client, failed_fusion()), OBTAINED))
    again = failed_fusion()
    order_in(again)["id"] = "ordered-anew"
    assert card_for(client, again) is None


def test_deciding_later_is_silent_until_the_order_is_signed(client: FlaskClient) -> None:
    tell(client, overridden(shown(client, failed_fusion("order-select")), LATER))
    assert card_for(client, failed_fusion("order-select")) is None
    assert card_for(client, failed_fusion("patient-view")) is None
    assert card_for(client, failed_fusion("order-sign")) is not None


def test_who_does_not_decide_is_not_asked_again_but_others_are(client: FlaskClient) -> None:
    tell(client, overridden(shown(client, failed_fusion()), NOT_MINE))
    assert card_for(client, failed_fusion()) is None
    other = failed_fusion()
    other["context"]["userId"] = "Practitioner/another"
    assert card_for(client, other) is not None


def test_where_a_hook_names_no_user_nobody_is_taken_for_the_one_who_does_not_decide(client: FlaskClient) -> None:
    tell(client, overridden(shown(client, failed_fusion("order-dispatch")), NOT_MINE))
    assert card_for(client, failed_fusion("order-dispatch")) is not None


def test_care_done_elsewhere_settles_that_finding_only(client: FlaskClient) -> None:
    card = shown(client, failed_fusion())
    assert "nonsurgical_care" in rules_of(card)
    tell(client, overridden(card, ELSEWHERE))
    again = shown(client, failed_fusion())
    assert "nonsurgical_care" not in rules_of(again)
    assert "repeat_surgery" in rules_of(again)


def rules_of(card: Json) -> list[str]:
    return [finding["rule"] for finding in card["extension"]["org.second-opinion.assessment"]["findings"]]


@pytest.mark.parametrize("code", [WRONG, "contraindicated", ""])
def test_wrong_data_and_reasons_we_do_not_know_silence_nothing(client: FlaskClient, url: str, code: str) -> None:
    tell(client, overridden(shown(client, failed_fusion()), code))
    assert card_for(client, failed_fusion()) is not None
    ((reason,),) = rows(url, "select reason from feedback")
    assert reason == (code if code == WRONG else None)


def test_overridden_without_a_reason_is_stored_and_silences_nothing(client: FlaskClient, url: str) -> None:
    tell(client, entry(shown(client, failed_fusion()), "overridden"))
    assert rows(url, "select outcome, reason from feedback") == [("overridden", None)]
    assert card_for(client, failed_fusion()) is not None


@pytest.mark.parametrize("server", ["https://EHR.example/fhir/", "https://ehr.example:443/fhir"])
def test_an_answer_counts_however_the_server_is_spelled(client: FlaskClient, server: str) -> None:
    tell(client, overridden(shown(client, failed_fusion() | {"fhirServer": "https://ehr.example/fhir"}), OBTAINED))
    assert card_for(client, failed_fusion() | {"fhirServer": server}) is None
    assert card_for(client, failed_fusion() | {"fhirServer": "https://other.example/fhir"}) is not None


# What Epic sends


@pytest.mark.parametrize(
    "given",
    [
        {"overrideReasons": {"reason": {"code": OBTAINED, "system": "http://another.example"}}},
        {"overrideReasons": [{"reason": {"code": "no"}}, {"reason": {"coding": [{"code": OBTAINED}]}}]},
        {"overrideReasons": {"extension": {"com.epic.cdshooks.feedback.overrideReason.reasonTitle": OBTAINED}}},
        {"overrideReasons": {"extension": {"com.epic.cdshooks.feedback.overrideReason.reasonCategory": "45"}}},
        {"overrideReason": {"reason": {"code": 45}}, "overrideReasons": {"reason": {"code": "45"}}},
    ],
)
def test_epics_forms_of_a_reason_are_understood(journal: Journal, given: Json) -> None:
    site = read_site('[override_reasons]\n45 = "second-opinion-obtained"\n', "site.toml")
    client = client_of(journal, site=site)
    tell(client, entry(shown(client, failed_fusion()), "overridden", **given))
    assert card_for(client, failed_fusion()) is None


def test_a_display_is_no_reason(client: FlaskClient) -> None:
    reason = {"overrideReason": {"reason": {"code": "x", "display": "Second opinion already obtained"}}}
    tell(client, entry(shown(client, failed_fusion()), "overridden", **reason))
    assert card_for(client, failed_fusion()) is not None


# Batches, repeats, unknown cards, what cannot be read


def test_the_same_answer_twice_is_stored_once(client: FlaskClient, url: str) -> None:
    answer = overridden(shown(client, failed_fusion()), OBTAINED, userComment="we know")
    tell(client, answer, answer)
    tell(client, answer)
    assert rows(url, "select count(*) from feedback") == [(1,)]


def test_cards_we_do_not_know_fail_no_batch(client: FlaskClient, url: str) -> None:
    tell(client, overridden({"uuid": "never-shown"}, OBTAINED), overridden(shown(client, failed_fusion()), OBTAINED))
    assert rows(url, "select count(*) from feedback") == [(2,)]
    assert card_for(client, failed_fusion()) is None


def test_a_cards_uuid_is_known_however_it_is_written(client: FlaskClient) -> None:
    card = shown(client, failed_fusion())
    tell(client, overridden({"uuid": f" {card['uuid'].upper()} "}, OBTAINED))
    assert card_for(client, failed_fusion()) is None


def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_stored(client: FlaskClient, url: str) -> None:
    told = tell(client, {"card": 7}, overridden(shown(client, failed_fusion()), OBTAINED))
    assert "$.feedback[0].card" in told["issue"][0]["diagnostics"]
    assert rows(url, "select count(*) from feedback") == [(1,)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON"),
        (b"[]", "Expected `object`"),
        (b"{}", "feedback"),
        (b'{"feedback": {}}', "$.feedback"),
        (b'{"feedback": [7]}', "$.feedback[0]"),
        (b'{"feedback": [{"card": "a"}]}', "outcome"),
        (b'{"feedback": [{"card": "a", "outcome": "ignored"}]}', "accepted or overridden"),
        (b'{"feedback": [{"card": " ", "outcome": "accepted"}]}', "card is empty"),
        (b'{"feedback": [{"card": "' + b"7" * 201 + b'", "outcome": "accepted"}]}', "longer than the uuid of any card"),
        (b'{"feedback": [' + b"7," * 10_000 + b"7]}", "10001 answers in one body"),
    ],
)
def test_what_is_no_feedback_is_refused_and_says_where(client: FlaskClient, body: bytes, said: str) -> None:
    answer = client.post(f"{SIGN}/feedback", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json
    assert said.replace("`", "") in answer.json["issue"][0]["diagnostics"]


def test_feedback_to_no_service_of_ours_is_not_found(client: FlaskClient) -> None:
    assert client.post("/cds-services/another/feedback", json={"feedback": []}).status_code == 404


def test_an_empty_batch_is_taken(client: FlaskClient) -> None:
    assert tell(client) == {}


def test_of_what_is_too_long_for_an_index_or_a_log_the_beginning_is_kept(client: FlaskClient, url: str) -> None:
    suggestions = [{"id": "s" * 1_000_000}]
    long = entry({"uuid": "c"}, "accepted", acceptedSuggestions=suggestions) | {"outcomeTimestamp": "2" * 1_000_000}
    tell(client, long)
    assert rows(url, "select length(outcome_at), length(accepted) from feedback") == [(64, 204)]


MEMBERS = "card outcome overrideReason overrideReasons reason code extension coding acceptedSuggestions id userComment"
ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(MEMBERS.split()), inner),
)


@given(ODD)
@settings(max_examples=200)
def test_whatever_stands_in_a_reason_is_read_or_refused(value: Any) -> None:
    entry = {"card": "a", "outcome": "overridden", "overrideReason": value, "acceptedSuggestions": value}
    replies, faults = read_feedback(json.encode({"feedback": [entry, value]}), {})
    assert len(replies) + len(faults) == 2
    with pytest.raises(UnreadableInput):
        read_feedback(json.encode(value if isinstance(value, list) else [value]), {})


# Without a database


def test_feedback_is_not_acknowledged_while_nothing_can_be_written(tmp_path: Path) -> None:
    journal = open_journal(f"sqlite:///{tmp_path / 'missing' / 'journal.sqlite3'}", SECRET)
    client = client_of(journal)
    card = shown(client, failed_fusion())
    told = tell(client, overridden(card, OBTAINED), status=503)
    assert "send it again" in told["issue"][0]["diagnostics"].lower()
    (tmp_path / "missing").mkdir()
    journal.close(1)


def test_a_service_without_a_journal_takes_no_feedback() -> None:
    answer = client_of(None).post(f"{SIGN}/feedback", json={"feedback": []})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


# What is kept of calls


def test_silent_calls_are_kept_too_with_hashes_in_place_of_names(
    client: FlaskClient, journal: Journal, url: str
) -> None:
    call = failed_fusion()
    call["context"]["userId"] = "Practitioner/zebulon"
    shown(client, call)
    card_for(client, call_of("failed-fusion", "patient-view"))
    aspirin = failed_fusion()
    order_in(aspirin)["code"] = {"text": "aspirin"}
    assert card_for(client, aspirin) is None
    assert journal.writer.flush(5)
    kept = rows(url, "select hook, indicator, kind, silenced_by, patient from assessments order by at")
    assert kept[0][:4] == ("order-sign", "warning", "fusion", None)
    assert kept[-1][:4] == ("order-sign", None, None, None)
    assert len({row[4] for row in kept}) == 1
    everything = "".join(str(row) for table in ("assessments", "cards") for row in rows(url, f"select * from {table}"))  # noqa: S608
    patient = call["context"]["patientId"]
    assert patient not in everything
    assert "zebulon" not in everything


def test_orders_signed_again_are_kept_as_shown_before(client: FlaskClient, journal: Journal, url: str) -> None:
    shown(client, failed_fusion())
    assert journal.writer.flush(5)
    signed = failed_fusion()
    order_in(signed)["status"] = "active"
    assert card_for(client_of(journal), signed) is None  # another worker
    assert journal.writer.flush(5)
    assert ("shown_before",) in rows(url, "select silenced_by from assessments")


def test_of_orders_that_are_no_spine_operation_the_chart_is_not_even_read(client: FlaskClient, url: str) -> None:
    call = failed_fusion()
    order_in(call)["code"] = {"text": "aspirin"}
    call["prefetch"]["procedures"] = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": 7}}]}
    assert card_for(client, call) is None
    call["context"]["draftOrders"]["entry"].append(failed_fusion()["context"]["draftOrders"]["entry"][0])
    assert "procedures" in shown(client, call)["extension"]["org.second-opinion.assessment"]["lanes"]


def test_software_that_was_never_installed_has_no_version() -> None:
    assert software("no-such-package") == "unknown"
    assert software("flask")[0].isdigit()


def test_a_hook_instance_that_is_no_uuid_is_not_kept(client: FlaskClient, journal: Journal, url: str) -> None:
    assert card_for(client, failed_fusion() | {"hookInstance": "visit of Zebulon Quackenbush"})
    assert journal.writer.flush(5)
    assert rows(url, "SELECT hook_instance FROM assessments") == [("",)]
