"""Nonsurgical care in the record: received, only ordered, declined, or impossible to place."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from second_opinion.durations import Duration
from second_opinion.record import TAKEN, Event, Events, PatientRecord

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


def modality_of(event: Event) -> str:
    """Which of the forms of care it is; '' for what never counts (opioids, education, referrals)."""
    return next((meaning.modality for meaning in event.meanings if meaning.modality), "")


def care_in(record: PatientRecord, look_back: Duration) -> Care:
    """Care of any form from `look_back` before the day we answer for up to that day."""
    since, until = look_back.before(record.as_of), record.as_of
    events = Events(_care_events(record, aside=False))
    lately = events.between(since, until)
    undated = [event for event in events if event.on is None]
    received: list[Event] = []
    rest: list[Event] = undated
    for event in lately:
        (received if _is_received(event) else rest).append(event)
    aside = [event for event in _care_events(record, aside=True) if modality_of(event) and not event.do_not]
    return Care(
        received=Events(received),
        ordered=Events(event for event in rest if event.status in _ORDERED and not event.do_not),
        declined=Events(event for event in rest if event.status in _DECLINED),
        aside=Events(event for event in aside if event.on is None or Events((event,)).between(since, until)),
    )


def _care_events(record: PatientRecord, aside: bool) -> Iterator[Event]:
    for name in ("procedures", "care_plans", "encounters", "service_requests", "medications"):
        lane = record[name]
        for event in lane.aside if aside else lane.events:
            # An order set aside is still only an order.
            if aside and event.resource == "ServiceRequest":
                continue
            meaning = event.means("nonsurgical_care") or event.means("analgesics")
            if meaning and meaning.kind != "opioid":
                yield event


def _is_received(event: Event) -> bool:
    return (
        event.status in _RECEIVED.get(event.resource, ())
        and bool(modality_of(event))
        and event.on is not None
        and not event.do_not
        and event.intent not in _NO_PRESCRIPTION
        and not any(meaning.kind.endswith("_referral") for meaning in event.meanings)
    )


def modalities(events: Iterable[Event]) -> tuple[str, ...]:
    """The forms of care among these, each once, in order of appearance."""
    return tuple(dict.fromkeys(modality for event in events if (modality := modality_of(event))))
