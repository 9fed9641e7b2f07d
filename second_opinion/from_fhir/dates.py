"""FHIR dates and periods as days. A partial date is its first day: '2024-05' is 2024-05-01."""

import re
from datetime import date, timedelta

from second_opinion.from_fhir.shapes import TYPES, CarePlan, Period, Quantity, Resource

_PARTIAL = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Systems write 0001-01-01 for unknown and 9999-12-31 for never: no days of anybody's care.
_FIRST_YEAR, _LAST_YEAR = 1850, 2199
_DAYS = {"d": 1, "day": 1, "wk": 7, "week": 7, "w": 7, "mo": 30, "month": 30, "a": 365, "year": 365, "y": 365}


def day_of(text: str | None) -> date | None:
    """The day a FHIR date or dateTime names, as written there (no zone arithmetic: it is the clinic's day)."""
    if not text:
        return None
    day = None
    try:
        if _DAY.match(text) and (len(text) == 10 or text[10] in "T "):
            day = date.fromisoformat(text[:10])
        elif partial := _PARTIAL.fullmatch(text):
            day = date(int(partial[1]), int(partial[2] or 1), 1)
    except ValueError:
        return None
    return day if day and _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def days_of(moment: str | None, period: Period | None, open_until: date | None) -> tuple[date | None, date | None]:
    """First and last day of a moment or a period; a period without an end runs to `open_until`."""
    if period is None or (on := day_of(period.start)) is None:
        day = day_of(moment) or (day_of(period.end) if period else None)
        return day, day
    is_open = not period.end or (period.end[:4].isdigit() and int(period.end[:4]) > _LAST_YEAR)
    until = open_until if is_open else day_of(period.end)
    return on, max(until or on, on)


_DATED = (
    "performedDateTime", "performedPeriod", "recordedDate", "onsetDateTime", "onsetPeriod", "abatementDateTime",
    "effectiveDateTime", "effectivePeriod", "period", "authoredOn", "whenHandedOver", "whenPrepared", "authored",
    "startDate", "statusDate", "sent", "received", "date", "dateTime",
)  # fmt: skip
_DATED_OF = {kind: tuple(n for n in _DATED if n in kind.__struct_fields__) for kind in TYPES.values()}
_WHOLE, _YEAR = len("2026-11-22"), len("2026")


def roughness(resource: Resource) -> str:
    """'year' or 'month' if a day of it is written as no more than that, the roughest of them; '' if none is."""
    shortest = _WHOLE
    for name in _DATED_OF[type(resource)]:
        said = getattr(resource, name)
        if said is not None:
            shortest = min(shortest, len(said) if isinstance(said, str) else _shortest(said))
    for activity in (resource.activity or ()) if isinstance(resource, CarePlan) else ():
        shortest = min(shortest, _shortest(activity.detail.scheduledPeriod if activity.detail else None))
    return "" if shortest >= _WHOLE else "year" if shortest <= _YEAR else "month"


def _shortest(period: Period | None) -> int:
    written = (period.start, period.end) if period else ()
    return min([len(text) for text in written if text], default=_WHOLE)


def supply_of(quantity: Quantity | None) -> timedelta:
    """How long a supply lasts: 30 days, 4 weeks, 2 months (of 30 days); nothing if it does not say."""
    if quantity is None or quantity.value is None or not quantity.value > 0:
        return timedelta()
    unit = (quantity.code or quantity.unit or "d").strip().lower()
    days = quantity.value * _DAYS.get(unit.rstrip("s") or unit, 0)
    return timedelta(min(days, 3660))
