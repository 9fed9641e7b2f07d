"""What the sections of the packet say, a line for each thing in the chart, newest first."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from second_opinion.plain_words import plain, spoken_date
from second_opinion.record import Event, Events, PatientRecord
from smart_app.chart.case import Case
from smart_app.plain_fhir.parts import LONGEST
from smart_app.review.care import operations as operations_in
from smart_app.review.courses import Mark, courses, roughness_of
from smart_app.review.scores import SCORES, Point, Series, scores_of_case
from smart_app.review.wishes import wishes as wishes_in
from smart_app.review.wording import WORDING as REVIEW

_DIAGNOSES = ("spine_diagnosis", "failed_prior_surgery", "red_flags")
_ABOUT_THE_FIRST_OPINION = ("second_opinion", "options_discussed")  # roles of wishes that tell of it


class Line(Struct, frozen=True):
    """One thing: when, what, more of it, and the chart's events behind it; `kind`: what it is at its plainest."""

    what: str
    when: str = ""
    more: str = ""
    events: tuple[Event, ...] = ()
    first: date | None = None
    last: date | None = None
    state: str = ""
    kind: str = ""

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(event.source for event in self.events))


def diagnoses(record: PatientRecord, reasons: Iterable[Event]) -> tuple[Line, ...]:
    """Those on record, and of the `reasons` that the order gives those that are not."""
    active = [event for event in record.conditions.events if event.active and _kinds(event)]
    latest = {event.label: _diagnosis(event, _since(event)) for event in active}
    known = {kind for event in active for kind in _kinds(event)}
    given = {event.label: event for event in reasons if _kinds(event) - known}
    return (*latest.values(), *(_diagnosis(event, "on the order") for event in given.values()))


def _kinds(event: Event) -> set[str]:
    return {meaning.kind for meaning in event.meanings if meaning.value_set in _DIAGNOSES}


def _diagnosis(event: Event, when: str) -> Line:
    return Line(plain(event.label, LONGEST), when, "", (event,), event.on, event.on)


def _since(event: Event) -> str:
    return f"since {_day(event.on, (event,))}" if event.on else "undated"


def operations(record: PatientRecord, planned: frozenset[str], blinded: bool) -> tuple[Line, ...]:
    """An operation that was called off may be the one that was advised first."""
    items = [item for item in operations_in(record) if item.event.source not in planned]
    marks = courses(item for item in items if not (blinded and item.state == "declined"))
    return tuple(_line(mark, mark.label, blinded) for mark in _in_order(marks))


def of_marks(marks: Iterable[Mark], blinded: bool) -> tuple[Line, ...]:
    return tuple(_line(mark, mark.kind if blinded else _named(mark), blinded) for mark in _in_order(marks))


def medicines(care: Iterable[Mark], blinded: bool) -> tuple[Line, ...]:
    return tuple(_line(mark, mark.label, blinded) for mark in _in_order(care) if mark.lane == "medication")


def _named(mark: Mark) -> str:
    return mark.label if mark.label.lower().startswith(mark.kind.lower()) else f"{mark.kind}: {mark.label}"


def _line(mark: Mark, what: str, blinded: bool) -> Line:
    told = [REVIEW["states_of_care"].get(mark.state, mark.state) if mark.state != "received" else ""]
    told.append(f"{mark.count} times" if mark.count > 1 else "")
    told += [] if blinded else [mark.by, mark.outcome, mark.note]
    more = "; ".join(words for words in told if words)
    return Line(plain(what, LONGEST), mark.when, more, mark.events, mark.first, mark.last, mark.state, mark.kind)


def _in_order(marks: Iterable[Mark]) -> list[Mark]:
    return sorted(marks, key=lambda mark: mark.first or date.min, reverse=True)


def _day(day: date | None, events: Iterable[Event]) -> str:
    return spoken_date(day, roughness_of(day, events))


def scores(case: Case) -> tuple[Line, ...]:
    events = case.assessment.record.observations.events
    lines = [line for series in scores_of_case(case) for line in _score(series, events)]
    return tuple(sorted(lines, key=lambda line: line.last or date.min, reverse=True))


_VERDICTS = {"better": "better", "unchanged": "not meaningfully better", "early": "early"}


def _score(series: Series, known: Events) -> tuple[Line, ...]:
    """Around each operation; without both sides of any, the latest."""

    def behind(*points: Point) -> tuple[Event, ...]:
        sources = {point.source for point in points}
        return tuple(event for event in known.of(SCORES, series.key) if event.source in sources)

    lines = []
    for around in series.around:
        if (before := around.before) is None:
            continue
        for after in around.after:
            point = after.point
            what = f"{series.short}: {before.value:g} before, {point.value:g} after the operation"
            more = "; ".join(each for each in (after.change, _VERDICTS.get(after.verdict, "")) if each)
            events = behind(before, point)
            lines.append(Line(what, _day(point.on, events), more, events, before.on, point.on))
    if lines or not series.points:
        return tuple(lines)
    latest = series.points[-1]
    what = f"{series.short}: {latest.value:g}"
    return (Line(what, _day(latest.on, behind(latest)), "", behind(latest), latest.on, latest.on),)


def wishes(record: PatientRecord, planned: frozenset[str], blinded: bool) -> tuple[Line, ...]:
    """What the patient said; whether options were talked over and other opinions asked for tells of the first one."""
    hidden = [REVIEW["wishes"][role] for role in _ABOUT_THE_FIRST_OPINION] if blinded else []
    items = [item for item in wishes_in(record) if item.event.source not in planned and item.kind not in hidden]
    return tuple(
        Line(
            item.kind if blinded else plain(f"{item.kind}: {item.event.label}", LONGEST),
            _day(item.first, (item.event,)), "", (item.event,), item.first, item.last, item.state, item.kind,
        )
        for item in sorted(items, key=lambda item: item.first or date.min, reverse=True)
    )  # fmt: skip
