"""What prefetch leaves out is looked up on the EHR's server, and no way of failing there becomes an absence."""

import time
from collections.abc import Iterator
from typing import Any

import fhir_server as fake
import pytest
from fhir_server import FakeServer, Json, fhir_server
from flask.testing import FlaskClient
from look_ups import (
    DANIEL,
    LANES,
    LISTED,
    TOKEN,
    TYPES,
    answered,
    call_of,
    chart_of,
    one_of,
    outcomes,
    service,
    without,
)

from ehr.look_up import BUDGET
from second_opinion.rules import RULES


@pytest.fixture(scope="module")
def patiently() -> Iterator[FlaskClient]:
    """Its look-ups may take their time: on a busy machine no lane is late that is not meant to be."""
    with service(10.0) as (client, _):
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with service(0.15) as (client, _):
        yield client


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fhir_server(chart_of(DANIEL)) as started:
        yield started


REFUSED_IN_PREFETCH = fake.outcome("error")


# ---- every lane, every way of failing


def another_patients(lane: str) -> Json:
    theirs = {"resourceType": TYPES[lane], "id": "theirs", "subject": {"reference": "Patient/somebody-else"}}
    return theirs if lane == "patient" else fake.page(theirs)


def overlapping(lane: str) -> tuple[list[Json], list[Json]]:
    """Two pages that hold three resources, one of them twice."""
    return [one_of(lane)], [one_of(lane), one_of(lane, id="two")]


# name: (how the server answers for a lane, the lane's state, words of why)
FAILING: dict[str, tuple[Any, str, str]] = {
    **{
        str(code): (lambda lane, code=code: fake.status(code), "unavailable", str(code))
        for code in (400, 401, 403, 404, 410, 422, 429, 500, 502, 503, 504)
    },
    "a redirect": (lambda lane: fake.redirect("/fhir/r4/elsewhere"), "unavailable", "302, a redirect"),
    "dropped": (lambda lane: fake.drop, "unavailable", "no answer"),
    "broken off": (lambda lane: fake.break_off, "unavailable", "the answer broke off"),
    "malformed JSON": (lambda lane: fake.body(b'{"entry": ['), "unavailable", "not valid JSON"),
    "HTML": (lambda lane: fake.body(b"<html>Sign in</html>"), "unavailable", "not valid JSON"),
    "nothing": (lambda lane: fake.body(b""), "unavailable", "not valid JSON"),
    "JSON that is no FHIR": (lambda lane: fake.body(b'["x"]'), "unavailable", "not an object with a resourceType"),
    "an OperationOutcome": (lambda lane: fake.resource(fake.outcome("error")), "unavailable", "the EHR reported"),
    "an error among the entries": (
        lambda lane: fake.resource(fake.page(fake.outcome("error"))), "unavailable", "the EHR reported",
    ),
    "another type": (lambda lane: fake.resource({"resourceType": "Basic"}), "unavailable", "it holds no"),
    "another patient's": (lambda lane: fake.resource(another_patients(lane)), "unavailable", "belong to another"),
    "not what gzip makes": (lambda lane: fake.body(b"{}", Content_Encoding="gzip"), "unavailable", "broke off"),
    "a bomb": (lambda lane: fake.bomb, "unavailable", "more than we take"),
}  # fmt: skip
# The same for searches, the first page of which came.
CUT_SHORT: dict[str, tuple[Any, str]] = {
    **{
        f"then {code}": (lambda lane, code=code: fake.pages(fake.page(one_of(lane)), then=fake.status(code)), str(code))
        for code in (401, 404, 500)
    },
    "then malformed JSON": (lambda lane: fake.pages(fake.page(one_of(lane)), then=fake.body(b"{")), "not FHIR"),
    "then an OperationOutcome": (
        lambda lane: fake.pages(fake.page(one_of(lane)), then=fake.resource(fake.outcome("error"))),
        "OperationOutcome, not Bundle",
    ),
    "then a broken connection": (lambda lane: fake.pages(fake.page(one_of(lane)), then=fake.drop), "no answer"),
    "pages without end": (lambda lane: fake.pages(*[fake.page()] * 30), "more than 10 pages"),
    "a total above what was sent": (lambda lane: fake.resource(fake.page(total=3)), "0 of 3 were sent"),
    "a total above what all pages hold": (
        lambda lane: fake.pages(fake.page(total=3), fake.page(total=3)), "0 of 3 were sent",
    ),
    "an entry that cannot be read": (
        lambda lane: fake.pages(fake.page(one_of(lane)), fake.page({"id": "x"})), "could not be read",
    ),
    "the first page twice": (
        lambda lane: fake.pages(*[fake.page(one_of(lane))] * 2), "could not be read",
    ),
    "a page that repeats what its total counts": (
        lambda lane: fake.pages(*[fake.page(*several, total=3) for several in overlapping(lane)]), "2 of 3 were sent",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", FAILING)
@pytest.mark.parametrize("lane", LANES)
def test_a_lane_that_cannot_be_looked_up_is_judged_as_one_that_the_ehr_refused_to_send(
    patiently: FlaskClient, server: FakeServer, lane: str, way: str
) -> None:
    answers, state, why = FAILING[way]
    server.ways[TYPES[lane]] = answers(lane)
    assessment = answered(patiently, call_of(DANIEL, "order-sign", server, without(lane)))
    assert assessment["lanes"][lane]["state"] == state
    assert why in assessment["lanes"][lane]["why"]
    refused = answered(patiently, call_of(DANIEL, "order-sign", None, {lane: REFUSED_IN_PREFETCH}))
    assert outcomes(assessment) == outcomes(refused)
    assert set(server.types) == {TYPES[lane]}
    assert all(asked.headers["Authorization"] == f"Bearer {TOKEN}" for asked in server.asked)


@pytest.mark.parametrize("way", CUT_SHORT)
@pytest.mark.parametrize("lane", LISTED)
def test_a_lane_of_which_only_a_part_came_is_partial_and_says_no_absence(
    patiently: FlaskClient, server: FakeServer, lane: str, way: str
) -> None:
    answers, why = CUT_SHORT[way]
    server.ways[TYPES[lane]] = answers(lane)
    assessment = answered(patiently, call_of(DANIEL, "order-sign", server, without(lane)))
    assert assessment["lanes"][lane]["state"] == "partial"
    assert why in assessment["lanes"][lane]["why"]
    says_absent = {rule for rule, outcome in outcomes(assessment).items() if outcome == "not_documented"}
    # The order itself gives a diagnosis, of which the rule speaks whatever else is read.
    assert not {rule for rule in says_absent if lane in RULES[rule].LANES} - {"indication"}


@pytest.mark.parametrize("way", ["hang", "drip", "drip_headers"])
@pytest.mark.parametrize("lane", LANES)
def test_a_lane_that_is_late_is_unavailable_and_never_absent(
    client: FlaskClient, server: FakeServer, lane: str, way: str
) -> None:
    server.ways[TYPES[lane]] = getattr(fake, way)
    assessment = answered(client, call_of(DANIEL, "order-sign", server, without(lane)))
    assert assessment["lanes"][lane] == {"state": "unavailable", "count": 0, "why": "the server was late"}
    refused = answered(client, call_of(DANIEL, "order-sign", None, {lane: REFUSED_IN_PREFETCH}))
    assert outcomes(assessment) == outcomes(refused)


@pytest.mark.parametrize("lane", ["procedures", "conditions", "questionnaire_responses"])
def test_a_later_page_that_is_late_leaves_the_lane_partial(server: FakeServer, lane: str) -> None:
    server.ways[TYPES[lane]] = fake.pages(fake.page(one_of(lane)), then=fake.hang)
    with service(2.0) as (client, _):  # in which the first page comes
        assessment = answered(client, call_of(DANIEL, "order-sign", server, without(lane)))
    why = "further pages could not be had: the server was late"
    lane_read = assessment["lanes"][lane]
    assert (lane_read["state"], lane_read["count"], lane_read["why"]) == ("partial", 1, why)


@pytest.mark.parametrize("sent", [None, REFUSED_IN_PREFETCH, fake.page(), fake.page(total=5)])
@pytest.mark.parametrize("lane", LANES)
def test_what_the_ehr_itself_looked_up_is_not_asked_for_again(
    patiently: FlaskClient, server: FakeServer, lane: str, sent: Any
) -> None:
    answered(patiently, call_of(DANIEL, "order-sign", server, {lane: sent}))
    assert server.asked == []


@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_a_call_without_prefetch_gets_the_card_that_it_gets_with_all_of_it(
    patiently: FlaskClient, server: FakeServer, hook: str
) -> None:
    bare = call_of(DANIEL, hook, server, without(*LANES))
    looked_up, sent = answered(patiently, bare), answered(patiently, call_of(DANIEL, hook, None))
    assert looked_up == sent
    assert outcomes(looked_up)["nonsurgical_care"] == "not_documented"
    assert sorted(server.types) == sorted(TYPES[lane] for lane in LANES)


@pytest.mark.parametrize("lane", LISTED)
def test_epics_entry_that_there_are_no_results_is_a_complete_and_empty_lane(
    patiently: FlaskClient, server: FakeServer, lane: str
) -> None:
    none = fake.page(total=0)
    none["entry"] = [{"resource": fake.outcome("warning"), "search": {"mode": "outcome"}}]
    server.ways[TYPES[lane]] = fake.resource(none)
    assessment = answered(patiently, call_of(DANIEL, "order-sign", server, without(lane)))
    assert assessment["lanes"][lane] == {"state": "complete", "count": 0}


def test_a_server_that_hangs_holds_no_answer_for_a_second() -> None:
    assert BUDGET < 0.5  # half of the second that CDS Hooks gives an answer
    with fhir_server() as server:
        server.ways = dict.fromkeys(TYPES.values(), fake.hang)
        with service(BUDGET) as (client, _):
            start = time.monotonic()
            assessment = answered(client, call_of(DANIEL, "order-sign", server, without(*LANES)))
            assert time.monotonic() - start < fake.PATIENCE / 2  # it hangs until the test is over
    assert {assessment["lanes"][lane]["why"] for lane in LANES} == {"the server was late"}
    assert "not_documented" not in {outcome for rule, outcome in outcomes(assessment).items() if rule != "indication"}


def test_a_server_that_nobody_listens_at_gives_no_answer(patiently: FlaskClient) -> None:
    with fhir_server() as gone:
        pass
    assessment = answered(patiently, call_of(DANIEL, "order-sign", gone, without("procedures")))
    assert assessment["lanes"]["procedures"]["why"] == "no answer"
