"""What was done, ordered, declined or reported, of all time: each event with its lane and state, as it is shown.

Whether care counts as received is the core's to say (second_opinion/nonsurgical.py); this only sorts what it says.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct

from second_opinion.durations import Duration
from second_opinion.failure_signs import opioid_fills
from second_opinion.nonsurgical import care_in
from second_opinion.planned_surgery import SPINE_SURGERY
from second_opinion.record import TAKEN, Event, PatientRecord
from smart_app.review.wording import kind_words

_EVER = Duration(months=1200)
_DONE = ("completed", "in-progress", "finished")
_NOT_DONE = ("not-done", "cancelled", "revoked", "stopped", "noshow")
_CARE_SETS = ("nonsurgical_care", "analgesics")
_LANE_OF_MODALITY = {"injection": "injection", "medication": "medication"}
IMAGING = "spine_imaging"


class Item(Struct, frozen=True):
    """One event as it is shown. `state`: received, reported, ordered, declined or aside; `kind` as a heading."""

    lane: str
    state: str
    kind: str
    modality: str
    event: Event

    @property
    def first(self) -> date | None:
        return self.event.on

    @property
    def last(self) -> date | None:
        return self.event.until or self.event.on


def treatments(record: PatientRecord) -> tuple[Item, ...]:
    """Nonsurgical care of all time, opioids among it."""
    care = care_in(record, _EVER)
    items = [_treatment(event, _received_state(event)) for event in (*care.received, *opioid_fills(record))]
    items += [_treatment(event, _ordered_state(event)) for event in care.ordered]
    items += [_treatment(event, "declined") for event in care.declined]
    items += [_treatment(event, "aside") for event in care.aside]
    return tuple(items)


def operations(record: PatientRecord) -> tuple[Item, ...]:
    """Spine operations done, declined, or impossible to place; what is planned is none of them."""
    return tuple(_procedures(record, SPINE_SURGERY, "surgery"))


def images(record: PatientRecord) -> tuple[Item, ...]:
    """Imaging of the spine done, and what was ordered and is still open."""
    orders = record["service_requests"].events.of(IMAGING).with_status("draft", "active", "on-hold")
    ordered = [_item("imaging", "ordered", IMAGING, event) for event in orders if not event.do_not]
    return (*_procedures(record, IMAGING, "imaging"), *ordered)


def _procedures(record: PatientRecord, value_set: str, lane: str) -> Iterator[Item]:
    for event in record.procedures.events.of(value_set):
        if event.status in _DONE:
            yield _item(lane, _received_state(event), value_set, event)
        elif event.status in _NOT_DONE:
            yield _item(lane, "declined", value_set, event)
    for event in record.procedures.aside.of(value_set):
        yield _item(lane, "aside", value_set, event)


def _received_state(event: Event) -> str:
    return "reported" if event.reported else "received"


def _ordered_state(event: Event) -> str:
    """Care that has no modality never counts; done is done all the same."""
    counts = any(meaning.modality for meaning in event.meanings)
    is_visit = event.resource in ("Procedure", "Encounter") and event.status in _DONE
    took_place = is_visit or (event.resource.startswith("Medication") and event.status in TAKEN)
    is_referral = any(meaning.kind.endswith("_referral") for meaning in event.meanings)
    return _received_state(event) if took_place and not counts and not is_referral else "ordered"


def _item(lane: str, state: str, value_set: str, event: Event) -> Item:
    meaning = event.means(value_set)
    return Item(lane, state, kind_words(meaning.kind if meaning else ""), "", event)


def _treatment(event: Event, state: str) -> Item:
    meanings = [meaning for meaning in event.meanings if meaning.value_set in _CARE_SETS]
    meaning = next((each for each in meanings if each.modality), meanings[0])
    kind = meaning.kind.removesuffix("_referral")
    modality = meaning.modality or ("opioid" if kind == "opioid" else _modality_of(kind))
    in_lane = "medication" if modality == "opioid" else _LANE_OF_MODALITY.get(modality, "care")
    return Item(in_lane, state, kind_words(kind), modality, event)


def _modality_of(kind: str) -> str:
    """A referral stands with the care it asks for."""
    return _MODALITY_OF.get(kind, "")


_MODALITY_OF = {
    "physical_therapy": "physical_therapy", "exercise": "physical_therapy", "spinal_manipulation": "manipulation",
    "psychological": "psychological", "rehabilitation": "interdisciplinary_rehab",
}  # fmt: skip


def grouped(items: Iterable[Item]) -> dict[str, list[Item]]:
    """By modality, in order of appearance."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.modality, []).append(item)
    return groups
