"""Absence from the record is not absence of care: what could not be read is never said to be missing."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec import Raw
from msgspec.json import decode

from fixtures.vignettes import chart, vignettes
from second_opinion import diagnoses
from second_opinion.assess import Assessment, assess
from second_opinion.data_needs import LANE_OF_TYPE, NEEDS
from second_opinion.findings import Finding, Outcome
from second_opinion.from_fhir import read_bundle, read_page, read_prefetch
from second_opinion.planned_surgery import CHART_LANES, in_chart, in_orders
from second_opinion.record import PatientRecord
from second_opinion.rules import RULES
from second_opinion.rules.wording import answer_words, by_reason, lanes_of

AS_OF = date(2026, 11, 22)
HOOK = "order-sign"
# Every lane, also those that no hook asks for (documents): to this test the hook asks for all of them.
ALL_ASKED = tuple(replace(need, hooks=(HOOK, "patient-view")) for need in NEEDS)
KEYS = {need.lane: need.type for need in NEEDS}
SUBJECT = {"reference": "Patient/example"}
NOT_FOUND = (Outcome.NOT_DOCUMENTED, Outcome.NOT_APPLICABLE)

Json = dict[str, Any]

NEEDED = [
    pytest.param(rule, lane, id=f"{rule} without {lane}") for rule, module in RULES.items() for lane in module.LANES
]


@pytest.fixture(autouse=True, scope="module")
def _every_lane_is_asked_for() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("second_opinion.from_fhir.chart.NEEDS", ALL_ASKED)
        yield


def stands_without(rule: str, lane: str, answer: Assessment) -> bool:
    """Whether RULES section 4 lets this 'not found' stand, though the lane was not read in full."""
    assert answer.surgery
    outcome = outcomes(answer)[rule]
    if rule == "repeat_surgery":  # procedures and conditions read in full, no earlier operation: scores add nothing
        return lane == "observations" and outcome is Outcome.NOT_APPLICABLE
    if rule == "modifiable_risks":
        return outcome is Outcome.NOT_APPLICABLE and answer.surgery.kind in ("decompression", "discectomy")
    if rule == "indication":  # the order itself gives diagnoses, of another region
        return outcome is Outcome.NOT_DOCUMENTED and bool(diagnoses.given(answer.surgery))
    return False


def page(resources: Iterable[Any], **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources], **more}


def failure(severity: str = "error") -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "timeout"}]}


def odd(lane: str) -> Json:
    """A resource of the lane, of which an element cannot be read."""
    element = {
        "encounters": "type", "care_plans": "activity", "medications": "medicationCodeableConcept",
        "goals": "description", "communications": "topic", "consents": "category", "documents": "type",
        "questionnaire_responses": "item", "appointments": "serviceType", "patient": "birthDate",
    }  # fmt: skip
    usual = {"resourceType": KEYS[lane], "id": "odd", "subject": SUBJECT, "status": "completed"}
    return usual | {element.get(lane, "code"): {"exercise": 1} if lane == "patient" else "exercise"}


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
    return read_prefetch(decode(text, type=dict[str, Raw]), HOOK, "example", AS_OF, read_page(drafts, "orders"))


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
    answer = judged(record)
    finding = findings(answer)[rule]
    assert not record[lane].complete
    if not stands_without(rule, lane, answer):
        assert finding.outcome is Outcome.COULD_NOT_ASSESS
        assert lane in finding.could_not_read


@pytest.mark.parametrize(("rule", "lane"), NEEDED)
def test_a_lane_searched_and_empty_may_be_said_to_be_empty(rule: str, lane: str) -> None:
    for resources in (BARE, OPERATED):
        assert findings(judged(hooked(resources, {})))[rule].outcome in NOT_FOUND


FOUND = [
    # rule, the lane it is found in, what is found there beside the order, the outcome that stands
    ("repeat_surgery", "procedures", "Procedure CPT 63047 lumbar laminectomy [outcome=unsuccessful]", "concern"),
    ("indication", "conditions", "Condition ICD10CM M43.16 Spondylolisthesis", "met"),
    ("indication", "conditions", "Condition ICD10CM M54.50 Low back pain", "could_not_assess"),
    ("options_discussed", "consents", "Consent [scope=treatment; provision=CPT 22612 lumbar fusion]", "met"),
    ("options_discussed", "documents", "Document text Informed consent lumbar fusion", "met"),
    ("patient_goals", "goals", "Goal text Patient does not want surgery.", "concern"),
    ("patient_goals", "goals", "Goal text Patient wants surgery.", "met"),
    ("patient_concern", "conditions", "Condition SNOMED 185481008 Dissatisfied with doctor", "concern"),
    ("modifiable_risks", "conditions", "Condition ICD10CM F17.210 Nicotine dependence", "concern"),
    ("modifiable_risks", "conditions", "Condition ICD10CM M54.50 Low back pain", "could_not_assess"),
]


@pytest.mark.parametrize(("rule", "lane", "line", "outcome"), FOUND)
def test_what_was_found_stands_whatever_else_was_lost(rule: str, lane: str, line: str, outcome: str) -> None:
    resources = chart([{"today": "Order CPT 22612 lumbar fusion"}, {"60 days ago": line}], AS_OF)
    lost = dict.fromkeys((each for each in KEYS if each not in ("patient", lane)), "absent")
    assert outcomes(judged(hooked(resources, lost | {lane: "a next link"})))[rule] == outcome


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("ICD10CM M43.16 Spondylolisthesis", Outcome.MET),
        ("ICD10CM M54.50 Low back pain", Outcome.CONCERN),
        ("ICD10CM M50.121 Cervical disc disorder", Outcome.NOT_DOCUMENTED),
        ("ICD10CM Z98.1 Arthrodesis status", Outcome.COULD_NOT_ASSESS),  # no diagnosis we know: as if not given
        ("ICD10CM E11.9 Diabetes", Outcome.COULD_NOT_ASSESS),
    ],
)
def test_an_order_that_gives_its_reason_needs_no_diagnoses_of_the_chart(
    reason: str, outcome: Outcome, way: str
) -> None:
    resources = chart([{"today": f"Order CPT 22612 lumbar fusion [reason={reason}]"}], AS_OF)
    assert outcomes(judged(hooked(resources, {"conditions": way})))["indication"] is outcome


def test_a_reason_behind_a_reference_that_was_lost_could_have_been_any() -> None:
    (patient, asked) = BARE
    asked = asked | {"reasonReference": [{"reference": "Condition/lost"}]}
    finding = findings(judged(hooked([patient, asked], {})))["indication"]
    assert finding.outcome is Outcome.COULD_NOT_ASSESS
    assert "refer" in finding.says


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", ["CPT 63047 lumbar laminectomy", "CPT 63030 lumbar discectomy"])
def test_risks_of_a_fusion_are_not_asked_for_where_nothing_is_fused(code: str, way: str) -> None:
    resources = chart([{"today": f"Order {code}"}, {"9 days ago": "Condition ICD10CM F17.210 Nicotine"}], AS_OF)
    finding = findings(judged(hooked(resources, {"conditions": way})))["modifiable_risks"]
    assert (finding.outcome, finding.evidence, finding.could_not_read) == (Outcome.NOT_APPLICABLE, (), ())


def test_at_a_hook_as_it_is_documents_are_not_asked_for_so_no_talk_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("second_opinion.from_fhir.chart.NEEDS", NEEDS)
    finding = findings(judged(hooked(BARE, {"documents": "absent"})))["options_discussed"]
    assert (finding.outcome, finding.could_not_read) == (Outcome.COULD_NOT_ASSESS, ("documents",))


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
    answer = judged(hooked(BARE, {"procedures": "absent", "conditions": "absent"}))
    assert answer.indicator == "info"
    assert not answer.raising
    assert {finding.rule for finding in answer.unread} >= {"repeat_surgery", "nonsurgical_care"}


@pytest.mark.parametrize("lane", ["service_requests", "care_plans", "appointments", "procedures"])
def test_where_no_planned_operation_is_seen_the_lanes_that_may_hold_one_are_named(lane: str) -> None:
    patient = {need.lane: page([]) for need in NEEDS} | {"patient": {"resourceType": "Patient", "id": "example"}}
    sent = decode(json.dumps({key: value for key, value in patient.items() if key != lane}), type=dict[str, Raw])
    record = read_prefetch(sent, "patient-view", "example", AS_OF)
    answer = assess(record, in_chart(record), looked_in=CHART_LANES)
    assert (answer.surgery, answer.indicator, answer.findings) == (None, None, ())
    assert answer.could_not_look == (lane,)


def test_lanes_lost_for_the_same_reason_are_named_together() -> None:
    record = hooked(BARE, {"procedures": "absent", "conditions": "an OperationOutcome", "encounters": "absent"})
    assert by_reason(record, ("procedures", "conditions", "encounters", "procedures")) == [
        ("procedures and encounters", "not sent by the EHR"),
        ("diagnoses", "the EHR reported: timeout"),
    ]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("403", "the EHR refused access (403)"),
        ("404", "the EHR answered 404"),
        ("it did not answer in time", "it did not answer in time"),
    ],
)
def test_a_status_alone_is_said_in_words(why: str, words: str) -> None:
    assert answer_words(why) == words


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
    answer = judged(record)
    for rule, outcome in outcomes(answer).items():
        unread = [lane for lane in RULES[rule].LANES if not record[lane].complete]
        assert outcome not in NOT_FOUND or all(stands_without(rule, lane, answer) for lane in unread)


@thorough
@given(some.data())
def test_what_is_concluded_from_a_part_holds_for_the_whole(data: some.DataObject) -> None:
    """A concern may stand on what was read alone: whatever else is said must not hang on what was lost.

    Two other answers may: the patient's latest wish that was found, and a diagnosis of the chart that supports the
    operation while the one that the order refers to was lost.
    """
    resources = data.draw(a_chart())
    ways, kept = data.draw(a_loss(resources))
    partly, fully = judged(hooked(resources, ways, kept)), judged(hooked(resources, {}))
    assert partly.surgery
    met_in_part = {"patient_goals"}
    if any(event.reasons_unread for event in partly.surgery.events):
        met_in_part.add("indication")
    for rule, outcome in outcomes(partly).items():
        if not (outcome is Outcome.MET and rule in met_in_part):
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
