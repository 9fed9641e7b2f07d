"""The searches that tests answer from a chart in memory, as a FHIR server would."""

from typing import Any

from chart_search import fill

CHART = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "p"}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "odi",
                "subject": {"reference": "Patient/p"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "97909-6"}]},
            }
        },
        {"resource": {"resourceType": "Observation", "id": "uncoded", "subject": {"reference": "Patient/p"}}},
        {"resource": {"resourceType": "Observation", "id": "foreign", "subject": {"reference": "Patient/other"}}},
        {
            "resource": {
                "resourceType": "Appointment",
                "id": "a",
                "participant": [{"status": "accepted"}, {"actor": {"reference": "Patient/p"}}],
            }
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "m",
                "subject": {"reference": "Patient/p"},
                "medicationReference": {"reference": "Medication/naproxen"},
            }
        },
        {"resource": {"resourceType": "Medication", "id": "naproxen"}},
    ],
}


def answered(query: str) -> Any:
    return fill({"lane": query}, CHART, {"patientId": "p"})["lane"]


def found(query: str) -> list[str]:
    return [entry["resource"]["id"] for entry in answered(query)["entry"]]


def test_a_template_that_the_context_cannot_fill_is_left_out() -> None:
    templates = {"visit": "Encounter/{{context.encounterId}}", "who": "Patient/{{context.patientId}}"}
    assert fill(templates, CHART, {"patientId": "p"}) == {"who": {"resourceType": "Patient", "id": "p"}}


def test_a_read_of_what_is_not_there_is_null() -> None:
    assert answered("Patient/nobody") is None


def test_a_search_keeps_to_the_patient() -> None:
    assert found("Observation?patient={{context.patientId}}") == ["odi", "uncoded"]
    assert found("Appointment?patient={{context.patientId}}") == ["a"]


def test_a_search_by_code_takes_a_list_percent_encoded_or_not() -> None:
    assert found("Observation?patient=p&code=http%3A%2F%2Floinc.org%7C97909-6,http%3A%2F%2Floinc.org%7C1-8") == ["odi"]
    assert found("Observation?patient=p&code=http://loinc.org|97909-6") == ["odi"]
    assert found("Observation?patient=p&code=97909-6") == ["odi"]
    assert found("Observation?patient=p&code=http://snomed.info/sct|97909-6") == []


def test_included_medications_are_marked_and_not_counted() -> None:
    bundle = answered("MedicationRequest?patient=p&_include=MedicationRequest:medication")
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "include"]
    assert bundle["entry"][1]["fullUrl"].endswith("/Medication/naproxen")
    assert bundle["total"] == 1


def test_a_page_that_is_not_all_says_so() -> None:
    bundle = answered("Observation?patient=p&_count=1")
    assert (len(bundle["entry"]), bundle["total"]) == (1, 2)
    assert [link["relation"] for link in bundle["link"]] == ["self", "next"]


def test_a_search_the_mock_ehr_cannot_do_is_an_error_and_never_everything() -> None:
    assert answered("Observation?patient=p&date=ge2020")["issue"] == [
        {"severity": "error", "code": "not-supported", "diagnostics": "The mock EHR cannot search Observation by date."}
    ]
