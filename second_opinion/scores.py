"""Patient-reported scores before and after an operation, on one scale each."""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from second_opinion.limits import Limits
from second_opinion.record import Event, Events
from second_opinion.value_sets import Regions

_SET = "outcome_scores"
_KINDS = {"ODI": "disability", "NDI": "disability", "NRS": "pain"}
# Which region an instrument speaks of; the pain scale speaks of any.
_OF_REGION = {"ODI": frozenset(("lumbar", "thoracic")), "NDI": frozenset(("cervical",)), "NRS": frozenset[str]()}
SCALES = {"ODI": 100, "NDI": 100, "NRS": 10}  # each from 0; NDI is written raw, to 50, or as percent
_PERCENT = ("%", "percent")
_RAW_NDI_MAXIMUM = 50
_BEST, _WORST = 0.0, 100.0  # what a score without a number could have been


def instrument_of(event: Event) -> str:
    meaning = event.means(_SET, _KINDS)
    return meaning.kind if meaning else ""


def scores_of(events: Events, regions: Regions) -> Events:
    """The scores that speak of this region, in order of date; of an unknown region, all."""
    return Events(
        event
        for event in events.of(_SET, *_KINDS)
        if not (of := _OF_REGION[instrument_of(event)]) or not regions or of & regions
    )


def before_and_after(events: Events, after: Event, operated: date) -> tuple[str, Event | None, str]:
    """The kind of score, the last one of the same instrument up to the operation (None if there is none), and which."""
    instrument = instrument_of(after)
    before = events.of(_SET, instrument).beginning(date.min, operated).latest()
    return _KINDS[instrument], before, instrument


def on_scale(event: Event) -> float:
    """The value as ODI and NDI of 100, pain of 10. A raw NDI (0-50) is doubled; above 50 it must be percent."""
    value = event.value or 0.0
    is_raw = instrument_of(event) == "NDI" and event.unit.lower() not in _PERCENT and value <= _RAW_NDI_MAXIMUM
    return value * 2 if is_raw else value


def improved(instrument: str, before: Event, after: Event, limits: Limits) -> bool:
    """Whether the score fell by its meaningful change: so many points, or so many percent of the score before."""
    start = on_scale(before)
    gain = round(start - on_scale(after), 6)  # 7.0 - 4.9 is 30 % of 7.0, whatever binary fractions make of it
    if instrument == "NDI":
        return bool(gain >= limits.ndi_points)
    points, percent = {
        "ODI": (limits.odi_points, limits.odi_percent),
        "NRS": (limits.nrs_points, limits.nrs_percent),
    }[instrument]
    return bool(gain >= points or (start > 0 and round(gain * 100, 6) >= round(start * percent, 6)))


def meaningful_change(instrument: str, before: Event, limits: Limits) -> float:
    """How many points the score has to fall, from where it stood, to be better by its meaningful change."""
    if instrument == "NDI":
        return float(limits.ndi_points)
    points, percent = {
        "ODI": (limits.odi_points, limits.odi_percent),
        "NRS": (limits.nrs_points, limits.nrs_percent),
    }[instrument]
    start = on_scale(before)
    return float(min(points, round(start * percent / 100, 6))) if start > 0 else float(points)


def unimproved(instrument: str, before: Event | None, after: Event, limits: Limits) -> bool:
    """A sign: no better than before; or, with nothing to compare, an ODI that patients do not accept."""
    if before is None:
        return instrument == "ODI" and on_scale(after) > limits.odi_acceptable
    return not improved(instrument, before, after, limits)


def is_good(instrument: str, before: Event | None, after: Event, limits: Limits) -> bool:
    """A good result: an acceptable ODI, or any score better by its meaningful change."""
    acceptable = instrument == "ODI" and on_scale(after) <= limits.odi_acceptable
    return acceptable or (before is not None and improved(instrument, before, after, limits))


def as_they_could_read(scores: Events, aside: Event, operated: date, as_of: date, limits: Limits) -> Iterator[Events]:
    """The scores with one that cannot be placed standing on each day that matters: before, after, today."""
    days = (operated - timedelta(1), limits.score_from.after(operated), as_of) if aside.on is None else (aside.on,)
    for value in (_BEST, _WORST) if aside.value is None else (aside.value,):
        for day in days:
            if day <= as_of:
                placed = replace(aside, on=day, until=day, value=value, aside="")
                yield Events(sorted((*scores, placed), key=lambda score: score.on or date.min))
