"""The packet's timeline: a lane for each kind of care, each mark as a share of the time that it covers."""

from collections.abc import Callable, Mapping
from datetime import date

from msgspec import Struct

from second_opinion.plain_words import spoken_date
from smart_app.chart.case import Case
from smart_app.refer.lines import Line
from smart_app.refer.sections import Section

_IN_TIMELINE = {
    "operations": "Surgery",
    "treatments": "Nonsurgical care",
    "medicines": "Pain medicines",
    "imaging": "Imaging",
}


class Bar(Struct, frozen=True):
    """A mark of the timeline, from `first` to `last` as shares of its length."""

    first: float
    last: float
    state: str


class Lane(Struct, frozen=True):
    name: str
    bars: tuple[Bar, ...]


class Timeline(Struct, frozen=True):
    """`first`: its first day; `years`: each with its place; `planned`: that of the operation, unless it is left out."""

    first: str
    lanes: tuple[Lane, ...]
    years: tuple[tuple[str, float], ...]
    planned: float | None


def timeline_of(case: Case, sections: Mapping[str, Section], blinded: bool) -> Timeline | None:
    """None with fewer than two days to show."""
    lines = [line for name in _IN_TIMELINE for line in sections[name].lines if line.first]
    surgery, today = case.assessment.surgery, case.assessment.record.as_of
    planned = None if blinded or surgery is None else max((e.on for e in surgery.events if e.on), default=today)
    days = [day for line in lines for day in (line.first, line.last) if day] + [today, *([planned] if planned else [])]
    first, last = min(days), max(days)
    if first == last:
        return None

    def place(day: date) -> float:
        return round((day - first).days / (last - first).days, 4)

    years = tuple((str(year), place(date(year, 1, 1))) for year in range(first.year + 1, last.year + 1))
    lanes = [
        Lane(name, tuple(_bar(line, place) for line in sections[key].lines if line.first))
        for key, name in _IN_TIMELINE.items()
    ]
    return Timeline(
        spoken_date(first), tuple(lane for lane in lanes if lane.bars), years, place(planned) if planned else None
    )


def _bar(line: Line, place: Callable[[date], float]) -> Bar:
    first = line.first or date.min
    return Bar(place(first), place(line.last or first), line.state)
