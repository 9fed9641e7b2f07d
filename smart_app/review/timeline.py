"""The timeline: lanes of marks from the first event to the planned operation; visits close together become one bar."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import chain

from msgspec import Struct

from second_opinion.durations import Duration
from second_opinion.plain_words import plain
from second_opinion.record import Event, PatientRecord
from smart_app.case import Case
from smart_app.review.care import Item, images, operations, treatments
from smart_app.review.wishes import wishes
from smart_app.review.wording import WORDING

_LANES = ("surgery", "care", "injection", "medication", "imaging", "wishes")
_CLOSE_DAYS = 24  # visits this close are one course: weekly care with a holiday in it
_MOST_MARKS = 300
_MOST_DAYS = 3650
_MOST_ROWS = 14
_OF_ONE_KIND = ("care", "medication", "injection", "imaging")
_YEAR = Duration(months=12)


class Mark(Struct, frozen=True):
    """One bar or point: what, when, how it came about, and what it rests on."""

    lane: str
    kind: str
    state: str
    label: str
    first: date | None
    last: date | None
    count: int
    sources: tuple[str, ...]
    by: str = ""  # who gave it
    from_text: bool = False
    outcome: str = ""
    note: str = ""


class Row(Struct, frozen=True):
    """One line of the chart: the places of its marks among all of them."""

    lane: str
    name: str
    marks: tuple[int, ...]


class Timeline(Struct, frozen=True):
    """`marks` in order of date, undated ones first; `rows` for the chart."""

    marks: tuple[Mark, ...]
    rows: tuple[Row, ...]
    planned: date | None
    planned_label: str
    first: date
    last: date
    last_operation: date | None


def timeline_of(case: Case) -> Timeline:
    record, surgery = case.assessment.record, case.assessment.surgery
    planned_sources = frozenset(surgery.orders) if surgery else frozenset[str]()
    items = [item for item in _items(record) if item.event.source not in planned_sources]
    marks = tuple(sorted(_marks(items), key=lambda mark: (mark.first or date.min, mark.lane)))
    planned = max((event.on for event in surgery.events if event.on), default=record.as_of) if surgery else None
    days = [day for mark in marks for day in (mark.first, mark.last) if day]
    done = [item.first for item in items if item.lane == "surgery" and item.state == "received" and item.first]
    return Timeline(
        marks=marks,
        rows=_rows(marks),
        planned=planned,
        planned_label=plain(surgery.label, 120) if surgery else "",
        first=min((*days, _YEAR.before(record.as_of))),
        last=max((*days, record.as_of, *([planned] if planned else []))),
        last_operation=max(done, default=None),
    )


def _items(record: PatientRecord) -> Iterable[Item]:
    return chain(operations(record), treatments(record), images(record), wishes(record))


def _marks(items: Iterable[Item]) -> tuple[Mark, ...]:
    """As few as can be read: what is close together is merged, closer and closer until there are not too many."""
    items, days = tuple(items), _CLOSE_DAYS
    while len(marks := courses(items, days)) > _MOST_MARKS and days < _MOST_DAYS:
        days *= 2
    return marks


def courses(items: Iterable[Item], days: int = _CLOSE_DAYS) -> tuple[Mark, ...]:
    """One mark for each course of the same care; `days` without any end it."""
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.lane, item.kind, item.state), []).append(item)
    return tuple(_mark(course) for group in groups.values() for course in _courses(group, days))


def _courses(items: list[Item], days: int) -> Iterator[list[Item]]:
    """Runs of items with no longer gap between them; what has no date stands alone, as does what was only said."""
    course: list[Item] = []
    end = date.min
    for item in sorted(items, key=lambda item: item.first or date.min):
        merges = item.lane in _OF_ONE_KIND and item.first is not None and item.state != "declined"
        if course and merges and item.first and (item.first - end).days <= days:
            course.append(item)
        else:
            if course:
                yield course
            course = [item]
            end = date.min
        end = max(end, item.last or date.min)
    yield course


def _mark(course: list[Item]) -> Mark:
    first, events = course[0], [item.event for item in course]
    days = [item.last for item in course if item.last]
    labels = list(dict.fromkeys(event.label for event in events))
    return Mark(
        lane=first.lane,
        kind=first.kind,
        state=first.state,
        label=labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more",
        first=first.first,
        last=max(days, default=None),
        count=len(events),
        sources=tuple(dict.fromkeys(event.source for event in events)),
        by=_performers(events),
        from_text=any(event.by == "text" for event in events),
        outcome=next((event.outcome for event in reversed(events) if event.outcome), ""),
        note=next((plain(event.note) for event in events if event.note), ""),
    )


def _performers(events: Iterable[Event]) -> str:
    names = list(dict.fromkeys(plain(event.service) for event in events if event.service))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" if names else ""


def _rows(marks: tuple[Mark, ...]) -> tuple[Row, ...]:
    """A row for each kind of care; with too many kinds, one for each lane."""
    by_kind = _grouped(marks, lambda mark: mark.kind if mark.lane in _OF_ONE_KIND else "")
    return by_kind if len(by_kind) <= _MOST_ROWS else _grouped(marks, lambda mark: "")


def _grouped(marks: tuple[Mark, ...], kind_of: Callable[[Mark], str]) -> tuple[Row, ...]:
    places: dict[tuple[str, str], list[int]] = {}
    for place, mark in enumerate(marks):
        if mark.first:
            places.setdefault((mark.lane, kind_of(mark)), []).append(place)
    in_order = sorted(places, key=lambda key: _LANES.index(key[0]))
    return tuple(Row(lane, kind or WORDING["lanes"][lane], tuple(places[lane, kind])) for lane, kind in in_order)
