"""The packet as a FHIR document: whole in itself, valid, traceable, not endless, and nothing made up."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from xml.parsers.expat import ParserCreate

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_invariants import broken
from fhirclient.models.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from refer_rooms import SITE
from review_cases import LAUNCH, TODAY, case_of, chart_of

from fixtures.teaching import teaching_patients
from second_opinion.referral_targets import Target
from smart_app.chart.case import Case
from smart_app.plain_fhir.events import resource_of
from smart_app.plain_fhir.parts import Telling
from smart_app.refer.document import document_of
from smart_app.refer.enclosed import MOST
from smart_app.refer.form import Choice
from smart_app.refer.orders import order_of
from smart_app.refer.packet import packet_of

Json = dict[str, Any]
CPT, SNOMED, LOINC = "http://www.ama-assn.org/go/cpt", "http://snomed.info/sct", "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SURGEON = replace(LAUNCH, user="Practitioner/7", user_name="Dr. Grace Hall")
EVERYBODY = [patient.id for patient in teaching_patients(TODAY)]


def coded(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


def written(case: Case, blinded: bool = False, order: Json | None = None) -> Json:
    return document_of(packet_of(case, "Why?", blinded), case, order)


def by_address(document: Json) -> dict[str, Json]:
    return {entry["fullUrl"]: entry["resource"] for entry in document["entry"]}


def in_section(document: Json, title: str) -> list[Json]:
    known = by_address(document)
    return [known[each["reference"]] for each in section_of(document, title).get("entry", ())]


def section_of(document: Json, title: str) -> Json:
    (found,) = [each for each in document["entry"][0]["resource"]["section"] if each["title"] == title]
    return dict(found)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["reference"]] if isinstance(part.get("reference"), str) else [])
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def words_in(div: str) -> str:
    """What a narrative says; it must be XML."""
    found: list[str] = []
    reader = ParserCreate()
    reader.CharacterDataHandler = found.append
    reader.Parse(div, True)
    return "".join(found).strip()


# ---- a document as a receiving system expects it


@pytest.mark.parametrize("blinded", [False, True])
@pytest.mark.parametrize("name", EVERYBODY)
def test_every_teaching_patients_packet_is_a_whole_and_valid_document(name: str, blinded: bool) -> None:
    case = case_of(name, SURGEON, SITE)
    packet = packet_of(case, "Why?", blinded)
    choice = Choice("second_opinion", blinded=blinded)
    document = document_of(packet, case, order_of(case, choice, Target("Spine clinic"), packet, TODAY))
    get_fhir_model_class("Bundle").model_validate(document)
    Bundle(document)  # R4 4.0.1 by another library, strictly
    assert broken(document) == []
    known = by_address(document)
    assert set(references(document)) <= set(known)
    reached = set(references(document["entry"][0]))
    assert reached == set(known) - {document["entry"][0]["fullUrl"]}, "what nothing refers to is no part of a document"
    for address, resource in known.items():
        assert address == f"urn:uuid:{resource['id']}"
    for div in [each["text"]["div"] for each in (*document["entry"][0]["resource"]["section"], *known.values())
                if "text" in each]:  # fmt: skip
        assert words_in(div)
    for section in document["entry"][0]["resource"]["section"]:
        assert section["code"]["coding"][0]["system"] == LOINC


def test_each_section_encloses_what_it_shows() -> None:
    document = written(case_of("failed-fusion", SURGEON))
    (planned,) = in_section(document, "Summary")
    assert planned["resourceType"] == "ServiceRequest" and planned["code"]["coding"] == [
        {"system": CPT, "code": "22633"}
    ]
    assert planned["status"] == "draft" and planned["reasonCode"][0]["coding"][0]["system"] == ICD
    (operation,) = in_section(document, "Earlier operations")
    assert operation["performedDateTime"] == "2025-07-22" and operation["code"]["text"] == "Lumbar fusion L4-5"
    assert operation["meta"] == {"source": "https://ehr.example/fhir/Procedure/ruth-procedure-1"}
    kinds = {each["resourceType"] for each in in_section(document, "Treatments tried")}
    assert kinds == {"Procedure", "CarePlan", "ServiceRequest"}
    assert {each["resourceType"] for each in in_section(document, "Diagnoses of the spine")} == {"Condition"}
    assert [each["valueQuantity"]["value"] for each in in_section(document, "Scores")] == [50, 7, 52, 7]
    assert len(in_section(document, "Imaging")) == 1
    assert {each["resourceType"] for each in in_section(document, "Pain medicines")} == {"MedicationRequest"}


def test_a_diagnosis_that_the_order_refers_to_is_enclosed_and_one_that_it_names_stands_in_it() -> None:
    over = {"resourceType": "Condition", "id": "over", "code": coded(ICD, "M43.16", "Slip"),
            "clinicalStatus": coded("urn:x", "resolved"), "abatementDateTime": "2025-05-06"}  # fmt: skip
    reasons = {"reasonReference": [{"reference": "Condition/over"}], "reasonCode": [coded(ICD, "M48.061", "Stenosis")]}
    document = written(chart_of(over, PLANNED | reasons))
    (enclosed,) = in_section(document, "Diagnoses of the spine")
    assert enclosed["clinicalStatus"]["coding"][0]["code"] == "resolved"
    assert enclosed["abatementDateTime"] == "2025-05-06"
    (planned,) = in_section(document, "Summary")
    assert {each["text"] for each in planned["reasonCode"]} == {"Slip", "Stenosis"}
    assert "in words alone" not in section_of(document, "Diagnoses of the spine")["text"]["div"]


def test_who_made_it_is_enclosed_with_the_software() -> None:
    document = written(case_of("failed-fusion", SURGEON))
    known = by_address(document)
    clinician, software = (known[each["reference"]] for each in document["entry"][0]["resource"]["author"])
    assert clinician["name"] == [{"text": "Dr. Grace Hall"}] and software["resourceType"] == "Device"
    role = written(case_of("knee", replace(SURGEON, user="PractitionerRole/8")))["entry"][2]["resource"]
    assert (role["resourceType"], role["practitioner"]) == ("PractitionerRole", {"display": "Dr. Grace Hall"})


@pytest.mark.parametrize("user", ["", "Patient/p1"])
def test_nobody_but_a_clinician_is_named_as_its_author(user: str) -> None:
    assert len(written(case_of("knee", replace(LAUNCH, user=user)))["entry"][0]["resource"]["author"]) == 1


def test_the_same_packet_is_the_same_document_and_another_one_has_another_identifier() -> None:
    case = case_of("failed-fusion")
    one, same, other = written(case), written(case), document_of(packet_of(case, "What else?"), case)
    assert one == same and one["identifier"] != other["identifier"]
    first, second = (each["entry"][0]["resource"] for each in (one, other))
    assert first["identifier"] == second["identifier"] and first["id"] != second["id"]
    assert set(by_address(one)) - {one["entry"][0]["fullUrl"]} == set(by_address(other)) - {
        other["entry"][0]["fullUrl"]
    }


# ---- the referral


def prepared_in(case: Case, choice: Choice, to: Target) -> Json:
    packet = packet_of(case, "Why?", choice.blinded)
    document = document_of(packet, case, order_of(case, choice, to, packet, TODAY))
    (prepared,) = in_section(document, "Questions")
    assert "The order that counts is the one in the EHR" in section_of(document, "Questions")["text"]["div"]
    return prepared


def test_the_referral_is_enclosed_as_a_draft_that_refers_to_what_is_enclosed() -> None:
    case = case_of("failed-fusion", replace(SURGEON, encounter="visit-1"))
    to = Target("North Building", reference="Location/3")
    prepared = prepared_in(case, Choice("second_opinion", status="active"), to)
    document = written(case)
    assert prepared["status"] == "draft" and "encounter" not in prepared
    (planned,) = in_section(document, "Summary")
    assert prepared["basedOn"] == [{"reference": f"urn:uuid:{planned['id']}"}]
    assert by_address(document)[prepared["requester"]["reference"]]["resourceType"] == "Practitioner"
    place = {"system": "urn:ietf:rfc:3986", "value": "https://ehr.example/fhir/Location/3"}
    assert prepared["locationReference"] == [{"identifier": place, "display": "North Building"}]


def test_somebody_named_by_hand_stays_a_name() -> None:
    prepared = prepared_in(case_of("knee", SURGEON), Choice("physical_therapy"), Target("Dr. Elsewhere"))
    assert prepared["performer"] == [{"display": "Dr. Elsewhere"}]


def test_a_requester_whom_the_document_does_not_enclose_is_named() -> None:
    case = case_of("failed-fusion", replace(LAUNCH, user="Practitioner/9"))
    prepared = prepared_in(case, Choice("second_opinion", blinded=True), Target("Spine clinic"))
    who = {"system": "urn:ietf:rfc:3986", "value": "https://ehr.example/fhir/Practitioner/9"}
    assert prepared["requester"] == {"identifier": who}


def test_with_nobody_chosen_there_is_no_referral() -> None:
    assert in_section(written(case_of("failed-fusion")), "Questions") == []


# ---- blinded

FUSION = coded(CPT, "22633", "Canary operation: lumbar fusion")
BY: Json = {"requester": {"reference": "Practitioner/canary", "display": "Dr. Canary"}}
REASON: Json = {"reasonCode": [coded(ICD, "M48.061", "Canary reason")]}
NOTE: Json = {"note": [{"text": "Canary note"}]}
PLANNED: Json = {"resourceType": "ServiceRequest", "id": "canary-order", "status": "active", "intent": "order",
                 "authoredOn": "2026-11-20", "code": FUSION, **BY, **REASON, **NOTE}  # fmt: skip
AROUND_IT: list[Json] = [
    PLANNED,
    {"resourceType": "Procedure", "id": "canary-refused", "status": "not-done", "performedDateTime": "2026-10-01",
     "code": FUSION, "statusReason": coded(SNOMED, "416432009", "Canary: not wanted")},
    {"resourceType": "Procedure", "id": "therapy", "status": "completed", "performedDateTime": "2026-10-02",
     "code": coded(CPT, "97110", "Before Canary"),
     "outcome": coded(SNOMED, "385671000", "Canary outcome"), **REASON, **NOTE},
    {"resourceType": "ServiceRequest", "id": "referral", "status": "active", "intent": "order",
     "authoredOn": "2026-11-01", "code": coded(SNOMED, "308447003", "Therapy instead of Canary"), **BY, **REASON},
    {"resourceType": "Procedure", "id": "injection", "status": "not-done", "performedDateTime": "2026-10-02",
     "code": coded(CPT, "62323"), "statusReason": {"text": "Canary comes first"}},
    {"resourceType": "Goal", "id": "canary-goal", "lifecycleStatus": "active", "startDate": "2026-11-20",
     "description": {"text": "Wants to avoid surgery: the Canary operation"}},
    {"resourceType": "Appointment", "id": "canary-slot", "status": "booked", "start": "2026-12-20T08:00:00Z",
     "serviceType": [FUSION], "participant": []},
]  # fmt: skip


def test_blinded_the_document_tells_nothing_of_the_first_recommendation() -> None:
    case = chart_of(*AROUND_IT, launch=replace(LAUNCH, user="Practitioner/canary", user_name="Dr. Canary"))
    choice = Choice("second_opinion", blinded=True)
    packet = packet_of(case, "Why?", blinded=True)
    order = order_of(case, choice, Target("Spine clinic"), packet, TODAY)
    blinded, told = document_of(packet, case, order), written(case)
    known = by_address(blinded).values()
    for canary in ("canary", "22633", "m48.061", "requester", "practitioner", "outcome"):
        assert [each for each in known if canary in json.dumps(each).lower()] == []
    for said in ("canary-order", "Canary operation", "M48.061", "Dr. Canary", "Canary: not wanted"):
        assert said in json.dumps(told)
    assert {each["resourceType"] for each in in_section(blinded, "Treatments tried")} == {"Procedure", "ServiceRequest"}
    wishes = in_section(blinded, "What the patient wants")
    assert {each["code"]["text"] for each in wishes} == {
        "Would rather avoid or put off surgery", "Declined a treatment or an operation",
    }  # fmt: skip
    assert not any("meta" in each or "valueString" in each for each in wishes)


def test_the_user_is_no_author_of_a_blinded_packet_even_if_somebody_else_ordered_the_operation() -> None:
    document = written(case_of("failed-fusion", SURGEON), blinded=True)
    assert "Practitioner" not in {each["resourceType"] for each in by_address(document).values()}


# ---- what is not known is not made up


def test_what_could_not_be_placed_is_told_in_words_and_counted() -> None:
    operation = {"resourceType": "Procedure", "code": coded(CPT, "22612", "Lumbar fusion")}
    case = chart_of(
        operation | {"id": "strange", "status": "perhaps", "performedDateTime": "2024-01-01"},
        operation | {"id": "changed", "status": "completed", "performedDateTime": "2024-02-01",
                     "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
        operation | {"id": "undated", "status": "completed"},
    )  # fmt: skip
    (enclosed,) = in_section(written(case), "Earlier operations")
    assert enclosed["meta"]["source"].endswith("/undated") and "performedDateTime" not in enclosed
    assert "filling in what is not known: 2 of these" in section_of(written(case), "Earlier operations")["text"]["div"]


def test_a_lane_that_could_not_be_read_is_unavailable_and_one_that_held_nothing_is_not() -> None:
    document = written(case_of("chart-unreadable"))
    assert section_of(document, "Earlier operations")["emptyReason"]["coding"][0]["code"] == "unavailable"
    assert "coding" not in section_of(written(chart_of()), "Earlier operations")["emptyReason"]


def test_the_operation_that_only_a_card_told_of_is_not_enclosed() -> None:
    case = case_of("failed-fusion")
    surgery = case.assessment.surgery
    assert surgery
    told = replace(case, assessment=replace(case.assessment, surgery=replace(surgery, events=surgery.events[:0])))
    assert in_section(written(told), "Summary") == []


@pytest.mark.parametrize(
    ("resource", "title", "expected"),
    [
        ({"resourceType": "Procedure", "status": "completed", "code": coded(CPT, "97110"),
          "performedPeriod": {"start": "2026-01-02", "end": "2026-02-03"}, "outcome": coded(SNOMED, "385671000"),
          "asserter": {"reference": "Patient/p1"}}, "Treatments tried",
         {"performedPeriod": {"start": "2026-01-02", "end": "2026-02-03"},
          "outcome": {"coding": [{"system": SNOMED, "code": "385671000"}], "text": "did not help"},
          "note": [{"text": "reported, done elsewhere"}]}),
        ({"resourceType": "Procedure", "status": "in-progress", "code": coded(CPT, "97110"),
          "performedPeriod": {"start": "2026-01-02"}}, "Treatments tried",
         {"performedPeriod": {"start": "2026-01-02"}}),
        ({"resourceType": "Procedure", "status": "not-done", "code": coded(CPT, "62323"),
          "performedDateTime": "2026-01-02", "statusReason": {"text": "Afraid of needles"}}, "Treatments tried",
         {"statusReason": {"text": "Afraid of needles"}}),
        ({"resourceType": "Condition", "code": coded(ICD, "M48061", "Stenosis"), "onsetDateTime": "2026-01-02",
          "clinicalStatus": coded("urn:x", "recurrence")}, "Diagnoses of the spine",
         {"recordedDate": "2026-01-02", "code": {"coding": [{"system": ICD, "code": "M48.061"}],
                                                 "text": "Stenosis"}}),
        ({"resourceType": "Condition", "code": {"text": "Lumbar spinal stenosis"}}, "Diagnoses of the spine",
         {"code": {"text": "Lumbar spinal stenosis"}}),
        ({"resourceType": "Encounter", "status": "finished", "type": [coded(CPT, "97110")], "class": {"code": "AMB"},
          "period": {"start": "2026-01-02T08:00:00Z", "end": "2026-01-02T09:00:00Z"}}, "Treatments tried",
         {"status": "finished", "period": {"start": "2026-01-02", "end": "2026-01-02"}}),
        ({"resourceType": "CarePlan", "status": "active", "intent": "plan", "activity": [
            {"detail": {"status": "scheduled", "code": coded(CPT, "97110")}}]}, "Treatments tried",
         {"status": "active", "intent": "plan"}),
        ({"resourceType": "CarePlan", "status": "active", "intent": "plan", "period": {"start": "2026-01-02"},
          "activity": [{"detail": {"status": "in-progress", "code": coded(CPT, "97110")}}]}, "Treatments tried",
         {"activity": [{"detail": {"status": "in-progress", "scheduledPeriod": {"start": "2026-01-02"},
                                   "code": coded(CPT, "97110", "Therapeutic exercise")}}]}),
        ({"resourceType": "Condition", "code": coded(ICD, "M54.50", "Back pain"), "recordedDate": "2026-01-02",
          "clinicalStatus": coded("urn:x", "active"), "abatementDateTime": "2030-01-01"}, "Diagnoses of the spine",
         {"abatementDateTime": None}),
        ({"resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": "perhaps",
          "code": coded(CPT, "97110", "Therapy")}, "Treatments tried", {"priority": None, "authoredOn": None}),
        ({"resourceType": "MedicationDispense", "status": "in-progress", "whenPrepared": "2026-01-02",
          "medicationCodeableConcept": {"text": "Naproxen"}}, "Pain medicines", {"whenHandedOver": None}),
        ({"resourceType": "MedicationStatement", "status": "active", "effectivePeriod": {"start": "2026-01-02"},
          "medicationCodeableConcept": {"text": "Naproxen"}}, "Pain medicines",
         {"effectivePeriod": {"start": "2026-01-02"}}),
        ({"resourceType": "MedicationDispense", "status": "completed", "whenHandedOver": "2026-01-02",
          "medicationCodeableConcept": {"text": "Naproxen"}}, "Pain medicines", {"whenHandedOver": "2026-01-02"}),
        ({"resourceType": "MedicationAdministration", "status": "completed", "effectiveDateTime": "2026-01-02",
          "medicationCodeableConcept": {"text": "Naproxen"}}, "Pain medicines", {"effectiveDateTime": "2026-01-02"}),
        ({"resourceType": "Observation", "status": "final", "code": coded(SNOMED, "416432009"),
          "effectiveDateTime": "2026-01-02"}, "What the patient wants", {"status": "final"}),
    ],
)  # fmt: skip
def test_each_kind_of_resource_says_what_was_read_of_it(resource: Json, title: str, expected: Json) -> None:
    document = written(chart_of(resource | {"id": "one"}))
    (enclosed,) = in_section(document, title)
    Bundle(document)
    assert broken(document) == [] and resource["resourceType"] == enclosed["resourceType"]
    assert {name: enclosed.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("written_as", "days", "words"),
    [
        ({"performedDateTime": "2019"}, {"performedDateTime": "2019"}, "<li>2019 ·"),
        ({"performedDateTime": "2019-05"}, {"performedDateTime": "2019-05"}, "<li>May 2019 ·"),
        ({"performedDateTime": "2019-01"}, {"performedDateTime": "2019-01"}, "<li>Jan 2019 ·"),
        ({"performedDateTime": "2019-01-01"}, {"performedDateTime": "2019-01-01"}, "<li>1 Jan 2019 ·"),
        ({"performedPeriod": {"start": "2019-05", "end": "2019-07-03"}},
         {"performedPeriod": {"start": "2019-05", "end": "2019-07-03"}}, "<li>May 2019 to 3 Jul 2019 ·"),
    ],
)  # fmt: skip
def test_a_month_or_a_year_stays_one(written_as: Json, days: Json, words: str) -> None:
    operation = {"resourceType": "Procedure", "id": "op", "status": "completed", "code": coded(CPT, "22612")}
    document = written(chart_of(operation | written_as))
    (enclosed,) = in_section(document, "Earlier operations")
    assert {name: enclosed[name] for name in days} == days
    assert words in section_of(document, "Earlier operations")["text"]["div"]


def test_a_plan_for_a_month_is_no_plan_for_its_first_day() -> None:
    detail = {"status": "scheduled", "code": coded(CPT, "97110"), "scheduledPeriod": {"start": "2026-03"}}
    plan = {"resourceType": "CarePlan", "id": "one", "status": "active", "intent": "plan",
            "activity": [{"detail": detail}, {"reference": {"reference": "Task/1"}}]}  # fmt: skip
    (enclosed,) = in_section(written(chart_of(plan)), "Treatments tried")
    assert enclosed["activity"][0]["detail"]["scheduledPeriod"] == {"start": "2026-03"}


@pytest.mark.parametrize(
    ("resource", "title"),
    [
        ({"resourceType": "MedicationAdministration", "status": "completed",
          "medicationCodeableConcept": {"text": "Naproxen"}}, "Pain medicines"),
        ({"resourceType": "MedicationRequest", "status": "active", "authoredOn": "2026-01-02",
          "medicationCodeableConcept": {"text": "Naproxen"}}, "Pain medicines"),
        ({"resourceType": "ServiceRequest", "status": "active", "authoredOn": "2026-01-02", "intent": "perhaps",
          "code": coded(CPT, "97110")}, "Treatments tried"),
        ({"resourceType": "CarePlan", "status": "active", "activity": [
            {"detail": {"status": "scheduled", "code": coded(CPT, "97110")}}]}, "Treatments tried"),
    ],
)  # fmt: skip
def test_what_fhir_would_have_us_fill_in_is_told_in_words_alone(resource: Json, title: str) -> None:
    document = written(chart_of(resource | {"id": "one"}))
    assert in_section(document, title) == [] and "in words alone" in section_of(document, title)["text"]["div"]
    assert "emptyReason" not in section_of(document, title)


def test_the_ingredients_of_a_medicine_are_no_codes_of_it() -> None:
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    both = [{"system": rxnorm, "code": "25480"}, {"system": rxnorm, "code": "7258"}]
    document = written(chart_of({"resourceType": "MedicationStatement", "id": "one", "status": "active",
                                 "effectiveDateTime": "2026-01-02",
                                 "medicationCodeableConcept": {"coding": both, "text": "Both in one"}}))  # fmt: skip
    (enclosed,) = in_section(document, "Pain medicines")
    assert enclosed["medicationCodeableConcept"] == {"text": "Both in one"}


# ---- not endless


def visits(count: int) -> Iterator[Json]:
    for number in range(count):
        yield {"resourceType": "Procedure", "id": f"v{number}", "status": "completed", "code": coded(CPT, "97110"),
               "performedDateTime": date.fromordinal(TODAY.toordinal() - number).isoformat()}  # fmt: skip


def test_of_very_many_the_latest_are_enclosed_and_the_packet_says_so() -> None:
    document = written(chart_of(*visits(MOST + 20)))
    enclosed = in_section(document, "Treatments tried")
    assert len(enclosed) == MOST and enclosed[0]["performedDateTime"] == TODAY.isoformat()
    assert "20 more are in the chart, and not enclosed" in section_of(document, "Treatments tried")["text"]["div"]
    assert "not enclosed" not in section_of(written(chart_of(*visits(MOST))), "Treatments tried")["text"]["div"]


def test_what_two_sections_show_is_enclosed_once() -> None:
    both = {"coding": [{"system": CPT, "code": "22612"}, {"system": CPT, "code": "62323"}], "text": "Both at once"}
    document = written(chart_of({"resourceType": "Procedure", "id": "both", "status": "completed", "code": both,
                                 "performedDateTime": "2026-01-02"}))  # fmt: skip
    assert in_section(document, "Treatments tried") == in_section(document, "Earlier operations") != []
    assert broken(document) == []


# ---- hostile text


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)  # JSON holds no lone surrogates


@given(_TEXT, _TEXT, st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_the_chart_says_the_document_is_valid(words: str, unit: str, value: float) -> None:
    code = {"coding": [{"system": LOINC, "code": "97909-6"}], "text": words}
    score = {"resourceType": "Observation", "id": "one", "status": "final", "effectiveDateTime": "2026-01-02",
             "code": code, "valueQuantity": {"value": value, "unit": unit}}  # fmt: skip
    therapy = {"resourceType": "Procedure", "id": "two", "status": "not-done", "statusReason": {"text": words},
               "performedDateTime": "2026-01-02", "code": coded(CPT, "97110") | {"text": words}}  # fmt: skip
    launch = replace(SURGEON, user_name=words)
    document = document_of(packet_of(chart_of(score, therapy), words), chart_of(score, therapy, launch=launch))
    for section in document["entry"][0]["resource"]["section"]:
        words_in(section["text"]["div"])


def test_a_number_that_json_cannot_hold_is_no_score() -> None:
    case = case_of("failed-fusion")
    (score, *_) = case.assessment.record.observations.events.of("outcome_scores")
    telling = Telling({"reference": "urn:uuid:1"}, LAUNCH.iss, TODAY, False)
    assert resource_of(replace(score, value=float("inf")), "ODI", telling) is None
    assert resource_of(replace(score, value=None), "ODI", telling) is None
