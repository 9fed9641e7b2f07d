"""Whose charts can be opened: the teaching patients, or those of an external FHIR server, read as if they were some."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from fixtures.teaching import TeachingPatient, teaching_patients
from sandbox.chart_view import Chart, name_of
from sandbox.fhir_side import Behind, patients_called
from sandbox.fhir_words import day, text_at
from sandbox.filling import fill
from sandbox.screens import CPT, PROCEDURES
from second_opinion.data_needs import prefetch_templates

Json = dict[str, Any]

_SECONDS = 10.0  # a person waits for a screen longer than a hook call may
_USER = {"id": "Practitioner/visitor", "display": "You, as a spine surgeon"}


def find(behind: Behind, patient_id: str, today: date) -> TeachingPatient | None:
    if not behind.external:
        return next((patient for patient in teaching_patients(today) if patient.id == patient_id), None)
    person = behind.own.get(f"Patient/{patient_id}", _SECONDS)
    return visitor(person.body, today) if person.is_fine and person.body else None


def listed(behind: Behind, name: str) -> list[Json]:
    """Those of an external server who are called so, as the list shows them."""
    found = [each for each in patients_called(behind.own, name, _SECONDS) if each.get("resourceType") == "Patient"]
    return [
        {"id": each["id"], "patient": name_of(each) or each["id"], "title": born(each)}
        for each in found
        if "id" in each
    ]


def born(person: Json) -> str:
    said = text_at(person, "gender"), text_at(person, "birthDate") and f"born {day(text_at(person, 'birthDate'))}"
    return ", ".join(filter(None, said))


def visitor(person: Json, today: date) -> TeachingPatient:
    """Somebody about whom nothing is promised, with a fusion to order."""
    planned = PROCEDURES[0]
    order = {
        "resourceType": "ServiceRequest",
        "id": f"draft-{uuid4()}",
        "status": "draft",
        "intent": "order",
        "priority": "routine",
        "code": {
            "coding": [{"system": CPT, "code": planned.code, "display": planned.words}],
            "text": planned.words,
        },
        "subject": {"reference": f"Patient/{person['id']}"},
        "occurrenceDateTime": (today + timedelta(days=28)).isoformat(),
        "authoredOn": today.isoformat(),
        "requester": {"reference": _USER["id"], "display": _USER["display"]},
        "reasonCode": [],
    }
    return TeachingPatient(
        id=person["id"], title="", patient=name_of(person) or person["id"], story="", expect={}, why="",
        user=_USER, order=order, chart={"entry": []},
    )  # fmt: skip


def chart_of(behind: Behind, patient: TeachingPatient) -> Chart:
    """What the EHR's own server holds, by the searches that the rules need."""
    return Chart(resources_in(fill(templates(), {"patientId": fhir_id(patient)}, behind.own, _SECONDS).prefetch))


def templates() -> dict[str, str]:
    return prefetch_templates("patient-view")


def resources_in(prefetch: Json) -> list[Json]:
    answers = [each for each in prefetch.values() if each]
    entries = [entry.get("resource", {}) for each in answers for entry in each.get("entry", [])]
    return [*entries, *(each for each in answers if each.get("resourceType") == "Patient")]


def fhir_id(patient: TeachingPatient) -> str:
    return str(patient.order["subject"]["reference"]).partition("/")[2]


def begun_anew(behind: Behind, patient: TeachingPatient) -> None:
    """What was created since is deleted, and the order is as it was. On somebody else's server nothing is changed."""
    if behind.external:
        return
    put_back(behind, patient)
    ours = {(each["resource"]["resourceType"], each["resource"]["id"]) for each in patient.chart["entry"]}
    prefetch = fill(templates(), {"patientId": fhir_id(patient)}, behind.own, _SECONDS).prefetch
    for each in resources_in(prefetch):
        if (each.get("resourceType"), each.get("id")) not in ours:
            behind.own.delete(f"{each['resourceType']}/{each['id']}", _SECONDS)


def put_back(behind: Behind, patient: TeachingPatient) -> bool:
    """The order as the chart has it; False if it is not in the chart."""
    whole = [entry["resource"] for entry in patient.chart["entry"]]
    order = next((each for each in whole if each["id"] == patient.order["id"]), None)
    return order is not None and behind.own.put(order, _SECONDS).is_fine
