"""Absence from the record is not absence of care: what could not be read is never said to be missing."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec import Raw
from msgspec.json import decode

from fixtures.vignettes import chart, vignettes
from second_opinion.assess import Assessment, assess
from second_opinion.data_needs import LANE_OF_TYPE, NEEDS
from second_opinion.findings import Finding, Outcome
from second_opinion.from_fhir import read_bundle, read_prefetch
from second_opinion.planned_surgery import in_chart, in_orders
from second_opinion.record import PatientRecord
from second_opinion.rules import RULES
from second_opinion.rules.wording import by_reason, lanes_of

AS_OF = date(2026, 11, 22)
HOOK = "order-sign"
KEYS = {need.lane: need.type for need in NEEDS if HOOK in need.hooks}
SUBJECT = {"reference": "Patient/example"}
NOT_FOUND = (Outcome.NOT_DOCUMENTED, Outcome.NOT_APPLICABLE)
# RULES section 4: 'not_applicable: procedures and conditions read in full, no earlier operation'; scores add nothing.
STANDS_WITHOUT = {("repeat_surgery", "observations"): (Outcome.NOT_APPLICABLE,)}

Json = dict[str, Any]

NEEDED = [
    pytest.param(rule, lane, id=f"{rule} without {lane}")
    for rule, module in RULES.items()
    for lane in module.LANES
    if lane in KEYS
]


def page(resources: Iterable[Any], **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources], **more}


def failure(severity: str = "error") -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "timeout"}]}


def odd(lane: str) -> Json:
    """A resource of the lane, of which an element cannot be read."""
    element = {"encounters": "type", "care_plans": "activity", "medications": "medicationCodeableConcept"}
    usual = {"resourceType": KEYS[lane], "id": "odd", "subject": SUBJECT, "status": "completed"}
    return usual | {element.get(lane, "code"): "exercise"}


def foreign(lane: str) -> Json:
    return {"resourceType": KEYS[lane], "id": "foreign", "subject": {"reference": "Patient/other"}}


ABSENT = object()
# What can become of a lane on its way to us; the resources that did arrive are given.
WAYS: dict[str, Any] = {
    "absent": lambda lane, sent: ABSENT,
    "an OperationOutcome": lambda lane, sent: failure(),
    "a string": lambda lane, sent: "timeout",
    "an empty object": lambda lane, sent: {},
    "a next link": lambda lane, sent: page(sent, link=[{"relation": "next", "url": "https://ehr.example/2"}]),
    "a total above what was sent": lambda lane, sent: page(sent, total=len(sent) + 1),
    "an error among the entries": lambda lane, sent: page([*sent, failure()]),
    "an entry null": lambda lane, sent: page([*sent, None]),
    "an entry of no type": lambda lane, sent: page([*sent, {"id": "a"}]),
    "an entry with an odd element": lambda lane, sent: page([odd(lane), *sent]),
    "an entry of another patient": lambda lane, sent: page([*sent, foreign(lane)]),
    "a resource of another type alone": lambda lane, sent: page([{"resourceType": "Immunization", "id": "a"}]),
    "one resource without a Bundle": lambda lane, sent: sent[0] if sent else odd(lane),
}
LOSES_ALL = ("absent", "an OperationOutcome", "a string", "an empty object", "a resource of another type alone")


def by_lane(resources: Iterable[Json]) -> dict[str, list[Json]]:
    """Each lane's resources as our own queries would find them: draft orders stand in the hook's context instead."""
    lanes: dict[str, list[Json]] = {lane: [] for lane in KEYS}
    for each in resources:
        lane = LANE_OF_TYPE[each["resourceType"]]
        if lane in lanes and not is_draft(each):
            lanes[lane].append(each)
    # A medication lane of dispenses alone was not answered by our query, which asks for MedicationRequests.
    lanes["medications"].append(
        {"resourceType": "MedicationRequest", "id": "bp", "subject": SUBJECT, "status": "active",
         "medicationCodeableConcept": {"text": "lisinopril"}}
    )  # fmt: skip
    return lanes


def is_draft(resource: Json) -> bool:
    return resource["resourceType"] == "ServiceRequest" and resource.get("status") == "draft"


def hooked(
    resources: list[Json], ways: Mapping[str, str], kept: Mapping[str, list[Json]] | None = None
) -> PatientRecord:
    """The record of an order-sign call in which these lanes went these ways; `kept` is what of a lane still arrives."""
    lanes = by_lane(resources)
    sent = {lane: page(found, total=len(found)) for lane, found in lanes.items()} | {"patient": lanes["patient"][0]}
    sent |= {lane: WAYS[way](lane, (kept or lanes)[lane]) for lane, way in ways.items()}
    text = json.dumps({key: value for key, value in sent.items() if value is not ABSENT})
    drafts = json.dumps(page(filter(is_draft, resources))).encode()
    return read_prefetch(decode(text, type=dict[str, Raw]), HOOK, "example", AS_OF, Raw(drafts))


def judged(record: PatientRecord) -> Assessment:
    return assess(record, in_orders(record))


def findings(assessment: Assessment) -> dict[str, Finding]:
    return {finding.rule: finding for finding in assessment.findings}


def outcomes(assessment: Assessment) -> dict[str, Outcome]:
    return {rule: finding.outcome for rule, finding in findings(assessment).items()}


CHARTS = [v.resources for v in vignettes() if v.as_of == AS_OF and judged(hooked(v.resources, {})).surgery]
BARE = chart([{"today": "Order CPT 22612 lumbar fusion"}], AS_OF)
OPERATED = chart(
    [{"today": "Order CPT 22612 lumbar fusion"}, {"400 days ago": "Procedure CPT 63047 lumbar laminectomy"}], AS_OF
)


# ---- one lane at a time, on the barest charts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("rule", "lane"), NEEDED)
@pytest.mark.parametrize("resources", [BARE, OPERATED], ids=["an order alone", "an earlier operation"])
def test_an_unread_lane_never_becomes_an_absence(resources: list[Json], rule: str, lane: str, way: str) -> None:
    record = hooked(resources, {lane: way})
    finding = findings(judged(record))[rule]
    assert not record[lane].complete
    if finding.outcome not in STANDS_WITHOUT.get((rule, lane), ()):
        assert finding.outcome is Outcome.COULD_NOT_ASSESS
        assert lane in finding.could_not_read


@pytest.mark.parametrize(("rule", "lane"), NEEDED)
def test_a_lane_searched_and_empty_may_be_said_to_be_empty(rule: str, lane: str) -> None:
    for resources in (BARE, OPERATED):
        assert findings(judged(hooked(resources, {})))[rule].outcome in NOT_FOUND


@pytest.mark.parametrize("lane", [lane for lane in KEYS if not any(lane in module.LANES for module in RULES.values())])
def test_a_lane_that_no_rule_needs_changes_no_outcome(lane: str) -> None:
    for way in WAYS:
        assert outcomes(judged(hooked(BARE, {lane: way}))) == outcomes(judged(hooked(BARE, {})))


@pytest.mark.parametrize(
    "more",
    [{"total": 99}, {"link": [{"relation": "next", "url": "https://ehr.example/2"}]}, {"entry": [None]}, {"link": 5}],
    ids=json.dumps,
)
def test_a_file_that_is_not_whole_never_shows_an_absence(more: Json) -> None:
    document = page([*BARE, *more.get("entry", [])]) | {key: value for key, value in more.items() if key != "entry"}
    record = read_bundle(json.dumps(document).encode(), AS_OF)
    found = outcomes(assess(record, in_chart(record)))
    assert found["repeat_surgery"] is found["nonsurgical_care"] is Outcome.COULD_NOT_ASSESS
    assert Outcome.NOT_DOCUMENTED not in found.values()


def test_when_nothing_can_be_concluded_the_card_says_so() -> None:
    answer = judged(hooked(BARE, {"procedures": "absent"}))
    assert answer.indicator == "info"
    assert not answer.raising
    assert {finding.rule for finding in answer.unread} >= {"repeat_surgery", "nonsurgical_care"}


@pytest.mark.parametrize("lane", ["service_requests", "care_plans", "appointments", "procedures"])
def test_where_no_planned_operation_is_seen_the_lanes_that_may_hold_one_are_named(lane: str) -> None:
    patient = {need.lane: page([]) for need in NEEDS} | {"patient": {"resourceType": "Patient", "id": "example"}}
    sent = decode(json.dumps({key: value for key, value in patient.items() if key != lane}), type=dict[str, Raw])
    record = read_prefetch(sent, "patient-view", "example", AS_OF)
    answer = assess(record, in_chart(record))
    assert (answer.surgery, answer.indicator, answer.findings) == (None, None, ())
    assert answer.could_not_look == (lane,)


def test_lanes_lost_for_the_same_reason_are_named_together() -> None:
    record = hooked(BARE, {"procedures": "absent", "conditions": "an OperationOutcome", "encounters": "absent"})
    assert by_reason(record, ("procedures", "conditions", "encounters", "procedures")) == [
        ("procedures and encounters", "not sent by the EHR"),
        ("diagnoses", "the EHR reported: timeout"),
    ]


def test_the_lanes_of_several_rules_are_named_once() -> None:
    lanes = lanes_of(RULES)
    assert len(lanes) == len(set(lanes))
    assert set(lanes) == {lane for module in RULES.values() for lane in module.LANES}


def test_an_order_that_cannot_be_placed_is_still_only_an_order() -> None:
    """Care that was at most ordered cannot have been received, whatever became of the order."""
    order = {"resourceType": "ServiceRequest", "id": "pt", "subject": SUBJECT, "status": "unknown"}
    record = hooked([*BARE, order | {"intent": "order", "code": {"text": "exercise"}}], {})
    assert record["service_requests"].aside
    assert findings(judged(record))["nonsurgical_care"].outcome is Outcome.NOT_DOCUMENTED


def test_care_that_cannot_be_placed_could_have_been_received() -> None:
    care = {"resourceType": "Procedure", "id": "pt", "subject": SUBJECT, "status": "unknown"}
    record = hooked([*BARE, care | {"code": {"text": "exercise"}}], {})
    assert findings(judged(record))["nonsurgical_care"].outcome is Outcome.COULD_NOT_ASSESS


# ---- any chart, any way to lose any part of it

thorough = settings(
    max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@some.composite
def a_chart(draw: Any) -> list[Json]:
    """Some resources of one or two vignettes, always with the patient and the planned operation of the first."""
    first, second = draw(some.sampled_from(CHARTS)), draw(some.sampled_from(CHARTS))
    resources = [each for each in first if each["resourceType"] == "Patient" or is_draft(each)]
    rest = [each for each in first if each not in resources]
    rest += [each | {"id": f"second-{each['id']}"} for each in second if each["resourceType"] != "Patient"]
    chosen = draw(some.lists(some.sampled_from(rest), unique_by=lambda each: each["id"])) if rest else []
    return [*resources, *(each for each in chosen if not is_draft(each))]


@some.composite
def a_loss(draw: Any, resources: list[Json]) -> tuple[dict[str, str], dict[str, list[Json]]]:
    """Some lanes, the way that each went, and what of them still arrived."""
    lost = draw(some.lists(some.sampled_from([lane for lane in KEYS if lane != "patient"]), min_size=1, unique=True))
    ways = {lane: draw(some.sampled_from(list(WAYS))) for lane in lost}
    lanes = by_lane(resources)
    kept = {lane: [each for each in lanes[lane] if draw(some.booleans())] for lane in ways}
    return ways, kept


@thorough
@given(some.data())
def test_in_any_chart_an_unread_lane_never_becomes_an_absence(data: some.DataObject) -> None:
    resources = data.draw(a_chart())
    ways, kept = data.draw(a_loss(resources))
    record = hooked(resources, ways, kept)
    for rule, finding in findings(judged(record)).items():
        unread = [lane for lane in RULES[rule].LANES if not record[lane].complete]
        may_stand = [finding.outcome in STANDS_WITHOUT.get((rule, lane), ()) for lane in unread]
        assert not unread or finding.outcome not in NOT_FOUND or all(may_stand)


@thorough
@given(some.data())
def test_what_is_concluded_from_a_part_holds_for_the_whole(data: some.DataObject) -> None:
    """Only a concern may stand on what was read alone: whatever else is said must not hang on what was lost."""
    resources = data.draw(a_chart())
    ways, kept = data.draw(a_loss(resources))
    partly, fully = judged(hooked(resources, ways, kept)), judged(hooked(resources, {}))
    for rule, outcome in outcomes(partly).items():
        assert outcome in (Outcome.COULD_NOT_ASSESS, Outcome.CONCERN, outcomes(fully)[rule])


@thorough
@given(some.data())
def test_a_part_of_a_chart_never_gives_a_concern_about_missing_care(data: some.DataObject) -> None:
    resources = data.draw(a_chart())
    ways, kept = data.draw(a_loss(resources))
    record = hooked(resources, ways, kept)
    care = findings(judged(record))["nonsurgical_care"]
    if not all(record[lane].complete for lane in RULES["nonsurgical_care"].LANES):
        assert care.outcome in (Outcome.MET, Outcome.COULD_NOT_ASSESS)


@thorough
@given(some.data())
def test_a_chart_that_arrives_in_full_has_no_lane_unread(data: some.DataObject) -> None:
    record = hooked(data.draw(a_chart()), {})
    assert [lane for lane in KEYS if not record[lane].complete] == []


@thorough
@given(some.data())
def test_a_lane_that_lost_something_says_so_and_why(data: some.DataObject) -> None:
    resources = data.draw(a_chart())
    ways, kept = data.draw(a_loss(resources))
    record = hooked(resources, ways, kept)
    for lane, way in ways.items():
        assert not record[lane].complete
        assert record[lane].why
        assert way not in LOSES_ALL or (record[lane].state == "unavailable" and not record[lane].events)
