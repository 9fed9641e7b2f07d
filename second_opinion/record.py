"""The patient as rules see them: lanes of dated, coded events, and how well each lane could be read."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from second_opinion.value_sets import Meaning, Regions

# Medication statuses that say: it was taken. A stopped medicine was taken until then.
TAKEN = frozenset(("active", "completed", "stopped"))


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """One dated, coded thing in the record. A Struct, not a dataclass: a chart makes hundreds, 10 times faster.

    `status` is FHIR's own word. `on` and `until` are its first and last day; for a moment they are the same.
    `aside` says why it cannot be placed safely (no date, unknown status); such events never count, only warn.
    """

    source: str
    resource: str = ""  # the FHIR type; of a diagnosis given as a code on an order: none
    status: str = ""
    on: date | None = None
    until: date | None = None
    rough: str = ""  # 'month' or 'year': the chart names no more, and it is read as the first day of that
    meanings: tuple[Meaning, ...] = ()
    label: str = ""
    by: str = "code"  # or "text"
    aside: str = ""
    # Conditions
    active: bool = False
    ended: date | None = None
    # Scores
    value: float | None = None
    unit: str = ""
    # Procedures, orders, encounters, appointments
    reasons: tuple["Event", ...] = ()
    reasons_given: bool = False  # whether any is, known to us or not
    reasons_unread: bool = False  # a reasonReference that could not be resolved
    outcome: str = ""
    note: str = ""
    priority: str = ""
    intent: str = ""
    who: frozenset[str] = frozenset()  # who did, or is to do it: references, identifiers, displays
    requester: frozenset[str] = frozenset()
    encounter: str = ""
    based_on: tuple[str, ...] = ()
    plan_status: str = ""  # of the CarePlan it stands in
    plan_intent: str = ""
    service: str = ""  # words that name the performers and their service
    do_not: bool = False
    own: bool = False  # our own referral, come back
    unread: str = ""  # what it says could not be read at all, and why
    emergency: bool = False  # an encounter of class EMER
    reported: str = ""  # who says that it was done, mostly elsewhere: 'patient', 'relative', 'clinician'

    @property
    def regions(self) -> Regions:
        """Where on the spine; empty when unknown. An unknown part drops out once a region is known."""
        return frozenset().union(*(meaning.regions for meaning in self.meanings))

    def as_reason_of(self, order: "Event") -> "Event":
        """This reason as what the order says, on the order's day."""
        return replace(
            self, source=order.source, resource=order.resource, on=order.on, until=order.on, rough=order.rough
        )

    def means(self, value_set: str, kinds: Iterable[str] = ()) -> Meaning | None:
        """Its first meaning in a value set (of these kinds, if any are named)."""
        for meaning in self.meanings:
            if meaning.value_set == value_set and (not kinds or meaning.kind in kinds):
                return meaning
        return None


def same_region(one: Regions, other: Regions) -> bool:
    """Regions intersect, or either is unknown."""
    return not one or not other or bool(one & other)


class Events(tuple[Event, ...]):
    """Events in order of date, undated ones first; each question gives fewer of them."""

    __slots__ = ()

    def of(self, value_set: str, *kinds: str) -> Self:
        """Those that mean something in this value set (of these kinds, if any are named)."""
        return type(self)([event for event in self if event.means(value_set, kinds)])

    def with_status(self, *statuses: str) -> Self:
        """Those with one of these FHIR statuses."""
        return type(self)([event for event in self if event.status in statuses])

    def in_region(self, regions: Regions) -> Self:
        """Those whose regions intersect these, or either is unknown."""
        return type(self)([event for event in self if same_region(event.regions, regions)])

    def between(self, first: date, last: date) -> Self:
        """Those that touch the days from first to last, both included; undated ones never do."""
        return type(self)([e for e in self if e.on and e.on <= last and (e.until or e.on) >= first])

    def beginning(self, first: date, last: date) -> Self:
        """Those whose first day lies from first to last, both included."""
        return type(self)([event for event in self if event.on and first <= event.on <= last])

    def latest(self) -> Event | None:
        """The one that began last; None when none has a date."""
        dated = [event for event in self if event.on]
        return max(dated, key=lambda event: event.on or date.min) if dated else None


class Reading(StrEnum):
    """How well a lane was read. Only a complete one can say 'not found'."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNAVAILABLE = "unavailable"


class Unread(Struct, frozen=True):
    """A resource, or part of one, that could not be read, and why."""

    reference: str
    why: str


class Lane(Struct, frozen=True):
    """One kind of chart data: its events, what was set aside, and how well it was read."""

    name: str
    state: Reading
    why: tuple[str, ...] = ()
    count: int = 0
    events: Events = Events()
    aside: Events = Events()
    unread: tuple[Unread, ...] = ()

    @property
    def complete(self) -> bool:
        return self.state is Reading.COMPLETE


class Person(Struct, frozen=True):
    """What the rules need of the Patient: birth (as early as the date written allows) and death."""

    reference: str = ""
    born: date | None = None
    deceased: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """What a clinician answered to an earlier card about this patient, and how near that card is to the case now."""

    reason: str  # the code of an override reason, or 'accepted'
    on: date
    card: str = ""
    kind: str = ""  # of the operation that the card was about
    regions: Regions = frozenset()
    same_orders: bool = False  # the card was about the very orders judged now
    same_user: bool = False


class PatientRecord(Struct, frozen=True):
    """All that a rule may look at. `orders` are those in the hook's context, not yet in the chart."""

    as_of: date
    person: Person
    lanes: Mapping[str, Lane]
    orders: Events = Events()
    references: frozenset[str] = frozenset()  # of every resource that was read
    # What a register of payments says of an NPI: a neutral line, or None. Not set where no register is configured.
    payments: Callable[[str], str | None] | None = None
    answers: tuple[Answer, ...] = ()
    skipped: tuple[Unread, ...] = ()  # orders in the hook's context that were not judged, and why

    def __getitem__(self, lane: str) -> Lane:
        return self.lanes[lane]

    @property
    def procedures(self) -> Lane:
        return self.lanes["procedures"]

    @property
    def conditions(self) -> Lane:
        return self.lanes["conditions"]

    @property
    def observations(self) -> Lane:
        return self.lanes["observations"]

    @property
    def medications(self) -> Lane:
        return self.lanes["medications"]

    @property
    def encounters(self) -> Lane:
        return self.lanes["encounters"]

    def not_complete(self, *lanes: str) -> tuple[str, ...]:
        """Which of these lanes could not be read in full."""
        return tuple([name for name in lanes if self.lanes[name].state is not Reading.COMPLETE])
