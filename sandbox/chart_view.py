"""A teaching patient's chart as the mock EHR's page shows it: banner, order, tidy sections."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from fixtures.teaching import TeachingPatient
from sandbox import chart_rows
from sandbox.chart_rows import Row
from sandbox.fhir_words import code, day, words

Json = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """One part of the chart; `refused` is what the service is answered instead of it, empty when it may read it."""

    id: str
    title: str
    rows: list[Row]
    refused: str


def chart_view(patient: TeachingPatient, today: date) -> Json:
    return {
        "id": patient.id,
        "title": patient.title,
        "patient": patient.patient,
        "story": patient.story,
        "expect": patient.expect,
        "banner": banner(patient, today),
        "order": order_view(patient.order),
        "sections": [asdict(section) for section in sections(patient)],
    }


def banner(patient: TeachingPatient, today: date) -> dict[str, str]:
    person = of_type(patient, "Patient")[0]
    born = date.fromisoformat(person["birthDate"])
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    visit = next(encounter for encounter in of_type(patient, "Encounter") if encounter["status"] == "in-progress")
    return {
        "name": f"{person['name'][0]['family']}, {person['name'][0]['given'][0]}",
        "age": f"{age} years",
        "sex": person["gender"],
        "born": day(person["birthDate"]),
        "mrn": person["identifier"][0]["value"],
        "visit": words(visit["type"][0]),
        "user": patient.user["display"],
    }


def order_view(order: Json) -> Json:
    return {
        "what": words(order["code"]),
        "code": code(order["code"]),
        "status": order["status"],
        "priority": order["priority"],
        "planned": day(order["occurrenceDateTime"]),
        "requester": order["requester"]["display"],
        "reasons": [f"{words(reason)} ({code(reason)})" for reason in order["reasonCode"]],
        "note": order["note"][0]["text"],
    }


def sections(patient: TeachingPatient) -> list[Section]:
    procedures = newest_first(of_type(patient, "Procedure"), "performedDateTime")
    operations = [item for item in procedures if item["category"]["text"] != "Therapy"]
    therapy = [item for item in procedures if item["category"]["text"] == "Therapy"]
    conditions = newest_first(of_type(patient, "Condition"), "onsetDateTime")
    medications = newest_first(of_type(patient, "MedicationRequest"), "authoredOn")
    orders = newest_first(of_type(patient, "ServiceRequest"), "authoredOn")
    observations = of_type(patient, "Observation")
    plans = [chart_rows.plan(item) for item in of_type(patient, "CarePlan")]
    listed: list[tuple[str, str, str, list[Row]]] = [
        ("problems", "Problems", "conditions", [chart_rows.problem(item) for item in conditions]),
        ("procedures", "Procedures and imaging", "procedures", [chart_rows.procedure(item) for item in operations]),
        ("therapy", "Therapy and care plan", "procedures", plans + [chart_rows.visits(s) for s in alike(therapy)]),
        ("scores", "Scores", "observations", [chart_rows.scores(same) for same in alike(observations)]),
        ("medications", "Medications", "medications", [chart_rows.medication(item) for item in medications]),
        ("orders", "Orders and referrals", "service_requests", [chart_rows.request(item) for item in orders]),
    ]
    return [Section(name, title, rows, refusal(patient, lane)) for name, title, lane, rows in listed]


def refusal(patient: TeachingPatient, lane: str) -> str:
    answer = patient.unreadable.get(lane)
    return f"{answer['status']}: {answer['text']}" if answer else ""


def of_type(patient: TeachingPatient, kind: str) -> list[Json]:
    resources = [entry["resource"] for entry in patient.chart["entry"]]
    return [resource for resource in resources if resource["resourceType"] == kind]


def newest_first(resources: list[Json], dated_by: str) -> list[Json]:
    return sorted(resources, key=lambda resource: str(resource[dated_by]), reverse=True)


def alike(resources: Iterable[Json]) -> list[list[Json]]:
    """Resources with the same words together, oldest first."""
    groups: dict[str, list[Json]] = {}
    for resource in resources:
        groups.setdefault(words(resource["code"]), []).append(resource)
    oldest_first = "effectiveDateTime"
    return [sorted(g, key=lambda r: str(r.get(oldest_first) or r.get("performedDateTime"))) for g in groups.values()]
