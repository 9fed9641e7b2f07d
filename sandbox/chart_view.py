"""A patient's chart as the mock EHR's page shows it: banner, order, tidy sections."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from fixtures.teaching import TeachingPatient
from sandbox import chart_rows
from sandbox.chart_rows import Row
from sandbox.fhir_words import at, code, day, text_at, words

Json = dict[str, Any]

_STATEMENTS = ("Goal", "Communication", "Consent", "QuestionnaireResponse", "DocumentReference")


_ALWAYS = ("problems", "procedures", "therapy", "scores", "medications", "orders")


@dataclass(frozen=True)
class Section:
    """One part of the chart; `refused` is what the service is answered instead of it, empty when it may read it."""

    id: str
    title: str
    rows: list[Row]
    refused: str


class Chart:
    """The resources of one patient, as the EHR's own server gave them."""

    def __init__(self, resources: Iterable[Json]) -> None:
        self._resources = [each for each in resources if isinstance(each.get("resourceType"), str)]

    def of(self, *kinds: str, dated_by: str = "") -> list[Json]:
        """Newest first where `dated_by` names the date."""
        found = [each for each in self._resources if each["resourceType"] in kinds]
        return sorted(found, key=lambda each: text_at(each, dated_by), reverse=True) if dated_by else found


def chart_view(patient: TeachingPatient, chart: Chart, today: date) -> Json:
    return {
        "id": patient.id,
        "title": patient.title,
        "patient": patient.patient,
        "story": patient.story,
        "why": patient.why,
        "expect": patient.expect,
        "banner": banner(patient, chart, today),
        "order": order_view(patient.order),
        "sections": [asdict(section) for section in sections(patient, chart)],
    }


def banner(patient: TeachingPatient, chart: Chart, today: date) -> dict[str, str]:
    person = next(iter(chart.of("Patient")), {})
    visit = next((each for each in chart.of("Encounter") if text_at(each, "status") == "in-progress"), {})
    return {
        "name": name_of(person) or patient.patient,
        "age": age(text_at(person, "birthDate"), today),
        "sex": text_at(person, "gender"),
        "born": day(text_at(person, "birthDate")),
        "mrn": text_at(person, "identifier", 0, "value"),
        "visit": words(at(visit, "type", 0)),
        "user": patient.user["display"],
    }


def name_of(person: Json) -> str:
    family, given = text_at(person, "name", 0, "family"), text_at(person, "name", 0, "given", 0)
    return ", ".join(filter(None, (family, given))) or text_at(person, "name", 0, "text")


def age(born: str, today: date) -> str:
    try:
        birth = date.fromisoformat(born)
    except ValueError:
        return ""
    return f"{today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))} years"


def order_view(order: Json) -> Json:
    return {
        "id": order["id"],
        "what": words(order["code"]),
        "code": code(order["code"]),
        "status": order["status"],
        "priority": text_at(order, "priority"),
        "planned": day(text_at(order, "occurrenceDateTime")),
        "requester": text_at(order, "requester", "display"),
        "reasons": [f"{words(reason)} ({code(reason)})" for reason in order.get("reasonCode", [])],
        "note": text_at(order, "note", 0, "text"),
    }


def sections(patient: TeachingPatient, chart: Chart) -> list[Section]:
    procedures = chart.of("Procedure", dated_by="performedDateTime")
    therapy = [item for item in procedures if text_at(item, "category", "text") == "Therapy"]
    operations = [item for item in procedures if item not in therapy]
    problems = chart.of("Condition", dated_by="onsetDateTime")
    medications = chart.of("MedicationRequest", dated_by="authoredOn")
    orders = chart.of("ServiceRequest", dated_by="authoredOn")
    booked = chart.of("Appointment", dated_by="start")
    plans = [chart_rows.plan(item) for item in chart.of("CarePlan")]
    listed: list[tuple[str, str, str, list[Row]]] = [
        ("problems", "Problems", "conditions", [chart_rows.problem(item) for item in problems]),
        ("procedures", "Procedures and imaging", "procedures", [chart_rows.procedure(item) for item in operations]),
        ("therapy", "Therapy and care plan", "procedures", plans + [chart_rows.visits(s) for s in alike(therapy)]),
        ("scores", "Scores", "observations", [chart_rows.scores(same) for same in alike(chart.of("Observation"))]),
        ("medications", "Medications", "medications", [chart_rows.medication(item) for item in medications]),
        ("orders", "Orders and referrals", "service_requests", [chart_rows.request(item) for item in orders]),
        ("appointments", "Appointments", "appointments", [chart_rows.appointment(item) for item in booked]),
        ("statements", "Goals, messages and forms", "", [chart_rows.statement(s) for s in chart.of(*_STATEMENTS)]),
    ]
    return [
        Section(name, title, found, refusal(patient, lane))
        for name, title, lane, found in listed
        if found or name in _ALWAYS
    ]


def refusal(patient: TeachingPatient, lane: str) -> str:
    answer = patient.unreadable.get(lane)
    return f"{answer['status']}: {answer['text']}" if answer else ""


def alike(resources: Iterable[Json]) -> list[list[Json]]:
    """Resources with the same words together, oldest first."""
    groups: dict[str, list[Json]] = {}
    for resource in resources:
        groups.setdefault(words(resource.get("code")), []).append(resource)
    return [sorted(same, key=_dated) for same in groups.values()]


def _dated(resource: Json) -> str:
    return text_at(resource, "effectiveDateTime") or text_at(resource, "performedDateTime")
