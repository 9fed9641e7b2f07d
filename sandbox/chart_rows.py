"""One line of the mock EHR's chart for each kind of FHIR resource: what, when, status, code, note."""

from dataclasses import dataclass
from typing import Any

from sandbox.fhir_words import at, code, day, quantity, span, text_at, words

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    what: str
    when: str
    status: str = ""
    code: str = ""
    note: str = ""


def problem(condition: Json) -> Row:
    began, ended = text_at(condition, "onsetDateTime"), text_at(condition, "abatementDateTime")
    when = span(began, ended) if ended else f"since {day(began)}" if began else ""
    concept = condition.get("code")
    return Row(words(concept), when, text_at(condition, "clinicalStatus", "coding", 0, "code"), code(concept))


def procedure(done: Json) -> Row:
    notes = [text_at(done, "performer", 0, "actor", "display"), *_notes(done)]
    concept = done.get("code")
    when = text_at(done, "performedDateTime") or text_at(done, "performedPeriod", "start")
    return Row(words(concept), day(when), text_at(done, "status"), code(concept), ". ".join(filter(None, notes)))


def visits(same: list[Json]) -> Row:
    """Therapy visits of one kind, as one line; oldest first."""
    days = [text_at(visit, "performedDateTime") for visit in same]
    count = f"{len(same)} visits" if len(same) > 1 else "1 visit"
    concept = same[0].get("code")
    return Row(words(concept), span(days[0], days[-1]), text_at(same[0], "status"), code(concept), count)


def plan(care: Json) -> Row:
    when = span(text_at(care, "period", "start"), text_at(care, "period", "end"))
    what = text_at(care, "title") or words(at(care, "category", 0)) or "Care plan"
    concept = at(care, "activity", 0, "detail", "code")
    return Row(what, when, text_at(care, "status"), code(concept), text_at(care, "description"))


def medication(request: Json) -> Row:
    supply = text_at(request, "dispenseRequest", "expectedSupplyDuration", "value")
    repeats = text_at(request, "dispenseRequest", "numberOfRepeatsAllowed")
    dose = text_at(request, "dosageInstruction", 0, "text")
    supplied = ", ".join(filter(None, (supply and f"{supply} days' supply", repeats and f"{repeats} repeats")))
    concept = request.get("medicationCodeableConcept")
    what = words(concept) or text_at(request, "medicationReference", "display") or "Medication"
    since, status = text_at(request, "authoredOn"), text_at(request, "status")
    note = ". ".join(filter(None, (dose, supplied)))
    return Row(what, since and f"from {day(since)}", status, code(concept), note)


def scores(same: list[Json]) -> Row:
    """All values of one questionnaire, oldest first, so that the change can be read."""
    values = [f"{_value(score)} ({day(text_at(score, 'effectiveDateTime'))})" for score in same]
    concept = same[0].get("code")
    return Row(words(concept), day(text_at(same[-1], "effectiveDateTime")), "", code(concept), ", then ".join(values))


def request(order: Json) -> Row:
    reasons = ", ".join(words(reason) for reason in at(order, "reasonCode") or [])
    concept = order.get("code")
    return Row(words(concept), day(text_at(order, "authoredOn")), text_at(order, "status"), code(concept), reasons)


def appointment(booked: Json) -> Row:
    what = text_at(booked, "description") or words(at(booked, "serviceType", 0)) or "Appointment"
    return Row(what, day(text_at(booked, "start")), text_at(booked, "status"), note=words(at(booked, "reasonCode", 0)))


def statement(said: Json) -> Row:
    """A goal, a message, a consent, a form or a document: what the patient said, or what was agreed."""
    concept: Any = next((said[key] for key in ("description", "code", "category", "type", "scope") if key in said), {})
    concept = concept[0] if isinstance(concept, list) else concept
    dated = ("startDate", "sent", "dateTime", "authored", "date")
    when = next((str(said[key]) for key in dated if key in said), "")
    status = text_at(said, "status") or text_at(said, "lifecycleStatus")
    content = text_at(said, "payload", 0, "contentString")
    what = words(concept) or text_at(said, "description") or said["resourceType"]
    return Row(what, day(when), status, code(concept), ". ".join(filter(None, (content, *_notes(said)))))


def _notes(resource: Json) -> list[str]:
    return [text_at(note, "text") for note in at(resource, "note") or []]


def _value(score: Json) -> str:
    return (
        quantity(score.get("valueQuantity"))
        or words(score.get("valueCodeableConcept"))
        or text_at(score, "valueString")
    )
