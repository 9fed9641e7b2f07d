"""Scores over time and around each operation, as patients reported them; what a meaningful change is, the rule says."""

from datetime import date

from msgspec import Struct

from second_opinion.limits import Limits
from second_opinion.record import Event, Events, PatientRecord
from second_opinion.scores import improved, meaningful_change, on_scale
from smart_app.chart.case import Case
from smart_app.review.care import operations
from smart_app.review.wording import WORDING

SCORES = "outcome_scores"
_JUDGED = ("ODI", "NDI", "NRS")  # those that the rule has a limit for
_RULE = "repeat_surgery"
_INSTRUMENTS = WORDING["instruments"]
_MOST_POINTS = 400


class Point(Struct, frozen=True):
    on: date | None
    value: float
    source: str
    label: str
    status: str
    rough: str = ""  # 'month' or 'year': the chart has no whole day


class Band(Struct, frozen=True):
    """From the score compared with to where a change is meaningful; between them nothing has changed."""

    start: float
    better: float
    on: date
    rough: str
    before_operation: bool


class After(Struct, frozen=True):
    """A score after an operation against the one before. `verdict`: better, unchanged, early, unjudged; '' if none."""

    point: Point
    change: str
    verdict: str


class Around(Struct, frozen=True):
    """One operation: the last score before it; the first that tells its result; the latest before the next one."""

    operation: str
    on: date
    rough: str
    before: Point | None
    after: tuple[After, ...]


class Series(Struct, frozen=True):
    key: str
    name: str
    short: str
    most: float
    lower_is_better: bool
    points: tuple[Point, ...]
    undated: tuple[Point, ...]
    band: Band | None
    around: tuple[Around, ...]


def scores_of_case(case: Case) -> tuple[Series, ...]:
    """A series for each instrument that the record has a score of, in the order of the wording."""
    record = case.assessment.record
    limits = case.assessment.site.limits_on(_RULE, record.as_of)
    done = [item.event for item in operations(record) if item.state == "received" and item.event.on]
    return tuple(series for key in _INSTRUMENTS if (series := _series(key, record, done, limits)))


def _series(key: str, record: PatientRecord, done: list[Event], limits: Limits) -> Series | None:
    placed = _values(record.observations.events, key)
    undated = _values(record.observations.aside, key)
    if not placed and not undated:
        return None
    means = _INSTRUMENTS[key]
    return Series(
        key=key,
        name=means["name"],
        short=means["short"],
        most=means["most"],
        lower_is_better=means["better"] == "lower",
        points=tuple(_point(event) for event in placed[-_MOST_POINTS:]),
        undated=tuple(_point(event) for event in undated),
        band=_band(key, placed, done, limits),
        around=tuple(_around(key, placed, done, number, limits) for number in range(len(done))),
    )


def _values(events: Events, key: str) -> Events:
    scores = [event for event in events if event.value is not None and (meaning := event.means(SCORES, (key,)))
              and meaning.role != "subscore"]  # fmt: skip
    return Events(sorted(scores, key=lambda event: event.on or date.min))


def _point(event: Event) -> Point:
    return Point(event.on, round(on_scale(event), 1), event.source, event.label, event.status, event.rough)


def _band(key: str, scores: Events, done: list[Event], limits: Limits) -> Band | None:
    """Against the last score before the latest operation; with none, against the first."""
    before = scores.beginning(date.min, done[-1].on or date.min).latest() if done else None
    start = before or next(iter(scores), None)
    if key not in _JUDGED or start is None or start.on is None or start is scores[-1]:
        return None  # with nothing after it there is nothing to compare
    value = on_scale(start)
    return Band(
        value, max(0.0, value - meaningful_change(key, start, limits)), start.on, start.rough, before is not None
    )


def _around(key: str, scores: Events, done: list[Event], number: int, limits: Limits) -> Around:
    operation = done[number]
    on = operation.on or date.min
    until = done[number + 1].on if number + 1 < len(done) else None
    before = scores.beginning(date.min, on).latest()
    later = [score for score in scores if score.on and score.on > on and (until is None or score.on <= until)]
    telling = [score for score in later if score.on and score.on >= limits.score_from.after(on)] or later
    ends = dict.fromkeys((*telling[:1], *later[-1:]))
    return Around(
        operation=operation.label,
        on=on,
        rough=operation.rough,
        before=_point(before) if before else None,
        after=tuple(_after(key, before, score, on, limits) for score in ends),
    )


def _after(key: str, before: Event | None, after: Event, operated: date, limits: Limits) -> After:
    gain = round(on_scale(after) - on_scale(before), 1) if before else 0
    change = "no change" if not gain else f"{gain:+g}".replace("-", "\N{MINUS SIGN}")
    verdict = _verdict(key, before, after, operated, limits) if before else ""
    return After(_point(after), change if before else "", verdict)


def _verdict(key: str, before: Event, after: Event, operated: date, limits: Limits) -> str:
    if key not in _JUDGED:
        return "unjudged"
    if after.on and after.on < limits.score_from.after(operated):
        return "early"
    return "better" if improved(key, before, after, limits) else "unchanged"
