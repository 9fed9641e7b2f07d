"""The timeline: lanes of marks from the first event to the planned operation; visits close together become one bar."""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import chain

from msgspec import Struct

from second_opinion.durations import Duration
from second_opinion.plain_words import plain
from second_opinion.record import PatientRecord
from smart_app.chart.case import Case
from smart_app.review.care import Item, images, operations, treatments
from smart_app.review.courses import CLOSE_DAYS, OF_ONE_KIND, Mark, courses
from smart_app.review.wishes import wishes
from smart_app.review.wording import WORDING

_LANES = ("surgery", "care", "injection", "medication", "imaging", "wishes")
_MOST_MARKS = 300
_MOST_DAYS = 3650
_MOST_ROWS = 14
_YEAR = Duration(months=12)


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
    scores = [event.on for event in record.observations.events.of("outcome_scores") if event.on]
    days = [*scores, *(day for mark in marks for day in (mark.first, mark.last) if day)]
    done = [item.first for item in items if item.lane == "surgery" and item.state == "received" and item.first]
    return Timeline(
        marks=marks,
        rows=_rows(marks),
        planned=planned,
        planned_label=plain(surgery.label[:1].upper() + surgery.label[1:], 120) if surgery else "",
        first=min((*days, _YEAR.before(record.as_of))),
        last=max((*days, record.as_of, *([planned] if planned else []))),
        last_operation=max(done, default=None),
    )


def _items(record: PatientRecord) -> Iterable[Item]:
    return chain(operations(record), treatments(record), images(record), wishes(record))


def _marks(items: Iterable[Item]) -> tuple[Mark, ...]:
    """As few as can be read: what is close together is merged, closer and closer until there are not too many."""
    items, days = tuple(items), CLOSE_DAYS
    while len(marks := courses(items, days)) > _MOST_MARKS and days < _MOST_DAYS:
        days *= 2
    return marks


def _rows(marks: tuple[Mark, ...]) -> tuple[Row, ...]:
    """A row for each kind of care; with too many kinds, one for each lane."""
    by_kind = _grouped(marks, lambda mark: mark.kind if mark.lane in OF_ONE_KIND else "")
    return by_kind if len(by_kind) <= _MOST_ROWS else _grouped(marks, lambda mark: "")


def _grouped(marks: tuple[Mark, ...], kind_of: Callable[[Mark], str]) -> tuple[Row, ...]:
    places: dict[tuple[str, str], list[int]] = {}
    for place, mark in enumerate(marks):
        if mark.first:
            places.setdefault((mark.lane, kind_of(mark)), []).append(place)
    in_order = sorted(places, key=lambda key: _LANES.index(key[0]))
    return tuple(Row(lane, kind or WORDING["lanes"][lane], tuple(places[lane, kind])) for lane, kind in in_order)
