"""Visits close together become one mark that counts them: what timeline and treatments draw and list."""

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct

from second_opinion.plain_words import listed, plain, spoken_date
from second_opinion.record import Event
from smart_app.review.care import Item

CLOSE_DAYS = 24  # visits this close are one course: weekly care with a holiday in it
OF_ONE_KIND = ("care", "medication", "injection", "imaging")
# Where some of a course are visits, only those are counted: a care plan around them is not one more.
_VISITS = ("Procedure", "Encounter")


class Mark(Struct, frozen=True):
    """One bar or point: what, when, how it came about, and what it rests on."""

    lane: str
    kind: str
    state: str
    label: str
    first: date | None
    last: date | None
    count: int
    events: tuple[Event, ...]
    by: str = ""  # who gave it
    from_text: bool = False
    outcome: str = ""
    note: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(event.source for event in self.events))

    def rough(self, day: date | None) -> str:
        """How roughly the chart names a day that it begins or ends on: 'month', 'year', or '' for the day itself."""
        return roughness_of(day, self.events)

    @property
    def when(self) -> str:
        """'2 May 2024', 'May 2024 to 3 Jun 2024', '2019'."""
        first, last = (spoken_date(day, self.rough(day)) for day in (self.first, self.last or self.first))
        return first if last == first else f"{first} to {last}"


def roughness_of(day: date | None, events: Iterable[Event]) -> str:
    """'month' or 'year' if one of these events begins or ends on a day of which the chart has no more."""
    return next((event.rough for event in events if event.rough and day in (event.on, event.until)), "")


def courses(items: Iterable[Item], days: int = CLOSE_DAYS) -> tuple[Mark, ...]:
    """One mark for each course of the same care; `days` without any end it."""
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.lane, item.kind, item.state), []).append(item)
    return tuple(_mark(course) for group in groups.values() for course in _courses(group, days))


def _courses(items: list[Item], days: int) -> Iterator[list[Item]]:
    """Runs of items with no longer gap between them, and those without a date as one.

    An operation, a refusal or a wish stands alone, as long as there are not too many of them.
    """
    course: list[Item] = []
    end = date.min
    for item in sorted(items, key=lambda item: item.first or date.min):
        may_merge = days > CLOSE_DAYS or (item.lane in OF_ONE_KIND and item.state != "declined")
        if course and not (may_merge and ((item.first or date.min) - end).days <= days):
            yield course
            course, end = [], date.min
        course.append(item)
        end = max(end, item.last or date.min)
    yield course


def _mark(course: list[Item]) -> Mark:
    first, events = course[0], [item.event for item in course]
    days = [item.last for item in course if item.last]
    visits = [event for event in events if event.resource in _VISITS]
    return Mark(
        lane=first.lane,
        kind=first.kind,
        state=first.state,
        label=_few(dict.fromkeys(event.label for event in events)),
        first=first.first,
        last=max(days, default=None),
        count=len(visits or events),
        events=tuple(events),
        by=_few(dict.fromkeys(plain(event.service) for event in events if event.service)),
        from_text=any(event.by == "text" for event in events),
        outcome=next((event.outcome for event in reversed(events) if event.outcome), ""),
        note=next((plain(event.note) for event in events if event.note), ""),
    )


def _few(words: Iterable[str]) -> str:
    """The first two of them, and how many more."""
    first, rest = (every := list(words))[:2], every[2:]
    return f"{', '.join(first)} and {len(rest)} more" if rest else listed(first)
