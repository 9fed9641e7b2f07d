"""Finds the operation everything else is about: all spine operations ordered in one go are one planned operation."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from second_opinion.durations import duration
from second_opinion.limits import Limits, Page
from second_opinion.record import Event, Events, PatientRecord
from second_opinion.texts import KINDS_BY_INVASIVENESS
from second_opinion.value_sets import Regions

SPINE_SURGERY = "spine_surgery"
TRIGGER_KINDS = KINDS_BY_INVASIVENESS
AGAINST_INFECTION_TRAUMA_TUMOUR = "infection_trauma_tumor"
PAGE = Page("planned_surgery.yaml")

_CLOSED = ("revoked", "entered-in-error", "completed", "cancelled", "noshow", "fulfilled")
_OPEN = ("draft", "active", "on-hold")
_INTENTS = ("order", "plan", "proposal", "original-order", "instance-order")
_OPEN_ACTIVITY = ("not-started", "scheduled", "in-progress", "on-hold")
_OPEN_PLAN = ("draft", "active", "on-hold", "unknown", "")
_OPEN_APPOINTMENT = ("proposed", "pending", "booked")
_PRIORITIES = ("stat", "asap", "urgent", "routine", "")
_A_DAY = duration("1 day")  # the EHR's clock may be a day ahead of ours


class PlannedSurgery(Struct, frozen=True):
    """The index procedure: `kind` is the most invasive ordered, `regions` the union, `priority` the most urgent."""

    kind: str
    regions: Regions
    orders: tuple[str, ...]
    label: str
    by: str
    priority: str
    events: Events

    @property
    def reasons(self) -> Events:
        """The diagnoses that the orders give."""
        return Events(reason for event in self.events for reason in event.reasons)

    @property
    def orders_behind(self) -> frozenset[str]:
        """The orders, and those that an appointment or a plan is based on."""
        return frozenset(self.orders).union(*(event.based_on for event in self.events))

    @property
    def requester(self) -> frozenset[str]:
        """Whoever ordered it, by any name."""
        return frozenset().union(*(event.requester for event in self.events))


def in_orders(
    record: PatientRecord, selections: Iterable[str] | None = None, orders: Events | None = None
) -> PlannedSurgery | None:
    """The operation in the hook's own orders (or these): all of them, or those selected ('ServiceRequest/9')."""
    wanted = None if selections is None else set(selections)
    return _planned(
        event
        for event in (record.orders if orders is None else orders)
        if event.resource in ("ServiceRequest", "Appointment")
        and event.status not in _CLOSED
        and (wanted is None or event.source in wanted)
    )


def in_chart(record: PatientRecord, limits: Limits | None = None) -> PlannedSurgery | None:
    """The operation that the chart itself shows as planned (patient-view, the app, screening)."""
    limits = limits or PAGE.limits_on(record.as_of)
    since, tomorrow = limits.open_order.before(record.as_of), _A_DAY.after(record.as_of)
    found: list[Event] = []
    for event in record["service_requests"].events:
        is_recent = event.on is None or since <= event.on <= tomorrow
        if event.status in _OPEN and event.intent in _INTENTS and is_recent:
            found.append(event)
    for event in record["care_plans"].events:
        if event.resource == "CarePlan" and event.status in _OPEN_ACTIVITY and event.plan_status in _OPEN_PLAN:
            found.append(event)
        elif event.resource == "ServiceRequest" and event.status in _OPEN and event.intent in _INTENTS:
            found.append(event)
    for event in record["appointments"].events:
        if event.status in _OPEN_APPOINTMENT and (event.on is None or event.on >= record.as_of):
            found.append(event)
    found += record.procedures.events.with_status("preparation")
    return _planned(found)


def as_told(kind: str, regions: Regions) -> PlannedSurgery:
    """An operation of which only this is known: a card was shown for it, and its order is not in the chart."""
    return PlannedSurgery(kind, regions, (), operation_words(kind, regions), "card", "", Events())


CHART_LANES = ("service_requests", "care_plans", "appointments", "procedures")


def _planned(candidates: Iterable[Event]) -> PlannedSurgery | None:
    events = Events(event for event in candidates if _is_trigger(event))
    operations = [event for event in events if _kind(event)]
    if not operations:
        return None
    main = min(operations, key=lambda event: TRIGGER_KINDS.index(_kind(event)))
    return PlannedSurgery(
        kind=_kind(main),
        regions=frozenset().union(*(_regions(event) for event in operations)),
        orders=tuple(dict.fromkeys(event.source for event in operations)),
        label=main.label,
        by=main.by,
        priority=min((event.priority for event in events), key=_urgency),
        events=events,
    )


def _is_trigger(event: Event) -> bool:
    if event.do_not or event.own or any(meaning.role == "second_opinion" for meaning in event.meanings):
        return False
    return bool(_kind(event)) or event.means(SPINE_SURGERY, (AGAINST_INFECTION_TRAUMA_TUMOUR,)) is not None


def _kind(event: Event) -> str:
    """The most invasive kind of operation among the event's codes; '' if none makes a planned operation."""
    kinds = [m.kind for m in event.meanings if m.value_set == SPINE_SURGERY and m.kind in TRIGGER_KINDS]
    return min(kinds, key=TRIGGER_KINDS.index, default="")


def _regions(event: Event) -> Regions:
    meant = (m.regions for m in event.meanings if m.value_set == SPINE_SURGERY and m.kind in TRIGGER_KINDS)
    return frozenset().union(*meant)


def _urgency(priority: str) -> int:
    return _PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES)


_KIND_WORDS = {
    "deformity": "deformity correction", "disc_arthroplasty": "disc replacement", "revision": "revision surgery",
    "interspinous_or_facet_implant": "interspinous or facet implant",
}  # fmt: skip
_REGION_WORDS = {
    frozenset(("cervical", "thoracic")): "cervicothoracic",
    frozenset(("thoracic", "lumbar")): "thoracolumbar",
}


@lru_cache(maxsize=256)
def operation_words(kind: str, regions: Regions) -> str:
    """'lumbar fusion', 'cervical disc replacement', 'spinal revision surgery'."""
    region = next(iter(regions)) if len(regions) == 1 else _REGION_WORDS.get(regions, "spinal")
    return f"{region} {_KIND_WORDS.get(kind, kind)}"


def event_words(event: Event) -> str:
    """The same for one event of the record."""
    return operation_words(_kind(event), _regions(event))
