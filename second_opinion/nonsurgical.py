"""Nonsurgical care in the record: received, only ordered, declined, or impossible to place."""

from collections.abc import Iterable

from msgspec import Struct

from second_opinion.durations import Duration
from second_opinion.record import TAKEN, Event, Events, PatientRecord

_LANES = ("procedures", "care_plans", "encounters", "service_requests", "medications")
_RECEIVED = {
    "Procedure": ("completed", "in-progress"),
    "CarePlan": ("completed", "in-progress"),
    "Encounter": ("finished",),
    "MedicationRequest": tuple(TAKEN),
    "MedicationStatement": tuple(TAKEN),
    "MedicationDispense": tuple(TAKEN),
    "MedicationAdministration": (*TAKEN, "in-progress"),
}
_ORDERED = (
    "draft", "active", "on-hold", "completed", "preparation", "not-started", "scheduled", "planned", "arrived",
    "triaged", "in-progress", "onleave", "intended",
)  # fmt: skip
_DECLINED = ("not-done", "not-taken", "declined")
_NO_PRESCRIPTION = ("proposal", "plan", "option")


class Care(Struct, frozen=True):
    """The nonsurgical care in the look-back. Only `received` counts; `aside` might have."""

    received: Events
    ordered: Events
    declined: Events
    aside: Events


def modalities(events: Iterable[Event]) -> tuple[str, ...]:
    """The forms of care among these, each once, in order of appearance.

    One visit may be coded as several. What never counts (opioids, education, referrals) has none.
    """
    forms = (meaning.modality for event in events for meaning in event.meanings if meaning.modality)
    return tuple(dict.fromkeys(forms))


def care_in(record: PatientRecord, look_back: Duration) -> Care:
    """Care of any form from `look_back` before the day we answer for up to that day."""
    since, until = look_back.before(record.as_of), record.as_of

    def lately(event: Event) -> bool:
        return event.on is None or (event.on <= until and (event.until or event.on) >= since)

    events = [event for name in _LANES for event in record[name].events if lately(event) and _is_care(event)]
    aside = [event for name in _LANES for event in record[name].aside if lately(event) and _might_be_care(event)]
    received: list[Event] = []
    rest: list[Event] = []
    for event in events:
        (received if _is_received(event) else rest).append(event)
    return Care(
        received=Events(received),
        ordered=Events(event for event in rest if event.status in _ORDERED and not event.do_not),
        declined=Events(event for event in rest if event.status in _DECLINED),
        aside=Events(aside),
    )


def _is_care(event: Event) -> bool:
    meaning = event.means("nonsurgical_care") or event.means("analgesics")
    return meaning is not None and meaning.kind != "opioid"


def _might_be_care(event: Event) -> bool:
    """An order set aside is still only an order."""
    is_order = event.resource == "ServiceRequest" or event.do_not
    return not is_order and _is_care(event) and bool(modalities((event,)))


def _is_received(event: Event) -> bool:
    return (
        event.status in _RECEIVED.get(event.resource, ())
        and bool(modalities((event,)))
        and event.on is not None
        and not event.do_not
        and event.intent not in _NO_PRESCRIPTION
        and not any(meaning.kind.endswith("_referral") for meaning in event.meanings)
    )
