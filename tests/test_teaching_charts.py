"""The teaching charts: valid FHIR, dates that count back from today, only codes that were checked."""

import json
import re
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.teaching import PATIENTS, TeachingPatient, UnreadableChart, read_patient, shifted, teaching_patients
from fixtures.vignette_resources import SYSTEMS

TODAY = date(2026, 11, 22)
CHARTS = files("fixtures") / "charts"

NAMES = {system: name for name, system in SYSTEMS.items()}

# What a chart also holds: none of it is about the spine, so no value set names it.
NOT_SPINE = {
    "CPT 27447",  # knee replacement
    "SNOMED 80146002",  # appendectomy
    "SNOMED 387713003",  # US Core's order category: surgical procedure
    "ICD10CM I10",  # hypertension
    "ICD10CM E11.9",  # diabetes
    "ICD10CM E78.5",  # high cholesterol
    "ICD10CM M17.11",  # osteoarthritis of the knee
    "RXNORM 29046",  # lisinopril
    "RXNORM 6809",  # metformin
}


def resources(patient: TeachingPatient) -> list[dict[str, Any]]:
    return [
        *(entry["resource"] for entry in patient.chart["entry"]),
        *filter(None, [patient.appointment]),
        patient.order,
    ]


def places(value: Any) -> Iterator[Any]:
    """Everything inside some JSON, itself included."""
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from places(item)


def checked_codes() -> set[str]:
    value_sets = files("second_opinion") / "value_sets"
    read = [yaml.safe_load(file.read_text("utf-8")) for file in value_sets.iterdir() if file.name.endswith(".yaml")]
    lines = [line for value_set in read for group in value_set["groups"] for line in group["codes"]]
    return {" ".join(line.split()[:2]) for line in lines}


@pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29), date(2027, 3, 31)])
def test_every_resource_is_valid_fhir_r4b_whatever_the_day(today: date) -> None:
    for patient in teaching_patients(today):
        for resource in [*resources(patient), patient.chart]:
            kind = resource["resourceType"]
            model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
            model.model_validate(resource)


def test_every_chart_file_is_listed_under_its_own_id() -> None:
    on_disk = {file.name.removesuffix(".json") for file in CHARTS.iterdir()}
    assert on_disk == set(PATIENTS)
    assert [patient.id for patient in teaching_patients(TODAY)] == list(PATIENTS)


def test_every_code_was_checked_into_a_value_set() -> None:
    known = checked_codes() | NOT_SPINE
    codings = [place for p in teaching_patients(TODAY) for place in places(resources(p)) if is_clinical(place)]
    used = {f"{NAMES[coding['system']]} {coding['code']}" for coding in codings}
    assert used - known == set()
    assert NOT_SPINE - used == set(), "no longer used: take it out"


def is_clinical(place: Any) -> bool:
    return isinstance(place, dict) and place.get("system") in NAMES and "code" in place


def test_no_date_is_written_out_in_a_chart() -> None:
    for name in PATIENTS:
        text = (CHARTS / f"{name}.json").read_text("utf-8")
        assert not re.search(r'"(19|20)\d\d-\d\d', text), name


def test_dates_move_with_today() -> None:
    ruth, *_ = teaching_patients(TODAY)
    (fusion,) = [item for item in resources(ruth) if item["id"] == "ruth-procedure-1"]
    assert fusion["performedDateTime"] == "2025-07-22"
    assert ruth.order["authoredOn"] == "2026-11-22T09:30:00Z"


def test_the_age_in_the_list_is_the_age_in_the_chart() -> None:
    for patient in teaching_patients(TODAY):
        person = resources(patient)[0]
        name = person["name"][0]
        age = TODAY.year - int(person["birthDate"][:4])
        assert patient.patient == f"{name['given'][0]} {name['family']}, {age}"


def test_an_order_that_is_also_in_the_chart_is_the_same_order() -> None:
    for patient in teaching_patients(TODAY):
        copies = [r for r in resources(patient)[:-1] if r["id"] == patient.order["id"]]
        assert copies in ([], [patient.order])


def test_expectations_name_an_indicator_or_none_for_every_hook() -> None:
    for patient in teaching_patients(TODAY):
        assert list(patient.expect) == [
            "text",
            "order-sign",
            "order-select",
            "patient-view",
            "appointment-book",
            "order-dispatch",
        ]
        assert {patient.expect[hook] for hook in list(patient.expect)[1:]} <= {"info", "warning", None}


def test_every_patient_says_in_a_sentence_or_two_what_there_is_to_learn() -> None:
    for patient in teaching_patients(TODAY):
        assert 1 <= len(re.findall(r"[.](?: |$)", patient.why)) <= 2, patient.why
        assert len(patient.story) <= 90, patient.story


def test_an_appointment_is_for_the_order_and_still_to_come() -> None:
    booked = [patient for patient in teaching_patients(TODAY) if patient.appointment]
    assert len(booked) >= 5
    for patient in booked:
        assert patient.appointment["basedOn"] == [{"reference": f"ServiceRequest/{patient.order['id']}"}]
        assert patient.appointment["serviceType"] == [patient.order["code"]]
        assert patient.appointment["start"][:10] == patient.order["occurrenceDateTime"] > TODAY.isoformat()


def test_there_are_charts_long_enough_for_a_timeline() -> None:
    sizes = [len(patient.chart["entry"]) for patient in teaching_patients(TODAY)]
    assert len([size for size in sizes if size >= 25]) >= 6


def test_references_between_a_chart_s_own_resources_lead_somewhere() -> None:
    for patient in teaching_patients(TODAY):
        there = {f"{each['resourceType']}/{each['id']}" for each in resources(patient)}
        said = {place["reference"] for place in places(resources(patient)) if is_reference(place)}
        outside = {
            reference for reference in said - there if not reference.startswith(("Practitioner/", "Organization/"))
        }
        assert outside == set(), patient.id


def is_reference(place: Any) -> bool:
    return isinstance(place, dict) and isinstance(place.get("reference"), str)


def test_the_patients_that_the_page_on_sandboxes_names_are_there() -> None:
    page = (Path(__file__).parent.parent / "docs" / "sandbox.md").read_text("utf-8")
    named = set(re.findall(r"^\| ([A-Z]\w+ [A-Z]\w+) \| `([a-z-]+)` \|", page, re.MULTILINE))
    people = {patient.patient.partition(",")[0]: resources(patient)[0]["id"] for patient in teaching_patients(TODAY)}
    assert len(named) >= 5
    assert named <= set(people.items())


def test_a_wrong_date_is_reported_with_file_and_place() -> None:
    text = json.dumps({"id": "x", "chart": {"entry": [{"resource": {"onsetDateTime": "@-6w"}}]}})
    with pytest.raises(UnreadableChart) as problem:
        read_patient("x.json", text, TODAY)
    assert str(problem.value) == (
        "x.json > chart > entry > 0 > resource > onsetDateTime: not a date: '@-6w'. "
        "Write it like '@-40d', '@-18m', '@+2y' or '@0dT09:30:00Z'."
    )


@pytest.mark.parametrize(
    ("day", "count", "unit", "expected"),
    [
        (date(2026, 3, 31), -1, "m", date(2026, 2, 28)),
        (date(2026, 1, 15), -1, "m", date(2025, 12, 15)),
        (date(2026, 12, 1), 1, "m", date(2027, 1, 1)),
        (date(2028, 2, 29), -1, "y", date(2027, 2, 28)),
        (date(2026, 3, 1), -1, "d", date(2026, 2, 28)),
    ],
)
def test_months_and_years_end_on_a_day_that_exists(day: date, count: int, unit: str, expected: date) -> None:
    assert shifted(day, count, unit) == expected
