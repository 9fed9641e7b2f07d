"""Reading FHIR leniently: what is right is kept, what is odd is named, and nothing that arrives makes us fall over."""

import json
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec import Raw, Struct
from msgspec.structs import fields

from fixtures.vignettes import chart, vignettes
from second_opinion.assess import as_json, assess
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import is_bundle, read_bundle
from second_opinion.from_fhir.shapes import TYPES
from second_opinion.planned_surgery import in_chart
from second_opinion.record import Event, Lane, PatientRecord, Reading

AS_OF = date(2026, 11, 22)
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1966-05-01"}
SUBJECT = {"reference": "Patient/p"}
CPT = "http://www.ama-assn.org/go/cpt"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
FUSION = {"coding": [{"system": CPT, "code": "22612"}], "text": "Lumbar fusion"}
EXERCISE = {"coding": [{"system": CPT, "code": "97110"}], "text": "Exercise"}
ODI = {"coding": [{"system": "http://loinc.org", "code": "97909-6"}], "text": "ODI"}
STENOSIS = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M48.062"}], "text": "Stenosis"}

Json = dict[str, Any]


def procedure(**changes: Any) -> Json:
    """A lumbar fusion done on 2 May 2024; an element changed to None is left out."""
    return resource(
        "Procedure", {"id": "f", "status": "completed", "performedDateTime": "2024-05-02", "code": FUSION}, changes
    )


def observation(**changes: Any) -> Json:
    usual = {"id": "o", "status": "final", "effectiveDateTime": "2026-01-05", "code": ODI}
    return resource("Observation", usual | {"valueQuantity": {"value": 38, "unit": "%"}}, changes)


def condition(**changes: Any) -> Json:
    return resource("Condition", {"id": "c", "code": STENOSIS, "recordedDate": "2026-02-01"}, changes)


def order(**changes: Any) -> Json:
    usual = {"id": "s", "status": "active", "intent": "order", "code": FUSION, "authoredOn": "2026-11-20"}
    return resource("ServiceRequest", usual, changes)


def prescription(**changes: Any) -> Json:
    return resource("MedicationRequest", {"id": "m", "status": "active", "authoredOn": "2026-06-01"}, changes)


def resource(kind: str, usual: Json, changes: Json) -> Json:
    elements = {"resourceType": kind, "subject": SUBJECT, **usual, **changes}
    return {name: value for name, value in elements.items() if value is not None}


def bundle(*resources: Any, **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources], **more}


def read(*resources: Any, **more: Any) -> PatientRecord:
    """The record of a Bundle with our patient and these."""
    return read_document(bundle(PATIENT, *resources, **more))


def read_document(document: Any) -> PatientRecord:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_bundle(body, AS_OF)


def only(events: Iterable[Event]) -> Event:
    (event,) = events
    return event


def unread(lane: Lane) -> list[tuple[str, str]]:
    return [(each.reference, each.why) for each in lane.unread]


def states(record: PatientRecord) -> dict[str, str]:
    """The lanes that are not complete."""
    return {name: str(lane.state) for name, lane in record.lanes.items() if not lane.complete}


# ---- documents


NESTED = b'{"resourceType": "Bundle", "entry": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NESTED_BELOW_AN_ODD_ELEMENT = NESTED.replace(b'"entry"', b'"total": "x", "entry"')
PATIENT_WITH = '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": %s}}]}'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"null", "not an object with a resourceType"),
        (b"[]", "not an object with a resourceType"),
        (b"5", "not an object with a resourceType"),
        (b'"Bundle"', "not an object with a resourceType"),
        (b"true", "not an object with a resourceType"),
        (b"{}", "not an object with a resourceType"),
        (b'{"entry": []}', "not an object with a resourceType"),
        (b'{"resourceType": null, "entry": []}', "not an object with a resourceType"),
        (b'{"resourceType": ["Bundle"]}', "not an object with a resourceType"),
        (b'{"resourceType": "Patient", "id": "p"}', "a Patient, not a Bundle"),
        (b'{"resourceType": "Parameters"}', "a Parameters, not a Bundle"),
        (b'{"resourceType": "bundle"}', "a bundle, not a Bundle"),
        (b'{"resourceType": "Bundle", "entry": [', "not valid JSON"),
        (b"resourceType: Bundle", "not valid JSON"),
        (b'{"resourceType": "Bundle", "total": NaN}', "not valid JSON"),
        (b'{"resourceType": "Bundle", "total": -Infinity}', "not valid JSON"),
        (b'{"resourceType": "Bundle"} {"resourceType": "Bundle"}', "NDJSON"),
        (b'{"resourceType": "Patient"}\n{"resourceType": "Condition"}\n', "NDJSON"),
        ('{"resourceType": "Bundle"}'.encode("utf-16"), "not valid JSON: UTF-16 or UTF-32"),
        ('{"resourceType": "Bundle"}'.encode("utf-16-le"), "save it as UTF-8"),
        (PATIENT_WITH.encode() % b'"\xff"', "not valid JSON"),
        (PATIENT_WITH.encode() % b'"\\ud8zz"', "not valid JSON"),
        (PATIENT_WITH.encode() % b'"\\ud83d', "not valid JSON"),
        (b"[" * 100_000, ""),
        (NESTED, "nested too deeply"),
        (NESTED_BELOW_AN_ODD_ELEMENT, "nested too deeply"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_is_not_a_chart_is_refused_with_the_reason(body: bytes, says: str) -> None:
    with pytest.raises(UnreadableInput) as problem:
        read_bundle(body, AS_OF)
    assert says in str(problem.value)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert read_document(b"\xef\xbb\xbf" + json.dumps(bundle(PATIENT)).encode()).person.reference == "Patient/p"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\uDE00 cut", "\ufffd cut"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"C:\\ud83d", "C: ud83d"),  # an escaped backslash, and no escape after it
    ],
)
def test_half_a_character_never_loses_the_chart(written: str, read_as: str) -> None:
    document = json.dumps(bundle(PATIENT, procedure(code=FUSION | {"text": "@"}))).replace("@", written)
    record = read_document(document.encode())
    assert only(record.procedures.events).label == read_as
    assert states(record) == {}


def test_bundles_in_bundles_deeper_than_we_can_follow_are_refused() -> None:
    document = json.dumps(PATIENT)
    for _ in range(5000):
        document = '{"resourceType": "Bundle", "entry": [{"resource": ' + document + "}]}"
    with pytest.raises(UnreadableInput):
        read_document(document.encode())


@pytest.mark.parametrize(
    ("value", "expected"), [(b'{"resourceType": "Bundle"}', True), (b"null", False), (b"[]", False), (b"{}", False)]
)
def test_a_bundle_is_known_by_its_resource_type(value: bytes, expected: bool) -> None:
    assert is_bundle(value) is expected


def test_ten_thousand_entries_are_read_as_one_is() -> None:
    visits = [procedure(id=f"visit-{number}", code=EXERCISE) for number in range(10_000)]
    record = read(*visits, order())
    assert record.procedures.count == len(record.procedures.events) == 10_000
    assert not states(record)


@pytest.mark.parametrize("vignette", vignettes(), ids=lambda vignette: f"{vignette.rule}: {vignette.name}")
def test_an_entry_that_no_rule_reads_changes_nothing(vignette: Any) -> None:
    """Such an entry takes the whole Bundle down the careful path, which must give the same record as the fast one."""
    alone = read_bundle(json.dumps(bundle(*vignette.resources)).encode(), vignette.as_of)
    odd = {"resourceType": "Basic", "id": "b", "code": 5}
    beside = read_bundle(json.dumps(bundle(*vignette.resources, odd)).encode(), vignette.as_of)
    assert beside == alone


def test_unknown_elements_are_ignored() -> None:
    record = read(procedure(text={"status": "generated"}, bodySite=[{}], x={"y": [1, None]}, _status={"extension": []}))
    assert only(record.procedures.events).on == date(2024, 5, 2)
    assert not states(record)


# ---- types that are off


@pytest.mark.parametrize(
    ("given", "look", "expected"),
    [
        (procedure(reasonCode=STENOSIS), lambda e: e.reasons[0].label, "Stenosis"),
        (procedure(code=[FUSION]), lambda e: e.label, "Lumbar fusion"),
        (procedure(code={"coding": {"system": CPT, "code": "22612"}}), lambda e: e.regions, {"lumbar"}),
        (procedure(code={"coding": [{"system": CPT, "code": 22612}]}), lambda e: e.regions, {"lumbar"}),
        (procedure(code={"coding": [{"system": CPT, "code": 22612.0}]}), lambda e: e.regions, {"lumbar"}),
        (procedure(code={"coding": [None, FUSION["coding"][0]]}), lambda e: e.regions, {"lumbar"}),
        (procedure(id=7), lambda e: e.source, "Procedure/7"),
        (procedure(status=["completed"]), lambda e: e.status, "completed"),
        (procedure(performedDateTime=2024), lambda e: e.on, date(2024, 1, 1)),
        (procedure(performedPeriod=[{"start": "2024-03-01"}]), lambda e: e.on, date(2024, 3, 1)),
        (procedure(performer={"actor": {"display": "Dr Lee"}}), lambda e: e.who, {"dr lee"}),
        (procedure(meta="new"), lambda e: e.status, "completed"),
        (procedure(meta={"lastUpdated": {}}), lambda e: e.status, "completed"),
        (procedure(contained=5), lambda e: e.status, "completed"),
    ],
    ids=lambda value: json.dumps(value)[-90:] if isinstance(value, dict) else "",
)
def test_a_wrong_type_is_mended_where_that_is_safe(given: Json, look: Callable[[Event], Any], expected: Any) -> None:
    record = read(given)
    assert look(only(record.procedures.events)) == expected
    assert not states(record)


def test_an_identifier_that_cannot_be_read_loses_no_care() -> None:
    asked = only(read(order(identifier=[{"value": "1"}, 5]))["service_requests"].events)
    assert asked.label == "Lumbar fusion"
    assert not states(read(order(identifier=[{"value": "1"}, 5])))


@pytest.mark.parametrize(
    ("value", "expected"), [(38, 38), (38.5, 38.5), ("38", 38), ("38.5", 38.5), ([38], 38), (-0.0, 0)]
)
def test_a_number_may_come_as_text(value: Any, expected: float) -> None:
    event = only(read(observation(valueQuantity={"value": value})).observations.events)
    assert event.value == expected


def test_a_snomed_code_sent_as_a_number_keeps_all_its_digits() -> None:
    coding = {"system": "http://snomed.info/sct", "code": 185479006.0}
    record = read(observation(code={"coding": [coding]}, valueQuantity=None))
    assert only(record.observations.events).means("failed_prior_surgery")


@pytest.mark.parametrize("dead", [True, "true", [True], 1])
def test_a_truth_may_come_as_text(dead: Any) -> None:
    person = read_document(bundle(PATIENT | {"deceasedBoolean": dead})).person
    assert person.deceased


@pytest.mark.parametrize(
    ("given", "lane", "why"),
    [
        (procedure(status={}), "procedures", "status"),
        (procedure(status=True), "procedures", "status"),
        (procedure(code="Lumbar fusion"), "procedures", "code"),
        (procedure(code=[FUSION, FUSION]), "procedures", "code"),
        (procedure(code={"coding": "22612"}), "procedures", "code.coding"),
        (procedure(performedPeriod="2024", reasonCode=["pain"]), "procedures", "performedPeriod, reasonCode"),
        (condition(clinicalStatus="active"), "conditions", "clinicalStatus"),  # DSTU2 and STU3 have it so
        (observation(valueQuantity={"value": "about 38"}), "observations", "valueQuantity.value"),
        (observation(valueQuantity={"value": True}), "observations", "valueQuantity.value"),
        (observation(component=[{"valueQuantity": 5}]), "observations", "component.valueQuantity"),
        (
            resource("CarePlan", {"id": "x", "status": "active", "activity": {"detail": {"status": []}}}, {}),
            "care_plans",
            "activity.detail.status",
        ),
        (prescription(medicationReference="Medication/1"), "medications", "medicationReference"),
        (order(priority={"coding": []}), "service_requests", "priority"),
    ],
    ids=lambda value: json.dumps(value)[-90:] if isinstance(value, dict) else "",
)
def test_what_cannot_be_mended_is_named_and_makes_its_own_lane_partial(given: Json, lane: str, why: str) -> None:
    record = read(given, procedure(id="other", code=EXERCISE))
    reference = f"{given['resourceType']}/{given['id']}"
    assert unread(record[lane]) == [(reference, f"{why}: not as FHIR R4 has it")]
    assert states(record) == {lane: "partial"}
    assert "Procedure/other" in {event.source for event in record.procedures.events}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400, '"1e999"', '"NaN"', '"inf"', '"-Infinity"'])
@pytest.mark.parametrize("place", ["value", "supply", "total"])
def test_a_number_beyond_all_bounds_is_named_or_refused(number: str, place: str) -> None:
    dispense = {"id": "d", "status": "completed", "whenHandedOver": "2026-06-01"}
    drug = resource("MedicationDispense", dispense | {"medicationCodeableConcept": {"text": "ibuprofen"}}, {})
    document = {
        "value": bundle(PATIENT, observation(valueQuantity={"value": "@"})),
        "supply": bundle(PATIENT, drug | {"daysSupply": {"value": "@"}}),
        "total": bundle(PATIENT, total="@"),
    }[place]
    body = json.dumps(document).replace('"@"', number).encode()
    try:
        record = read_bundle(body, AS_OF)
    except UnreadableInput:
        return
    assert all(event.value is None for event in record.observations.events)
    assert "partial" in states(record).values()


# ---- entries


@pytest.mark.parametrize(
    "odd",
    [None, 5, "x", [], {}, {"resource": None}, {"resource": 5}, {"resource": []}, {"resource": {"id": "a"}},
     {"resource": {"resourceType": 5}}, {"fullUrl": {}, "resource": {"resourceType": None}}],
    ids=json.dumps,
)  # fmt: skip
def test_an_entry_without_a_resource_type_could_be_anything_so_every_lane_is_partial(odd: Any) -> None:
    record = read_document(bundle(PATIENT, procedure()) | {"entry": [odd, {"resource": PATIENT}]})
    assert set(states(record)) == set(record.lanes)
    assert unread(record.procedures) == [("entry[0]", "not a FHIR resource: no resourceType")]
    assert record.person.reference == "Patient/p"


@pytest.mark.parametrize("entry", [None, [], {"resource": PATIENT}], ids=json.dumps)
def test_no_entries_and_a_lone_entry_are_read(entry: Any) -> None:
    record = read_document({"resourceType": "Bundle", "entry": entry})
    assert record.person.reference == ("Patient/p" if entry else "")


@pytest.mark.parametrize("odd", [5, "x", "Patient"])
def test_entries_that_are_no_list_are_named(odd: Any) -> None:
    assert set(states(read_document({"resourceType": "Bundle", "entry": odd}))) >= {"procedures", "conditions"}


@pytest.mark.parametrize("link", ["next", 5])
def test_bundle_elements_that_cannot_be_mended_are_named(link: Any) -> None:
    record = read(procedure(), link=link)
    assert unread(record.procedures) == [("Bundle", "link is not as FHIR R4 has it")]
    assert only(record.procedures.events)


def test_a_resource_type_in_the_wrong_case_is_named_in_its_lane() -> None:
    record = read(procedure() | {"resourceType": "procedure"})
    assert unread(record.procedures) == [("entry[1]", "resourceType 'procedure' should be 'Procedure'")]
    assert states(record) == {"procedures": "partial"}


def test_bundles_in_a_bundle_are_opened() -> None:
    record = read(bundle(procedure(id=None), bundle(procedure(id=None, code=EXERCISE))))
    assert {event.source for event in record.procedures.events} == {
        "Procedure/entry[1].resource.entry[0]",
        "Procedure/entry[1].resource.entry[1].resource.entry[0]",
    }
    assert not states(record)


def test_an_odd_entry_in_a_bundle_in_a_bundle_is_named() -> None:
    record = read(bundle(procedure(), {}))
    assert unread(record.procedures) == [("entry[1].resource.entry[1]", "not a FHIR resource: no resourceType")]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"total": 3}, "2 of 3 were sent"),
        ({"total": "3"}, "2 of 3 were sent"),
        ({"link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]}, "further pages"),
        ({"link": {"relation": "next"}}, "further pages"),
        ({"link": [{"relation": "self"}, {"relation": "next"}], "total": 2}, "further pages"),
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("inner", [False, True], ids=["a page", "a page in a Bundle"])
def test_a_page_that_says_there_is_more_makes_every_lane_partial(more: Json, why: str, inner: bool) -> None:
    page = bundle(PATIENT, procedure(), **more)
    record = read_document(bundle(page) if inner else page)
    assert set(states(record).values()) == {"partial"}
    assert set(states(record)) == set(record.lanes)
    assert why in record.procedures.why[0]


@pytest.mark.parametrize("more", [{"total": 2}, {"total": 1}, {"total": 0}, {"link": [{"relation": "self"}]}])
def test_a_page_that_holds_all_it_speaks_of_is_complete(more: Json) -> None:
    assert not states(read(procedure(), **more))


def test_included_resources_and_outcomes_are_not_among_the_total() -> None:
    found = {"resource": procedure(), "search": {"mode": "match"}}
    included = [{"resource": {"resourceType": "Medication", "id": "x"}, "search": {"mode": "include"}}]
    included += [{"resource": PATIENT, "search": {"mode": "include"}}]
    for beside in ([], [{"resource": {"resourceType": "Basic"}, "search": {"mode": "outcome"}}]):  # both paths
        page = {"resourceType": "Bundle", "total": 2, "entry": [found, *included, *beside]}
        assert record_why(page) == ("1 of 2 were sent",)


def record_why(document: Json) -> tuple[str, ...]:
    return read_document(document).procedures.why


def test_an_error_among_the_entries_makes_every_lane_partial() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "index is down"}]}
    record = read(procedure(), outcome)
    assert set(states(record)) == set(record.lanes)
    assert record.procedures.why == ("the EHR reported: index is down",)


@pytest.mark.parametrize("severity", ["warning", "information"])
def test_a_warning_among_the_entries_changes_nothing(severity: str) -> None:
    assert not states(read(procedure(), {"resourceType": "OperationOutcome", "issue": [{"severity": severity}]}))


# ---- other versions of FHIR


@pytest.mark.parametrize(
    ("given", "lane", "says"),
    [
        ({"resourceType": "ProcedureRequest", "id": "x"}, "service_requests", "ProcedureRequest is not FHIR R4"),
        ({"resourceType": "ReferralRequest", "id": "x"}, "service_requests", "ReferralRequest is not FHIR R4"),
        ({"resourceType": "DiagnosticOrder", "id": "x"}, "service_requests", "DiagnosticOrder is not FHIR R4"),
        ({"resourceType": "MedicationOrder", "id": "x"}, "medications", "MedicationOrder is not FHIR R4"),
        ({"resourceType": "MedicationUsage", "id": "x"}, "medications", "MedicationUsage is not FHIR R4"),
        (procedure(performedDateTime=None, occurrenceDateTime="2024-05-02"), "procedures", "occurrenceDateTime is R5"),
        (procedure(occurrencePeriod={"start": "2024"}), "procedures", "occurrencePeriod is R5"),
        (procedure(reason=[{"concept": STENOSIS}]), "procedures", "reason is R5"),
        (procedure(notDone=True), "procedures", "notDone is STU3"),
        (procedure(notPerformed=True), "procedures", "notPerformed is DSTU2"),
        (condition(assertedDate="2026-02-01"), "conditions", "assertedDate is STU3"),
        (order(reason=[{"concept": STENOSIS}]), "service_requests", "reason is R5"),
        (order(code={"concept": FUSION}), "service_requests", "R5"),
        (resource("Encounter", {"status": "completed", "actualPeriod": {"start": "2026"}}, {}), "encounters", "R5"),
        (prescription(medication={"concept": {"text": "ibuprofen"}}), "medications", "medication is R5"),
        (resource("MedicationDispense", {"medication": {}}, {}), "medications", "medication is R5"),
        (resource("MedicationStatement", {"status": "active", "taken": "n"}, {}), "medications", "taken is STU3"),
        (
            resource("CarePlan", {"activity": [{"plannedActivityReference": {"reference": "#a"}}]}, {}),
            "care_plans",
            "plannedActivityReference is R5",
        ),
    ],
    ids=lambda value: json.dumps(value)[-90:] if isinstance(value, dict) else "",
)
def test_resources_of_other_versions_are_named_and_make_their_lane_partial(given: Json, lane: str, says: str) -> None:
    record = read(given)
    assert states(record) == {lane: "partial"}
    ((_, why),) = unread(record[lane])
    assert says in why


# ---- ids


@pytest.mark.parametrize(
    ("entry", "reference"),
    [
        ({}, "Procedure/entry[1]"),
        ({"fullUrl": "https://ehr.example/fhir/Procedure/77"}, "Procedure/77"),
        (
            {"fullUrl": "urn:uuid:2d5f1b7a-95b4-4ae7-a1a9-3d8d3d6d9c11"},
            "Procedure/2d5f1b7a-95b4-4ae7-a1a9-3d8d3d6d9c11",
        ),
        ({"fullUrl": ""}, "Procedure/entry[1]"),
    ],
)
def test_a_resource_without_an_id_is_named_by_its_address_or_its_place(entry: Json, reference: str) -> None:
    page = bundle(PATIENT) | {"entry": [{"resource": PATIENT}, entry | {"resource": procedure(id=None)}]}
    assert only(read_document(page).procedures.events).source == reference


def test_resources_without_ids_are_all_kept() -> None:
    record = read(*(procedure(id=None, performedDateTime=f"2026-0{month}-01", code=EXERCISE) for month in range(1, 6)))
    assert len(record.procedures.events) == 5


def test_the_same_resource_sent_twice_counts_once() -> None:
    record = read(procedure(), procedure())
    assert record.procedures.count == len(record.procedures.events) == 1


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "second"),
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z", "first"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "second"),
        (None, None, "second"),
        (None, "2026-01-01T00:00:00Z", "second"),
        ("2026-01-01T00:00:00Z", None, "first"),
    ],
)
def test_of_two_versions_the_one_updated_last_counts(first: str | None, second: str | None, kept: str) -> None:
    versions = [
        procedure(code=FUSION | {"text": name}, meta={"lastUpdated": day} if day else None)
        for name, day in (("first", first), ("second", second))
    ]
    assert only(read(*versions).procedures.events).label == kept


def test_a_version_entered_in_error_replaces_the_one_before() -> None:
    later = procedure(status="entered-in-error", meta={"lastUpdated": "2026-05-01T00:00:00Z"})
    record = read(later, procedure(meta={"lastUpdated": "2026-04-01T00:00:00Z"}))
    assert not record.procedures.events


# ---- whose chart it is


def test_resources_of_another_patient_are_reported_and_never_used() -> None:
    record = read(procedure(id="theirs", subject={"reference": "Patient/other"}), procedure(id="ours", code=EXERCISE))
    assert [event.source for event in record.procedures.events] == ["Procedure/ours"]
    assert unread(record.procedures) == [("Procedure/theirs", "belongs to another patient")]
    assert states(record) == {"procedures": "partial"}
    assert record.procedures.count == 1


def test_a_lane_of_another_patients_resources_alone_is_unavailable() -> None:
    record = read(*(procedure(id=name, subject={"reference": "Patient/other"}) for name in "ab"), condition())
    assert states(record) == {"procedures": "unavailable"}
    assert record.procedures.why == ("2 resource(s) belong to another patient",)
    assert not record.procedures.events


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "https://ehr.example/fhir/Patient/p",
        "Patient/p/_history/3",
        "https://ehr.example/fhir/Patient/p/_history/3",
        "urn:uuid:p",
        "urn:uuid:8d3b",
        "p",
        "Patient?identifier=https://ehr.example|5",
        "#p",
        " Patient/p ",
    ],
)
@pytest.mark.parametrize("element", ["subject", "patient"])
def test_a_reference_to_our_patient_is_known_in_every_form(reference: str, element: str) -> None:
    about = procedure(subject=None) | {element: {"reference": reference}}
    patient = {"fullUrl": "urn:uuid:8d3b", "resource": PATIENT}
    record = read_document(bundle() | {"entry": [{"resource": about}, patient]})
    assert only(record.procedures.events)
    assert not states(record)


@pytest.mark.parametrize("subject", [None, {}, {"display": "Ruth"}, {"identifier": {"value": "5"}}, {"reference": ""}])
def test_a_resource_that_names_nobody_is_taken_as_our_patients(subject: Json | None) -> None:
    assert only(read(procedure(subject=subject)).procedures.events)


@pytest.mark.parametrize("reference", ["Group/p", "Patient/pp", "urn:uuid:other", "https://ehr.example/fhir/Patient/q"])
def test_a_reference_to_anyone_else_is_not_our_patient(reference: str) -> None:
    assert states(read(procedure(subject={"reference": reference}))) == {"procedures": "unavailable"}


@pytest.mark.parametrize(
    ("participants", "state"),
    [
        ([{"actor": {"reference": "Practitioner/1"}}, {"actor": {"reference": "Patient/p"}}], "complete"),
        ([{"actor": {"reference": "Patient/other"}}], "unavailable"),
        ([{"actor": {"display": "Ruth"}}, {}], "complete"),
        (None, "complete"),
    ],
)
def test_an_appointment_has_its_patient_among_the_participants(participants: Any, state: str) -> None:
    given = {"resourceType": "Appointment", "id": "a", "status": "booked", "participant": participants}
    assert read(given)["appointments"].state == state


def test_of_several_patients_the_one_most_resources_are_about_counts() -> None:
    other = {"reference": "Patient/other"}
    record = read_document(
        bundle(
            {"resourceType": "Patient", "id": "other", "birthDate": "2020-01-01"}, PATIENT,
            procedure(), condition(), order(subject=other),
        )
    )  # fmt: skip
    assert record.person.reference == "Patient/p"
    assert record.person.born == date(1966, 5, 1)
    assert states(record) == {"patient": "partial", "service_requests": "unavailable"}


def test_of_several_patients_the_one_is_found_by_its_address_too() -> None:
    patients = [{"fullUrl": f"urn:uuid:{name}", "resource": PATIENT | {"id": name}} for name in ("first", "p")]
    mine = {"resource": procedure(subject={"reference": "urn:uuid:p"})}
    assert read_document(bundle() | {"entry": [*patients, mine]}).person.reference == "Patient/p"


def test_without_a_patient_the_chart_is_the_subjects_and_age_is_unknown() -> None:
    record = read_document(bundle(procedure(), condition(), order(subject={"reference": "Group/g"})))
    assert record.person.reference == "Patient/p"
    assert record.person.born is None
    assert states(record) == {"patient": "unavailable", "service_requests": "unavailable"}
    assert record["patient"].why == ("there is no Patient in it",)


def test_without_a_patient_the_one_that_most_resources_are_about_counts() -> None:
    one = order(subject={"reference": "Patient/a"})
    assert read_document(bundle(one, procedure(), condition())).person.reference == "Patient/p"


def test_an_empty_bundle_names_nobody() -> None:
    assert read_document(bundle()).person.reference == ""


@pytest.mark.parametrize(
    ("elements", "born", "deceased"),
    [
        ({"birthDate": "1966"}, date(1966, 1, 1), False),
        ({"birthDate": "yesterday"}, None, False),
        ({"deceasedBoolean": True}, date(1966, 5, 1), True),
        ({"deceasedBoolean": False}, date(1966, 5, 1), False),
        ({"deceasedDateTime": "2026-11-22"}, date(1966, 5, 1), True),
        ({"deceasedDateTime": "2026-11-23"}, date(1966, 5, 1), False),
        ({"deceasedDateTime": "last spring"}, date(1966, 5, 1), True),
    ],
)
def test_birth_and_death_are_read(elements: Json, born: date | None, deceased: bool) -> None:
    person = read_document(bundle(PATIENT | elements)).person
    assert (person.born, person.deceased) == (born, deceased)


# ---- references between resources


DISC = condition(id="c", code=STENOSIS)


@pytest.mark.parametrize(
    ("reference", "resolved"),
    [
        ("Condition/c", True),
        ("https://ehr.example/fhir/Condition/c", True),
        ("Condition/c/_history/2", True),
        ("https://ehr.example/fhir/Condition/c/_history/2", True),
        ("urn:uuid:4b1e", True),
        ("#inside", True),
        ("##inside", False),
        ("#outside", False),
        ("#odd", False),
        ("Condition/unknown", False),
        ("urn:uuid:unknown", False),
        ("Condition?identifier=5", False),
        ("Condition", False),
    ],
)
def test_a_reason_is_found_behind_every_form_of_reference(reference: str, resolved: bool) -> None:
    contained = [DISC | {"id": "inside"}, {"resourceType": "Condition", "id": "odd", "code": 5}, {"id": "outside"}, 5]
    asked = order(reasonReference=[{"reference": reference}], contained=contained)
    at = {"fullUrl": "urn:uuid:4b1e", "resource": DISC}
    record = read_document(bundle() | {"entry": [{"resource": PATIENT}, at, {"resource": asked}]})
    event = only(record["service_requests"].events)
    assert [reason.label for reason in event.reasons] == (["Stenosis"] if resolved else [])
    assert event.reasons_unread is not resolved


def test_a_contained_id_may_be_written_with_its_hash() -> None:
    asked = order(reasonReference=[{"reference": "#c"}], contained=[DISC | {"id": "#c"}])
    assert only(read(asked)["service_requests"].events).reasons


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Condition/1"},
        {"reference": "Observation/1"},
        {"reference": "DiagnosticReport/1"},
        {"reference": "DocumentReference/1"},
        {"reference": "#inside"},
        {"reference": "https://other.example/fhir/Condition/1"},
    ],
)
def test_a_reason_behind_a_reference_that_cannot_be_resolved_is_unread(reference: Json) -> None:
    """An Observation is no diagnosis, but nobody can know before it is read that it is one."""
    event = only(read(order(reasonReference=[reference]))["service_requests"].events)
    assert (event.reasons, event.reasons_unread) == ((), True)


@pytest.mark.parametrize("reference", [{"display": "pain"}, {"identifier": {"value": "7"}}, {}])
def test_a_reason_that_only_somebody_else_can_look_up_is_unread(reference: Json) -> None:
    event = only(read(order(reasonReference=[reference]))["service_requests"].events)
    assert (event.reasons, event.reasons_unread, event.reasons_given) == ((), True, True)


def test_a_reason_that_cannot_be_resolved_is_read_by_its_display() -> None:
    reference = {"reference": "Condition/elsewhere", "display": "Lumbar spinal stenosis"}
    event = only(read(order(reasonReference=[reference]))["service_requests"].events)
    (reason,) = event.reasons
    assert (reason.source, reason.label, reason.by) == ("ServiceRequest/s", "Lumbar spinal stenosis", "text")
    assert reason.active and reason.means("spine_diagnosis", ["stenosis"])
    assert not event.reasons_unread


def test_all_the_reasons_of_an_order_are_its_reasons_by_code_in_words_and_behind_references() -> None:
    given = {
        "reasonCode": [STENOSIS, {"text": "Lumbar radiculopathy"}],
        "reasonReference": [{"reference": "Condition/c"}, {"reference": "Condition/d"}],
    }
    behind = condition(id="d", code=STENOSIS | {"text": "Narrow"}, abatementDateTime="2026-01-01", clinicalStatus=None)
    event = only(read(order(**given), DISC, behind)["service_requests"].events)
    assert [(reason.source, reason.label, reason.by, reason.active) for reason in event.reasons] == [
        ("ServiceRequest/s", "Stenosis", "code", True),
        ("ServiceRequest/s", "Lumbar radiculopathy", "text", True),
        ("Condition/c", "Stenosis", "code", True),
        ("Condition/d", "Narrow", "code", False),
    ]


@pytest.mark.parametrize("theirs", [{"reference": "Patient/other"}, {"reference": "urn:uuid:other"}])
def test_another_patients_diagnosis_is_no_reason_for_our_order(theirs: Json) -> None:
    asked = order(reasonReference=[{"reference": "Condition/c"}])
    record = read(asked, condition(id="c", subject=theirs))
    event = only(record["service_requests"].events)
    assert (event.reasons, event.reasons_unread) == ((), True)
    assert unread(record.conditions) == [("Condition/c", "belongs to another patient")]


def test_another_patients_order_is_not_behind_our_appointment_or_plan() -> None:
    theirs = order(subject={"reference": "Patient/other"}, reasonCode=[STENOSIS])
    based = {"basedOn": [{"reference": "ServiceRequest/s"}]}
    booked = {"resourceType": "Appointment", "id": "a", "status": "booked", "start": "2026-12-01T08:00:00Z", **based}
    record = read(booked, plan({"detail": {"status": "scheduled", "code": FUSION}}, **based), theirs)
    assert record["appointments"].events == ()
    assert only(record["care_plans"].events).reasons == ()


def test_who_did_it_has_a_service_by_function_and_by_name() -> None:
    performers = [{"function": {"text": "Neurosurgeon"}, "actor": {"display": "Spine clinic"}}, {}]
    assert only(read(procedure(performer=performers)).procedures.events).service == "Neurosurgeon Spine clinic"


def test_an_observation_that_is_there_is_read_and_no_diagnosis() -> None:
    asked = order(reasonReference=[{"reference": "Observation/o"}])
    event = only(read(asked, observation())["service_requests"].events)
    assert (event.reasons, event.reasons_unread) == ((), False)


def test_a_reason_that_refers_to_something_else_is_no_diagnosis() -> None:
    event = only(read(order(reasonReference=[{"reference": "Procedure/f"}]), procedure())["service_requests"].events)
    assert (event.reasons, event.reasons_unread) == ((), False)


# ---- events that cannot be placed


@pytest.mark.parametrize(
    ("given", "lane", "why"),
    [
        (procedure(status=None), "procedures", "no status"),
        (procedure(status=""), "procedures", "no status"),
        (procedure(status="done"), "procedures", "status 'done' is unknown"),
        (procedure(status="unknown"), "procedures", "status 'unknown' is unknown"),
        (procedure(performedDateTime=None), "procedures", "no date"),
        (procedure(performedDateTime="05/02/2024"), "procedures", "no date"),
        (procedure(status="in-progress", performedDateTime=None), "procedures", "no date"),
        (procedure(modifierExtension=[{"url": "x"}]), "procedures", "it carries a modifierExtension"),
        (observation(status="preliminary"), "observations", "status 'preliminary' is unknown"),
        (observation(effectiveDateTime=None), "observations", "no date"),
        (observation(valueQuantity=None, valueString="minimal disability"), "observations", "no number in it"),
        (condition(clinicalStatus={"text": "Chronic"}), "conditions", "clinicalStatus 'chronic' is unknown"),
        (condition(modifierExtension=[{}]), "conditions", "it carries a modifierExtension"),
        (order(status="unknown"), "service_requests", "status 'unknown' is unknown"),
        (prescription(status="unknown", medicationCodeableConcept={"text": "ibuprofen"}), "medications", "status"),
        (prescription(authoredOn=None, medicationCodeableConcept={"text": "ibuprofen"}), "medications", "no date"),
        (
            resource("Encounter", {"id": "e", "status": "finished", "type": [EXERCISE]}, {}),
            "encounters",
            "no date",
        ),
        (
            resource("CarePlan", {"id": "k", "activity": [{"detail": {"status": "completed", "code": EXERCISE}}]}, {}),
            "care_plans",
            "no date",
        ),
        (
            resource("CarePlan", {"id": "k", "activity": [{"reference": {"display": "exercise"}}]}, {}),
            "care_plans",
            "what the plan refers to could not be read",
        ),
        (
            {"resourceType": "Appointment", "id": "a", "status": "maybe", "serviceType": [FUSION]},
            "appointments",
            "status 'maybe' is unknown",
        ),
    ],
    ids=lambda value: json.dumps(value)[-90:] if isinstance(value, dict) else "",
)
def test_what_cannot_be_placed_is_set_aside_and_not_dropped(given: Json, lane: str, why: str) -> None:
    record = read(given)
    assert not record[lane].events
    assert why in only(record[lane].aside).aside
    assert not states(record)


@pytest.mark.parametrize(
    ("given", "lane"),
    [
        (procedure(status="entered-in-error"), "procedures"),
        (procedure(status="entered-in-error", modifierExtension=[{}]), "procedures"),
        (observation(status="entered-in-error"), "observations"),
        (observation(status="cancelled"), "observations"),
        (order(status="entered-in-error"), "service_requests"),
        (condition(verificationStatus={"coding": [{"code": "entered-in-error"}]}), "conditions"),
        (condition(verificationStatus={"coding": [{"code": "refuted"}]}), "conditions"),
        (condition(verificationStatus={"text": "Refuted"}), "conditions"),
        (condition(clinicalStatus={"coding": [{"code": "entered-in-error"}]}), "conditions"),
        (
            resource(
                "CarePlan", {"status": "entered-in-error", "activity": [{"detail": {"code": EXERCISE}}]}, {"id": "k"}
            ),
            "care_plans",
        ),
    ],
    ids=lambda value: json.dumps(value)[-90:] if isinstance(value, dict) else "",
)
def test_what_was_entered_in_error_is_not_there(given: Json, lane: str) -> None:
    record = read(given)
    assert (record[lane].events, record[lane].aside) == ((), ())
    assert record[lane].count == 1


@pytest.mark.parametrize("status", ["not-done", "stopped", "on-hold", "preparation"])
def test_what_did_not_happen_needs_no_date(status: str) -> None:
    assert only(read(procedure(status=status, performedDateTime=None)).procedures.events).on is None


# ---- dates


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024", date(2024, 1, 1)),
        ("2024-05", date(2024, 5, 1)),
        ("2024-05-02", date(2024, 5, 2)),
        ("2024-05-02T23:30:00-08:00", date(2024, 5, 2)),
        ("2024-05-02T00:30:00.000Z", date(2024, 5, 2)),
        ("2024-05-02 10:00", date(2024, 5, 2)),
        ("2024-02-29", date(2024, 2, 29)),
        ("1900-01-01", date(1900, 1, 1)),
        ("0001-01-01", None),  # .NET's date for 'not known'
        ("2023-02-29", None),
        ("2024-13", None),
        ("2024-00", None),
        ("0000", None),
        ("2024-05-32", None),
        ("2024-5-2", None),
        ("20240502", None),
        ("2024-05-02X", None),
        ("\N{FULLWIDTH DIGIT TWO}024", None),
        ("soon", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_partial_date_is_its_first_day_and_what_is_no_date_is_none(written: str, day: date | None) -> None:
    lane = read(procedure(performedDateTime=written)).procedures
    assert only((*lane.events, *lane.aside)).on == day


@pytest.mark.parametrize(
    ("dates", "rough"),
    [
        ({"performedDateTime": "2019"}, "year"),
        ({"performedDateTime": "2019-05"}, "month"),
        ({"performedDateTime": "2019-05-02"}, ""),
        ({"performedDateTime": "2019-05-02T10:00:00Z"}, ""),
        ({"performedPeriod": {"start": "2019-05-02", "end": "2019-07"}}, "month"),
        ({"performedPeriod": {"start": "2019", "end": "2019-07"}}, "year"),
        ({"performedPeriod": {"start": "2019-05-02"}}, ""),
        ({"performedPeriod": {}}, ""),
    ],
)
def test_how_much_of_a_date_the_chart_has_is_kept(dates: Json, rough: str) -> None:
    lane = read(procedure(**{"performedDateTime": None} | dates)).procedures
    assert only((*lane.events, *lane.aside)).rough == rough


@pytest.mark.parametrize(
    ("period", "on", "until"),
    [
        ({"start": "2026-01-01", "end": "2026-02-01"}, date(2026, 1, 1), date(2026, 2, 1)),
        ({"start": "2026-01-01"}, date(2026, 1, 1), AS_OF),
        ({"start": "2026-01-01", "end": "later"}, date(2026, 1, 1), date(2026, 1, 1)),
        ({"start": "2026-02-01", "end": "2026-01-01"}, date(2026, 2, 1), date(2026, 2, 1)),
        ({"end": "2026-02-01"}, date(2026, 2, 1), date(2026, 2, 1)),
        ({}, None, None),
        ({"start": "2027-01-01"}, date(2027, 1, 1), date(2027, 1, 1)),
    ],
)
def test_a_period_without_an_end_runs_to_the_day_we_answer_for(period: Json, on: date, until: date) -> None:
    lane = read(procedure(code=EXERCISE, performedDateTime=None, performedPeriod=period)).procedures
    event = only((*lane.events, *lane.aside))
    assert (event.on, event.until) == (on, until)


@pytest.mark.parametrize(
    ("supply", "until"),
    [
        ({"value": 30, "unit": "d", "code": "d"}, date(2026, 7, 1)),
        ({"value": 30, "unit": "Days"}, date(2026, 7, 1)),
        ({"value": 30}, date(2026, 7, 1)),
        ({"value": 4, "code": "wk"}, date(2026, 6, 29)),
        ({"value": 2, "unit": "months"}, date(2026, 7, 31)),
        ({"value": 1, "code": "a"}, date(2027, 6, 1)),
        ({"value": 1, "unit": "pack"}, date(2026, 6, 1)),
        ({"value": -3, "unit": "d"}, date(2026, 6, 1)),
        ({"value": 0, "unit": "d"}, date(2026, 6, 1)),
        ({"value": 1e300, "unit": "d"}, date(2036, 6, 8)),
        ({"unit": "d"}, date(2026, 6, 1)),
        ({"value": 10, "code": "s"}, date(2026, 6, 1)),
        (None, date(2026, 6, 1)),
    ],
)
def test_a_supply_runs_as_long_as_its_unit_says(supply: Json | None, until: date) -> None:
    dispense = {"expectedSupplyDuration": supply} if supply else None
    given = prescription(medicationCodeableConcept={"text": "ibuprofen"}, dispenseRequest=dispense)
    assert only(read(given).medications.events).until == until


def test_an_end_in_the_year_9999_is_no_end() -> None:
    period = {"start": "2026-01-01", "end": "9999-12-31"}
    event = only(read(procedure(performedDateTime=None, performedPeriod=period)).procedures.events)
    assert event.until and event.until >= AS_OF


@pytest.mark.parametrize("on", ["9999-12-31", "9999-12-30T00:00:00Z", "9999"])
def test_a_supply_that_would_outlast_the_calendar_is_no_obstacle(on: str) -> None:
    given = resource("MedicationDispense", {"id": "d", "status": "completed", "whenHandedOver": on}, {})
    supplied = given | {"medicationCodeableConcept": {"text": "ibuprofen"}, "daysSupply": {"value": 400}}
    lane = read(supplied).medications
    assert len((*lane.events, *lane.aside)) == 1


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "1900-01-01"])
@pytest.mark.parametrize("kind", ["Procedure", "Observation", "Condition", "ServiceRequest", "MedicationDispense"])
def test_the_days_that_programs_write_for_unknown_are_no_obstacle(day: str, kind: str) -> None:
    """.NET writes 0001-01-01 for a date it does not know; old databases write 9999-12-31."""
    opioid = {"id": "d", "status": "completed", "whenHandedOver": "2026-09-01", "daysSupply": {"value": 90}}
    opioid |= {"medicationCodeableConcept": {"text": "tramadol"}}
    element = {"Procedure": "performedDateTime", "Observation": "effectiveDateTime", "Condition": "recordedDate"}
    element |= {"ServiceRequest": "authoredOn", "MedicationDispense": "whenHandedOver"}
    chart = [procedure(), observation(), condition(), order(), resource("MedicationDispense", opioid, {})]
    record = read(*(each | ({element[kind]: day} if each["resourceType"] == kind else {}) for each in chart))
    assert assess(record, in_chart(record)).findings or kind == "ServiceRequest"  # the order may be too old


def test_an_operation_on_the_first_day_of_the_calendar_has_no_date() -> None:
    """Taken at its word it would be a second operation, two thousand years before the other."""
    record = read(procedure(), procedure(id="unknown", performedDateTime="0001-01-01"), order())
    assert [event.source for event in record.procedures.aside] == ["Procedure/unknown"]
    assert [event.source for event in record.procedures.events] == ["Procedure/f"]


# ---- what resources say


@pytest.mark.parametrize(
    ("elements", "active", "on"),
    [
        ({}, True, date(2026, 2, 1)),
        ({"clinicalStatus": {"coding": [{"code": "recurrence"}]}}, True, date(2026, 2, 1)),
        ({"clinicalStatus": {"coding": [{"display": "Resolved"}, {"code": " Resolved "}]}}, False, date(2026, 2, 1)),
        ({"abatementDateTime": "2026-11-22"}, False, date(2026, 2, 1)),
        ({"abatementDateTime": "2026-11-23"}, True, date(2026, 2, 1)),
        ({"abatementPeriod": {"end": "2026-03-01"}}, False, date(2026, 2, 1)),
        ({"abatementString": "in March"}, False, date(2026, 2, 1)),
        ({"abatementAge": {"value": 60}}, False, date(2026, 2, 1)),
        ({"recordedDate": None, "onsetDateTime": "2026-01"}, True, date(2026, 1, 1)),
        ({"recordedDate": None, "onsetPeriod": {"start": "2026-01-07"}}, True, date(2026, 1, 7)),
        ({"recordedDate": None}, True, None),
    ],
)
def test_a_diagnosis_without_a_status_is_active_unless_it_abated(elements: Json, active: bool, on: date | None) -> None:
    event = only(read(condition(**elements)).conditions.events)
    assert (event.active, event.on) == (active, on)


@pytest.mark.parametrize(
    ("elements", "value", "unit"),
    [
        ({}, 38, "%"),
        ({"valueQuantity": {"value": 38, "unit": "percent", "code": "%"}}, 38, "%"),
        ({"valueQuantity": None, "valueInteger": 19}, 19, ""),
        ({"effectiveDateTime": None, "effectiveInstant": "2026-01-05T10:00:00Z"}, 38, "%"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-01-05"}}, 38, "%"),
        ({"code": {"text": "Survey"}, "valueQuantity": None, "component": [{"code": ODI, "valueInteger": 40}]}, 40, ""),
    ],
)
def test_a_score_is_read_where_it_stands(elements: Json, value: float, unit: str) -> None:
    event = only(read(observation(**elements)).observations.events)
    assert (event.value, event.unit, event.on) == (value, unit, date(2026, 1, 5))


@pytest.mark.parametrize(
    ("value", "stated"),
    [
        ({}, True),
        ({"valueBoolean": True}, True),
        ({"valueBoolean": False}, False),
        ({"valueCodeableConcept": {"text": "Yes"}}, True),
        ({"valueCodeableConcept": {"text": "No"}}, False),
        ({"valueCodeableConcept": {"coding": [{"code": "N"}]}}, False),
        ({"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "373067005"}]}}, False),
    ],
)
def test_what_is_answered_with_no_is_not_stated(value: Json, stated: bool) -> None:
    unwanted = {"coding": [{"system": "http://snomed.info/sct", "code": "416432009"}]}
    found = read(observation(code=unwanted, valueQuantity=None, **value)).observations
    assert bool(found.events) is stated


def test_a_panel_without_a_value_of_its_own_is_no_score() -> None:
    record = read(observation(valueQuantity=None))
    assert (record.observations.events, record.observations.aside) == ((), ())


def test_what_an_observation_states_as_its_value_is_read() -> None:
    said = {"coding": [{"system": "http://snomed.info/sct", "code": "185479006"}]}
    record = read(observation(code={"text": "Satisfaction"}, valueQuantity=None, valueCodeableConcept=said))
    assert only(record.observations.events).means("failed_prior_surgery")


def test_an_emergency_encounter_needs_no_code() -> None:
    emergency = {"id": "e", "status": "in-progress", "class": {"code": "EMER"}, "period": {"start": "2026-11-22"}}
    event = only(read(resource("Encounter", emergency, {})).encounters.events)
    assert (event.emergency, event.label) == (True, "emergency encounter")
    assert not read(resource("Encounter", emergency | {"class": {"code": "AMB"}}, {})).encounters.events


def test_an_emergency_encounter_as_r5_has_it_is_seen_or_named() -> None:
    emergency = {"id": "e", "status": "in-progress", "class": [{"coding": [{"code": "EMER"}]}]}
    lane = read(resource("Encounter", emergency, {})).encounters
    assert any(event.emergency for event in lane.events) or lane.unread


def test_an_encounter_is_named_by_whatever_is_recognised() -> None:
    visit = {"id": "e", "status": "finished", "type": [{"text": "Visit"}], "serviceType": {"text": "Chiropractic"}}
    visit |= {"period": {"start": "2026-05-01", "end": "2026-05-01"}}
    visit |= {"participant": [{"individual": {"display": "Dr Day"}}, {"individual": None}]}
    event = only(read(resource("Encounter", visit, {})).encounters.events)
    assert (event.label, event.by, set(event.who)) == ("Chiropractic", "text", {"dr day"})
    assert event.service == "Visit Chiropractic Dr Day"


@pytest.mark.parametrize(
    ("code", "outcome"), [("385669000", "successful"), ("385671000", "unsuccessful"), ("385670004", "partly")]
)
def test_the_recorded_outcome_is_read(code: str, outcome: str) -> None:
    coding = {"system": "http://snomed.info/sct/", "code": code}
    assert only(read(procedure(outcome={"coding": [coding]})).procedures.events).outcome == outcome


@pytest.mark.parametrize(
    ("concept", "label", "by"),
    [
        ({"coding": [{"system": CPT, "code": "22612", "display": "Fusion"}]}, "Fusion", "code"),
        ({"coding": [{"system": CPT, "code": "22612"}]}, "Posterolateral fusion, one level", "code"),
        ({"coding": [{"system": "urn:local", "code": "7"}, *FUSION["coding"]], "text": "A"}, "A", "code"),
        ({"coding": [{"system": "urn:local", "code": "7", "display": "Lumbar fusion"}]}, "Lumbar fusion", "text"),
        ({"coding": [{"code": "22612", "display": "Lumbar fusion"}], "text": "Surgery"}, "Lumbar fusion", "text"),
        ({"text": "Lumbar fusion"}, "Lumbar fusion", "text"),
        ({"coding": [{}], "text": "Lumbar fusion"}, "Lumbar fusion", "text"),
        ({"coding": [{"display": "Ankle fusion"}, {"display": "Lumbar fusion"}]}, "Lumbar fusion", "text"),
    ],
)  # fmt: skip
def test_known_codings_win_over_words(concept: Json, label: str, by: str) -> None:
    event = only(read(procedure(code=concept)).procedures.events)
    assert event.by == by
    assert event.regions == {"lumbar"}
    assert event.label == label or by == "code"


@pytest.mark.parametrize("concept", [None, {}, {"coding": []}, {"coding": [{}]}, {"text": "Appendectomy"}])
def test_what_is_not_about_the_spine_is_counted_and_gives_no_event(concept: Json | None) -> None:
    record = read(procedure(code=concept))
    assert (record.procedures.count, record.procedures.events, record.procedures.aside) == (1, (), ())


# ---- care plans and appointments


def plan(*activities: Json, **more: Any) -> Json:
    return resource("CarePlan", {"id": "k", "status": "active", "activity": list(activities), **more}, {})


def test_an_activity_without_a_schedule_takes_the_plans_period() -> None:
    period = {"start": "2026-01-01", "end": "2026-03-01"}
    detail = {"status": "completed", "code": EXERCISE}
    lane = read(
        plan({"detail": detail}, {"detail": detail | {"scheduledPeriod": {"start": "2026-02-01"}}}, {}, period=period)
    )
    assert [(event.on, event.until) for event in lane["care_plans"].events] == [
        (date(2026, 1, 1), date(2026, 3, 1)),
        (date(2026, 2, 1), AS_OF),
    ]


@pytest.mark.parametrize(
    ("timing", "days"),
    [
        ({"repeat": {"boundsPeriod": {"start": "2026-01-05", "end": "2026-02-16"}}}, ("2026-01-05", "2026-02-16")),
        ({"event": ["2026-02-16", "2026-01-05", "2026-01-19"]}, ("2026-01-05", "2026-02-16")),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "wk"}}, ("2025-12-01", "2026-03-01")),
        ({"code": {"text": "twice a week"}}, ("2025-12-01", "2026-03-01")),
    ],
)
def test_an_activity_on_a_timing_lasts_as_long_as_that_or_as_the_plan(timing: Json, days: tuple[str, str]) -> None:
    detail = {"status": "completed", "code": EXERCISE, "scheduledTiming": timing}
    event = only(
        read(plan({"detail": detail}, period={"start": "2025-12-01", "end": "2026-03-01"}))["care_plans"].events
    )
    assert (str(event.on), str(event.until)) == days


@pytest.mark.parametrize("status", ["completed", "in-progress"])
@pytest.mark.parametrize(("code", "placed"), [(FUSION, "in-progress"), (EXERCISE, None)])
def test_only_an_operation_in_progress_in_a_plan_needs_no_day(status: str, code: Json, placed: str | None) -> None:
    lane = read(plan({"detail": {"status": status, "code": code}}))["care_plans"]
    assert [event.aside for event in (*lane.events, *lane.aside)] == ["" if status == placed else "no date"]


@pytest.mark.parametrize(
    ("periods", "day"),
    [
        ([{"start": "2026-12-01", "end": "2026-12-31"}], date(2026, 12, 31)),
        ([{"start": "2026-12-01"}, {"start": "2026-11-01", "end": "2026-11-30"}, {}], date(2026, 12, 1)),
        ([{}], None),
    ],
)
def test_an_appointment_asked_for_is_to_come_until_the_last_day_that_would_do(
    periods: list[Json], day: date | None
) -> None:
    asked = {"resourceType": "Appointment", "id": "a", "status": "proposed", "serviceType": [FUSION]}
    assert only(read(asked | {"requestedPeriod": periods})["appointments"].events).on == day


def test_the_day_a_plan_was_made_does_not_date_its_activities() -> None:
    lane = read(plan({"detail": {"status": "completed", "code": EXERCISE}}, created="2026-01-01"))["care_plans"]
    assert (only(lane.aside).on, only(lane.aside).aside) == (None, "no date")


def test_an_activity_takes_the_reasons_of_the_order_behind_its_plan() -> None:
    based = [{"reference": "ServiceRequest/s"}, {"reference": "ServiceRequest/unknown"}]
    detail = {"status": "scheduled", "code": FUSION}
    record = read(plan({"detail": detail}, basedOn=based), order(reasonCode=[STENOSIS]))
    assert [reason.label for reason in only(record["care_plans"].events).reasons] == ["Stenosis"]
    own = read(plan({"detail": detail | {"reasonCode": [STENOSIS]}}, basedOn=based), order())
    assert only(own["care_plans"].events).reasons
    contained = {"basedOn": [{"reference": "#inside"}], "contained": [order(id="inside", reasonCode=[STENOSIS])]}
    assert only(read(plan({"detail": detail}, **contained))["care_plans"].events).reasons


def test_an_order_behind_a_plan_may_refer_to_its_diagnosis() -> None:
    asked = order(reasonReference=[{"reference": "Condition/c"}])
    given = plan({"detail": {"status": "scheduled", "code": FUSION}}, basedOn=[{"reference": "ServiceRequest/s"}])
    (reason,) = only(read(given, asked, DISC)["care_plans"].events).reasons
    assert (reason.source, reason.label) == ("Condition/c", "Stenosis")


@pytest.mark.parametrize(
    ("reference", "events"),
    [
        ({"reference": "#inside"}, ["ServiceRequest"]),
        ({"reference": "ServiceRequest/s"}, []),  # read in its own lane
        ({"reference": "ServiceRequest/gone"}, []),
        ({"reference": "#procedure"}, []),
    ],
)
def test_what_a_plan_refers_to_is_read_once(reference: Json, events: list[str]) -> None:
    contained = [order(id="inside"), procedure(id="procedure")]
    record = read(plan({"reference": reference}, contained=contained), order())
    assert [event.resource for event in record["care_plans"].events] == events


def test_what_a_plan_refers_to_and_cannot_be_read_is_shown_by_its_display() -> None:
    """And only then: what was read in its own lane is not missing here."""
    named = {"reference": "ServiceRequest/s", "display": "Lumbar fusion"}
    (missed,) = read(plan({"reference": named}))["care_plans"].aside
    assert (missed.source, missed.resource, missed.label, missed.by) == (
        "CarePlan/k",
        "CarePlan",
        "Lumbar fusion",
        "text",
    )
    assert not read(plan({"reference": named}), order())["care_plans"].aside


def test_an_operation_contained_in_a_plan_is_planned_with_its_reason() -> None:
    asked = order(id="inside", reasonReference=[{"reference": "Condition/c"}])
    contained = [{"resourceType": "Substance", "id": "not read"}, asked]
    record = read(plan({"reference": {"reference": "#inside"}}, contained=contained), DISC)
    surgery = in_chart(record)
    assert surgery and [reason.label for reason in surgery.reasons] == ["Stenosis"]
    assert surgery and (surgery.kind, surgery.orders) == ("fusion", ("CarePlan/k",))


@pytest.mark.parametrize(
    ("elements", "label"),
    [
        ({"serviceType": [{"text": "Visit"}, FUSION]}, "Lumbar fusion"),
        ({"reasonCode": [FUSION]}, "Lumbar fusion"),
        ({"basedOn": [{"reference": "Procedure/f"}, {"reference": "ServiceRequest/s"}]}, "Lumbar fusion"),
        (
            {"basedOn": [{"reference": "#inside"}], "contained": [order(id="inside", reasonCode=[STENOSIS])]},
            "Lumbar fusion",
        ),
        ({"serviceType": [EXERCISE]}, None),
        ({}, None),
    ],
)
def test_an_appointment_names_its_operation_or_the_order_behind_it_does(elements: Json, label: str | None) -> None:
    booked = {"resourceType": "Appointment", "id": "a", "status": "booked", "start": "2026-12-01T08:00:00Z", **elements}
    record = read(booked, order(reasonCode=[STENOSIS]), procedure(code=EXERCISE))
    found = record["appointments"].events
    assert [(event.source, event.resource, event.label) for event in found] == (
        [("Appointment/a", "Appointment", label)] if label else []
    )
    if "basedOn" in elements:
        assert [reason.label for reason in found[0].reasons] == ["Stenosis"]
        assert found[0].based_on == tuple(each["reference"] for each in elements["basedOn"])


@pytest.mark.parametrize(
    ("kind", "elements", "lane"),
    [
        ("Appointment", {"status": "booked", "start": "2026-12-01", "serviceType": [FUSION]}, "appointments"),
        ("CarePlan", {"status": "active", "activity": [{"detail": {"code": FUSION}}]}, "care_plans"),
        ("Encounter", {"status": "finished", "class": {"code": "EMER"}}, "encounters"),
        ("Procedure", {"status": "completed", "code": FUSION}, "procedures"),
    ],
)
def test_a_reason_may_be_contained_in_what_it_is_the_reason_of(kind: str, elements: Json, lane: str) -> None:
    given = {"reasonReference": [{"reference": "#inside"}]}
    if kind == "CarePlan":
        given = {"activity": [{"detail": elements["activity"][0]["detail"] | given}]}
    record = read(resource(kind, {"id": "1", **elements, **given, "contained": [DISC | {"id": "inside"}]}, {}))
    (event,) = (*record[lane].events, *record[lane].aside)
    assert [reason.label for reason in event.reasons] == ["Stenosis"]
    assert not event.reasons_unread


@pytest.mark.parametrize(
    ("practitioner", "names"),
    [
        ({"reference": "https://ehr.example/fhir/Practitioner/5/_history/1"}, {"Practitioner/5"}),
        ({"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}}, {"http://hl7.org/fhir/sid/us-npi|1"}),
        ({"identifier": {"value": "1"}}, {"|1"}),
        ({"identifier": {"system": "x"}, "display": " Dr Lee "}, {"dr lee"}),
        ({}, set()),
        (None, set()),
    ],
)  # fmt: skip
def test_whoever_ordered_it_is_known_by_reference_identifier_and_name(practitioner: Any, names: set[str]) -> None:
    assert only(read(order(requester=practitioner))["service_requests"].events).requester == names


# ---- medicines


def drug(**concept: Any) -> Json:
    return {"resourceType": "Medication", "id": "drug", **concept}


def coded(code: str, text: str = "") -> Json:
    return {"coding": [{"system": RXNORM, "code": code}]} | ({"text": text} if text else {})


REFERRED = {"medicationReference": {"reference": "Medication/drug"}}


@pytest.mark.parametrize(
    ("elements", "beside", "kind"),
    [
        ({"medicationCodeableConcept": coded("5640")}, [], "nsaid"),
        ({"medicationCodeableConcept": coded("1049621")}, [], "opioid"),
        ({"medicationCodeableConcept": coded("0", "Naproxen 500 MG Oral Tablet")}, [], "nsaid"),
        ({"medicationCodeableConcept": {"text": "GABAPENTIN 300 mg capsule"}}, [], "gabapentinoid"),
        ({"medicationCodeableConcept": coded("161", "acetaminophen 325 MG / oxycodone 5 MG")}, [], "opioid"),
        ({"medicationCodeableConcept": coded("161", "HYDROcodone-acetaminophen 5-325 mg tablet")}, [], "opioid"),
        ({"medicationCodeableConcept": {"text": "ibuprofen / oxycodone"}}, [], "opioid"),
        ({"medicationCodeableConcept": {"text": "acetaminophen-codeine 300-30 mg"}}, [], "opioid"),
        ({"medicationCodeableConcept": {"text": "naproxen-esomeprazole 500-20 mg"}}, [], "nsaid"),
        ({"medicationCodeableConcept": {"coding": coded("161")["coding"] + coded("7804")["coding"]}}, [], "opioid"),
        (REFERRED, [drug(code=coded("5640"))], "nsaid"),
        (REFERRED, [drug(code={"text": "Ibuprofen 400 mg"})], "nsaid"),
        (REFERRED, [drug(ingredient=[{"itemCodeableConcept": coded("161")}])], "acetaminophen"),
        (REFERRED, [drug(code=coded("161"), ingredient=[{"itemCodeableConcept": {"text": "codeine"}}, {}])], "opioid"),
        ({"medicationReference": {"reference": "#drug"}, "contained": [drug(code=coded("5640"))]}, [], "nsaid"),
        ({"medicationReference": {"reference": "Medication/gone", "display": "Ibuprofen 400 mg"}}, [], "nsaid"),
        ({"medicationReference": {"display": "Tramadol 50 mg"}}, [], "opioid"),
        ({"medicationReference": {"reference": "Medication/drug", "display": "ibuprofen"}}, [drug()], "nsaid"),
    ],
    ids=lambda value: json.dumps(value)[-80:],
)  # fmt: skip
def test_a_medicine_is_known_by_code_name_reference_or_ingredient(
    elements: Json, beside: list[Json], kind: str
) -> None:
    lane = read(prescription(**elements), *beside).medications
    assert {meaning.kind for meaning in only(lane.events).meanings} == {kind}
    assert lane.complete


@pytest.mark.parametrize(
    "elements", [{"medicationCodeableConcept": {"text": "Lisinopril"}}, {}, REFERRED | {"status": "x"}]
)
def test_a_medicine_that_is_no_pain_medicine_gives_no_event(elements: Json) -> None:
    lane = read(prescription(**elements), drug(code={"text": "Lisinopril"})).medications
    assert (lane.events, lane.aside, lane.count) == ((), (), 1)


@pytest.mark.parametrize("reference", ["Medication/gone", "#gone", "urn:uuid:gone"])
def test_a_medicine_that_nothing_names_leaves_its_lane_partial(reference: str) -> None:
    """It might be any medicine; dropped, it would read as missing care."""
    lane = read(prescription(medicationReference={"reference": reference})).medications
    assert lane.state is Reading.PARTIAL
    assert unread(lane) == [("MedicationRequest/m", "the medicine it refers to could not be read")]


def test_a_medicine_that_nothing_names_is_not_missed_where_it_was_entered_in_error() -> None:
    gone = {"reference": "Medication/gone"}
    assert read(prescription(medicationReference=gone, status="entered-in-error")).medications.complete


def test_a_medicine_is_shown_by_the_name_it_has_and_said_to_be_read_from_it() -> None:
    named = {"itemCodeableConcept": {"text": "Ibuprofen 400 mg"}}
    for medication in (drug(code={"text": "Ibuprofen 400 mg"}), drug(code={"text": "Advil"}, ingredient=[named])):
        event = only(read(prescription(**REFERRED), medication).medications.events)
        assert (event.source, event.resource, event.by) == ("MedicationRequest/m", "MedicationRequest", "text")
        assert event.label == medication["code"]["text"]


@pytest.mark.parametrize(
    ("kind", "elements", "on", "until"),
    [
        ("MedicationRequest", {"authoredOn": "2026-06-01"}, date(2026, 6, 1), date(2026, 6, 1)),
        (
            "MedicationRequest",
            {"authoredOn": "2026-06-01", "dispenseRequest": {"validityPeriod": {"end": "2026-07-01"}}},
            date(2026, 6, 1),
            date(2026, 7, 1),
        ),
        (
            "MedicationRequest",
            {"dispenseRequest": {"validityPeriod": {"start": "2026-06-05", "end": "2026-06-01"}}},
            date(2026, 6, 5),
            date(2026, 6, 5),
        ),
        ("MedicationDispense", {"whenPrepared": "2026-06-01"}, date(2026, 6, 1), date(2026, 6, 1)),
        (
            "MedicationDispense",
            {"whenHandedOver": "2026-06-02", "whenPrepared": "2026-06-01", "daysSupply": {"value": 10}},
            date(2026, 6, 2),
            date(2026, 6, 12),
        ),
        ("MedicationDispense", {"status": "preparation"}, None, None),
        ("MedicationStatement", {"effectivePeriod": {"start": "2026-06-01"}}, date(2026, 6, 1), AS_OF),
        ("MedicationAdministration", {"effectiveDateTime": "2026-06-01"}, date(2026, 6, 1), date(2026, 6, 1)),
    ],
)
def test_a_medicine_runs_as_its_resource_says(kind: str, elements: Json, on: date, until: date) -> None:
    usual = {"id": "m", "status": "completed", "medicationCodeableConcept": {"text": "ibuprofen"}}
    event = only(read(resource(kind, usual, elements)).medications.events)
    assert (event.on, event.until) == (on, until)


# ---- whatever arrives


TEXTS = [
    "completed", "active", "final", "finished", "draft", "order", "stopped", "entered-in-error", "booked", "EMER",
    "2026-10-01", "2024-05-02T10:00:00Z", "2026", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "2026-02-30",
    "Patient/p", "Patient/other", "#a", "urn:uuid:a", "Condition/a", "Medication/a", "ServiceRequest/a",
    "Encounter?x=1", "p", "a", "", " ", "/", "#", "d", "mo", "%", "x" * 300, "{}", "<b>|_", "\u202e\u0000\u00e9",
    "lumbar fusion", "physical therapy", "ibuprofen", "tramadol", "stat", "next", "outcome", "error", "NaN", "1e999",
    CPT, "22612", "97110", "63047", RXNORM, "5640", "http://loinc.org", "97909-6", "http://snomed.info/sct",
    "385671000", "http://hl7.org/fhir/sid/icd-10-cm", "M96.1", "Z98.1", "G83.4", "M48.062", "S12.000A",
    "urn:org.second-opinion:referral", "http://terminology.hl7.org/CodeSystem/v2-0336", "S",
]  # fmt: skip
NUMBERS = [0, 1, -1, 38, 3.5, 1e308, 10**400, 2**63, 22612, "@1e999"]
ANYTHING = some.recursive(
    some.none() | some.booleans() | some.sampled_from(NUMBERS) | some.sampled_from(TEXTS) | some.text(max_size=5),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(TEXTS) | some.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@some.composite
def fhir_like(draw: Any, hint: Any, depth: int = 0) -> Any:
    """A value for an element of this type: most often right, now and then of any other type."""
    if draw(some.integers(0, 15)) == 0:
        return draw(ANYTHING)
    if get_origin(hint) is list:
        return draw(some.lists(fhir_like(get_args(hint)[0], depth), max_size=2))
    if hint is Raw:
        return draw(a_resource(depth + 2)) if depth < 2 else None
    for part in get_args(hint):
        if part is not type(None):
            return draw(fhir_like(part, depth))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return draw(elements_of(hint, depth + 1))
    plain: dict[Any, Any] = {str: some.sampled_from(TEXTS), float: some.sampled_from(NUMBERS), bool: some.booleans()}
    return draw(plain.get(hint, ANYTHING))


@some.composite
def elements_of(draw: Any, kind: type[Struct], depth: int) -> Json:
    hints = get_type_hints(kind)
    known = {each.encode_name: hints[each.name] for each in fields(kind)}
    most = 8 if depth < 2 else 3 if depth < 5 else 0
    chosen = draw(some.lists(some.sampled_from(sorted(known)), max_size=most, unique=True))
    return {name: draw(fhir_like(known[name], depth)) for name in chosen}


@some.composite
def a_resource(draw: Any, depth: int = 0) -> Json:
    """A resource of a type that we read, with what any rule would want, and elements of it gone wrong."""
    name = draw(some.sampled_from(sorted(TYPES)))
    usual: Json = {"resourceType": name, "subject": SUBJECT, "status": "completed"}
    dates = some.sampled_from(["2026-10-01", "2024-05-02", "0001-01-01", "9999-12-31", "2026"])
    for element in ("performedDateTime", "effectiveDateTime", "authoredOn", "whenHandedOver", "recordedDate", "start"):
        usual[element] = draw(dates)
    usual["code"] = draw(some.sampled_from([FUSION, EXERCISE, ODI, STENOSIS, coded("5640"), {"text": "lumbar fusion"}]))
    usual["medicationCodeableConcept"] = draw(some.sampled_from([coded("5640"), {"text": "tramadol"}]))
    odd: Json = draw(elements_of(TYPES[name], depth))
    return usual | odd


def an_entry() -> some.SearchStrategy[Any]:
    whole = some.fixed_dictionaries({"resource": a_resource()}, optional={"fullUrl": some.sampled_from(TEXTS)})
    inner = some.fixed_dictionaries({"resource": some.builds(bundle, a_resource())})
    return some.one_of(whole, whole, whole, whole, inner, ANYTHING, some.just({"resource": PATIENT}))


BUNDLES = some.fixed_dictionaries(
    {"resourceType": some.just("Bundle"), "entry": some.lists(an_entry(), max_size=6)},
    optional={"total": some.sampled_from(NUMBERS) | ANYTHING, "link": ANYTHING},
)
thorough = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def written(document: Any) -> bytes:
    """As JSON, with a number in it that no float can hold."""
    return json.dumps(document).replace('"@1e999"', "1e999").encode()


def tell(body: bytes) -> None:
    """Reads, judges and tells a document, as a door would; the only way out is UnreadableInput."""
    try:
        record = read_bundle(body, AS_OF)
    except UnreadableInput as problem:
        assert str(problem)
        return
    json.dumps(as_json(assess(record, in_chart(record)), file="-"))


@thorough
@given(ANYTHING)
def test_any_json_at_all_is_a_record_or_unreadable_input(document: Any) -> None:
    tell(written(document))


@thorough
@given(some.binary(max_size=60))
def test_any_bytes_at_all_are_a_record_or_unreadable_input(body: bytes) -> None:
    tell(body)
    tell(b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "' + body + b'"}}]}')


@thorough
@given(BUNDLES)
def test_any_bundle_with_elements_gone_wrong_is_a_record_or_unreadable_input(document: Any) -> None:
    tell(written(document))


CHARTS = [bundle(*each.resources) for each in vignettes()]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything inside some JSON."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


@thorough
@given(some.data())
def test_any_mutation_of_a_valid_chart_is_a_record_or_unreadable_input(data: some.DataObject) -> None:
    document = json.loads(json.dumps(data.draw(some.sampled_from(CHARTS))))
    for _ in range(data.draw(some.integers(1, 4))):
        path = data.draw(some.sampled_from(places(document["entry"])[1:] or [()]))
        if not path:
            break  # nothing is left to change
        place = document["entry"]
        for key in path[:-1]:
            place = place[key]
        if data.draw(some.booleans()):
            place[path[-1]] = data.draw(ANYTHING)
        else:
            del place[path[-1]]
    tell(written(document))


@thorough
@given(some.sampled_from(CHARTS), some.data())
def test_a_chart_cut_off_anywhere_is_unreadable_input(document: Json, data: some.DataObject) -> None:
    body = json.dumps(document).encode()
    with pytest.raises(UnreadableInput):
        read_bundle(body[: data.draw(some.integers(0, len(body) - 1))], AS_OF)


def test_a_chart_line_is_read_as_it_is_written() -> None:
    """The vignettes are our own examples of the forms above."""
    lines = [{"50 days ago": "Procedure CPT 97110 exercise therapy"}]
    record = read_document(bundle(*chart(lines, AS_OF)))
    assert only(record.procedures.events).on == date(2026, 10, 3)
