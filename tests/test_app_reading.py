"""The app reads a chart itself and judges it as the card did: same findings, same answers, and no more trust."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fhir_server import Asked, FakeServer, Handler, Json, as_bytes, body, fhir_server, page, status
from flask.testing import FlaskClient
from journal_examples import opened
from look_ups import PATIENTS, RUTH, TODAY, TOKEN, TYPES, call_of, chart_of, outcomes
from msgspec.structs import replace

from ehr.look_up import LookUp
from ehr.trust import CdsClient, Trust
from journal.journal import Journal
from plugin.app import create_app
from second_opinion.assess import as_json
from second_opinion.data_needs import LANES
from second_opinion.site import AS_SHIPPED
from smart_app.chart.earlier import places
from smart_app.chart.reading import MOST_PAGES, SECONDS, Reader
from smart_app.errors import LaunchEnded
from smart_app.launches import Launch

BASE = "https://us.example"
NOBODY = Trust(BASE)
# For the app reads documents, too, in which a discussion may be filed, and says what is not for cards.
APP_ALONE = {
    ("options_discussed", "not_documented"), ("options_discussed", "could_not_assess"),
    ("financial_ties", "not_applicable"),
}  # fmt: skip
ASSESSMENT = "org.second-opinion.assessment"


def no_other(launch: Launch) -> Launch:
    raise LaunchEnded("The EHR gives no other token.")


def launched(server: FakeServer, patient: str = "ruth-keller", **more: Any) -> Launch:
    launch = Launch(id="a", form_key="b", iss=server.url, patient=patient, access_token=TOKEN)
    return replace(launch, **{"user": RUTH.user["id"]} | more)


@contextmanager
def reader(journal: Journal, trust: Trust = NOBODY, renewed: Callable[[Launch], Launch] = no_other) -> Iterator[Reader]:
    look_up = LookUp(SECONDS, most_pages=MOST_PAGES)
    yield Reader(look_up, lambda: TODAY, AS_SHIPPED, trust, journal, renewed)
    look_up.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        yield journal


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fhir_server(chart_of(*PATIENTS.values())) as server:
        yield server


def card_of(client: FlaskClient, call: Json) -> Json:
    (card,) = client.post(f"/cds-services/second-opinion-{call['hook']}", json=call).get_json()["cards"]
    shown: Json = card
    return shown


def service(journal: Journal) -> FlaskClient:
    return create_app(BASE, lambda: TODAY, journal=journal).test_client()


def settled(journal: Journal, client: FlaskClient, card: Json, reason: str) -> None:
    answer = {"card": card["uuid"], "outcome": "overridden", "overrideReason": {"reason": {"code": reason}}}
    assert (
        client.post("/cds-services/second-opinion-patient-view/feedback", json={"feedback": [answer]}).status_code
        == 200
    )


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_app_finds_what_the_card_of_the_same_chart_found(journal: Journal, patient: str) -> None:
    person = PATIENTS[patient]
    call = call_of(person, "patient-view", None)
    with fhir_server(chart_of(person)) as server, reader(journal) as read:
        server.ways = {TYPES[lane]: status(403) for lane in person.unreadable}
        case = read.case(launched(server, call["context"]["patientId"]))
    cards = service(journal).post("/cds-services/second-opinion-patient-view", json=call).get_json()["cards"]
    found = as_json(case.assessment, "")
    assert found["indicator"] == (cards[0]["indicator"] if cards else None)
    if cards:
        shown = cards[0]["extension"][ASSESSMENT]
        assert found["planned_surgery"] == shown["planned_surgery"]
        assert {*outcomes(found).items()} ^ {*outcomes(shown).items()} <= APP_ALONE
    assert case.patient.get("id") == call["context"]["patientId"]


def test_every_lane_is_asked_for_and_all_scores(journal: Journal, server: FakeServer) -> None:
    with reader(journal) as read:
        read.case(launched(server))
    assert len(server.asked) == len(LANES)
    (scores,) = (asked for asked in server.asked if asked.type == "Observation")
    assert "77866-2" in scores.query["code"]


def test_a_chart_is_read_again_only_after_a_while_or_when_something_was_written(
    journal: Journal, server: FakeServer
) -> None:
    launch = launched(server)
    with reader(journal) as read:
        assert read.case(launch).assessment is read.case(launch).assessment
        assert len(server.asked) == len(LANES)
        read.forget(launch)
        read.case(launch)
    assert len(server.asked) == 2 * len(LANES)


_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
DIAGNOSES = [
    f"patient/Condition.rs?category={_CATEGORY}|{code}" for code in ("problem-list-item", "encounter-diagnosis")
]
HEALTH_CONCERN = "patient/Condition.s?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"


@pytest.mark.parametrize(
    ("scopes", "is_whole"),
    [
        ((), True), (("Condition.Read (R4)", "openid"), True), (("launch", "openid", "fhirUser"), False),
        (("launch", "patient/Procedure.rs"), False), (("patient/Condition.r",), False),
        (("patient/Condition.cud",), False),
        (("patient/Condition.s",), True), (("patient/*.rs",), True), (("user/Condition.read",), True),
        (DIAGNOSES, False), ((*DIAGNOSES, HEALTH_CONCERN), True), ((*DIAGNOSES, "patient/Condition.rs"), True),
    ],
)  # fmt: skip
def test_what_was_not_granted_to_be_read_is_never_taken_for_empty(
    journal: Journal, server: FakeServer, scopes: tuple[str, ...], is_whole: bool
) -> None:
    with reader(journal) as read:
        record = read.case(launched(server, scopes=frozenset(scopes))).assessment.record
    assert record["conditions"].complete is is_whole
    assert is_whole or any("has not granted this app" in why for why in record["conditions"].why)
    assert record["patient"].complete


def test_a_lane_that_was_not_read_for_another_reason_says_that(journal: Journal, server: FakeServer) -> None:
    server.ways["Procedure"] = status(403)
    with reader(journal) as read:
        record = read.case(launched(server, scopes=frozenset(("launch",)))).assessment.record
    assert record["procedures"].why == ("403",)


@pytest.mark.parametrize("gone", [404, 410])
def test_of_a_patient_whom_the_server_does_not_know_nothing_is_said_to_be_missing(
    journal: Journal, server: FakeServer, gone: int
) -> None:
    server.ways["Patient"] = status(gone)
    with reader(journal) as read:
        lanes = read.case(launched(server, "nobody")).assessment.record.lanes
    assert not any(lane.complete for lane in lanes.values())


def test_what_one_worker_wrote_every_other_one_sees_at_once(journal: Journal, server: FakeServer) -> None:
    launch = launched(server)
    with reader(journal) as one, reader(journal) as other:
        before = other.case(launch)
        one.forget(launch)
        assert other.case(launch).read_at > before.read_at
        assert other.case(launch).assessment is other.case(launch).assessment


def test_what_was_being_read_while_something_was_written_is_not_remembered(
    journal: Journal, server: FakeServer
) -> None:
    launch = launched(server)
    with reader(journal) as read:

        def written_meanwhile(server: FakeServer, handler: Handler, asked: Asked) -> None:
            server.ways.pop("Goal")
            read.forget(launch)
            handler.answer(as_bytes(page()))

        server.ways["Goal"] = written_meanwhile
        before = read.case(launch)
        assert read.case(launch).read_at > before.read_at


def test_while_the_journal_is_down_no_chart_is_taken_from_memory(journal: Journal, server: FakeServer) -> None:
    launch = launched(server)
    with reader(journal) as read:
        read.case(launch)
        journal.database.reading.why = "gone"
        read.case(launch)
        journal.database.acknowledged.why = "gone"
        read.forget(launch)
    assert len(server.asked) == 2 * len(LANES)


def test_what_is_remembered_is_bounded_by_its_size_not_only_by_its_number(
    journal: Journal, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smart_app.chart.reading._REMEMBERED_BYTES", 350_000)
    server.chart += [{**RUTH.order, "id": f"more-{n}", "note": [{"text": "x" * 1000}]} for n in range(70)]
    first, second = launched(server), replace(launched(server), id="another")
    with reader(journal) as read:
        remembered = read.case(first)
        assert read.case(first).assessment is remembered.assessment
        read.case(second)
        assert read.case(first).assessment is not remembered.assessment


def test_a_chart_larger_than_all_that_may_be_remembered_is_shown_and_not_kept(
    journal: Journal, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smart_app.chart.reading._REMEMBERED_BYTES", 10_000)
    with reader(journal) as read:
        shown = read.case(launched(server)).assessment
        assert shown.surgery and read.case(launched(server)).assessment is not shown


def test_two_launches_never_share_a_chart(journal: Journal, server: FakeServer) -> None:
    daniel = call_of(PATIENTS["no-therapy-found"], "patient-view", None)["context"]["patientId"]
    with reader(journal) as read:
        one, other = read.case(launched(server)), read.case(replace(launched(server, daniel), id="another"))
    assert (one.patient["id"], other.patient["id"]) == ("ruth-keller", daniel)
    assert other.assessment.record.person.reference == f"Patient/{daniel}"


def test_an_operation_that_the_chart_does_not_show_yet_is_taken_from_the_card(journal: Journal) -> None:
    saved = [each for each in chart_of(RUTH) if each["id"] != RUTH.order["id"]]
    with fhir_server(saved) as server, reader(journal) as read:
        card = card_of(service(journal), call_of(RUTH, "order-sign", server))
        journal.writer.flush(5)
        told = read.case(launched(server, card=card["uuid"])).assessment
        read.forget(launched(server))
        untold = read.case(launched(server)).assessment
    assert told.surgery and (told.surgery.kind, told.surgery.by, told.surgery.orders) == ("fusion", "card", ())
    assert told.surgery.label == "lumbar fusion"
    assert "repeat_surgery" in [finding.rule for finding in told.raising]
    assert untold.surgery is None


def test_where_chart_and_card_speak_of_the_same_operation_the_charts_order_is_shown(
    journal: Journal, server: FakeServer
) -> None:
    with reader(journal) as read:
        card = card_of(service(journal), call_of(RUTH, "order-sign", server))
        journal.writer.flush(5)
        surgery = read.case(launched(server, card=card["uuid"])).assessment.surgery
    assert surgery and surgery.orders == (f"ServiceRequest/{RUTH.order['id']}",)


@pytest.mark.parametrize("uuid", ["of another patient", "unknown"])
def test_a_link_cannot_bring_another_patients_operation(journal: Journal, uuid: str) -> None:
    saved = [each for each in chart_of(RUTH) if each["id"] != RUTH.order["id"]]
    with fhir_server(saved) as server, reader(journal) as read:
        other = card_of(service(journal), call_of(PATIENTS["no-therapy-found"], "order-sign", server))
        journal.writer.flush(5)
        named = other["uuid"] if uuid == "of another patient" else uuid
        assert read.case(launched(server, card=named)).assessment.surgery is None


def test_what_was_answered_to_the_card_counts_in_the_app(journal: Journal, server: FakeServer) -> None:
    client = service(journal)
    card = card_of(client, call_of(RUTH, "order-sign", server))
    settled(journal, client, card, "patient-chose-surgery")
    with reader(journal) as read:
        assessment = read.case(launched(server)).assessment
    assert assessment.silence and assessment.silence.reason == "answered_before"
    assert outcomes(as_json(assessment, ""))["options_discussed"] == "met"


def test_a_refused_token_is_renewed_once(journal: Journal, server: FakeServer) -> None:
    renewals: list[Launch] = []

    def another(launch: Launch) -> Launch:
        renewals.append(launch)
        server.ways.clear()
        return replace(launch, access_token="another")  # noqa: S106

    server.ways = dict.fromkeys(("Patient", "Procedure"), status(401))
    with reader(journal, renewed=another) as read:
        case = read.case(launched(server))
    assert len(renewals) == 1
    assert case.launch.access_token == "another"  # noqa: S105
    assert case.assessment.record["procedures"].complete


def test_where_no_other_token_is_given_the_visit_ends(journal: Journal, server: FakeServer) -> None:
    server.ways = {"Procedure": status(401)}
    with reader(journal) as read, pytest.raises(LaunchEnded):
        read.case(launched(server))


def test_a_lane_that_may_not_be_read_is_unavailable_and_the_rest_is_shown(journal: Journal, server: FakeServer) -> None:
    server.ways = {"Procedure": status(403), "Patient": status(403)}
    with reader(journal) as read:
        case = read.case(launched(server))
    assert case.assessment.record["procedures"].why == ("403",)
    assert case.patient == {}
    assert case.assessment.record["conditions"].complete


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"resourceType":"Basic"}', b"[" * 100_000])
def test_a_patient_that_cannot_be_read_is_none(journal: Journal, server: FakeServer, content: bytes) -> None:
    server.ways = {"Patient": body(content)}
    with reader(journal) as read:
        assert read.case(launched(server)).patient == {}


def test_another_patients_patient_is_not_shown(journal: Journal, server: FakeServer) -> None:
    server.chart = [{**each, "id": "somebody"} if each["resourceType"] == "Patient" else each for each in server.chart]
    with reader(journal) as read:
        assert read.case(launched(server)).patient == {}


def test_without_the_journal_the_chart_is_still_shown(tmp_path: Path, server: FakeServer) -> None:
    with opened(f"sqlite:///{tmp_path}/no/such/folder/journal.sqlite3") as down, reader(down) as read:
        assert read.case(launched(server, card="a-card")).assessment.surgery


def test_hook_calls_are_looked_for_under_every_client_and_tenant_that_may_have_read_this_server() -> None:
    def client(iss: str, *servers: str) -> CdsClient:
        return CdsClient(iss, jku=f"{iss}/jwks", fhir_servers=servers)

    here = "https://ehr.example/fhir"
    trust = Trust(
        BASE, (client("https://b.example", here), client("https://a.example", here), client("https://c.example"))
    )
    launch = Launch(id="a", form_key="b", iss=f"{here}/", patient="p", tenant="west")
    found = [(place.client, place.tenant, place.server) for place in places(trust, launch)]
    assert found == [
        (iss, tenant, here) for iss in ("https://a.example", "https://b.example") for tenant in ("west", "")
    ]
