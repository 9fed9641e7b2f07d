"""Spans of time as clinicians write them: '42 days', '6 weeks', '12 months', '1 year'."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from second_opinion.errors import KnowledgeError

_WRITTEN = re.compile(r"(\d{1,4}) (day|week|month|year)s?")


@dataclass(frozen=True, slots=True)
class Duration:
    """Days, or calendar months; 'within 12 months' reaches the same day of the month a year before."""

    days: int = 0
    months: int = 0

    def before(self, day: date) -> date:
        """The day this long before `day`; a day the month does not have becomes its last (31 May - 3 months)."""
        return _moved(day, -self.months, -self.days)

    def after(self, day: date) -> date:
        """The day this long after `day`."""
        return _moved(day, self.months, self.days)

    def __str__(self) -> str:
        count, unit = (self.months, "month") if self.months else (self.days, "day")
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def duration(text: str) -> Duration:
    """Raises KnowledgeError for anything not written like '6 weeks'."""
    written = _WRITTEN.fullmatch(text.strip())
    if not written:
        raise KnowledgeError(f"Not a duration: {text!r}. Write it like '6 weeks' or '12 months'.")
    count = int(written[1])
    return {
        "day": Duration(days=count),
        "week": Duration(days=7 * count),
        "month": Duration(months=count),
        "year": Duration(months=12 * count),
    }[written[2]]


@lru_cache(maxsize=4096)
def spoken(start: date, end: date) -> str:
    """How long from one day to another, as said aloud: '9 days', '5 weeks', '14 months', '3 years'."""
    days = (end - start).days
    months = (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
    for count, unit, least in ((months // 12, "year", 2), (months, "month", 3), (days // 7, "week", 2)):
        if count >= least:
            return f"{count} {unit}s"
    return f"{days} day" if days == 1 else f"{days} days"


def roughly_spoken(start: date, end: date, rough: str) -> str:
    """The same from a day of which the chart has only the month or the year: 'about 14 months', 'about 3 years'."""
    if rough != "year":
        return f"about {spoken(start, end)}" if rough else spoken(start, end)
    years = end.year - start.year
    return {0: "less than a year", 1: "about a year"}.get(years, f"about {years} years")


def in_weeks(days: int) -> str:
    """Whole weeks, so that a span and its bar can be compared: '5 weeks'; under two weeks, days."""
    return f"{days // 7} weeks" if days >= 14 else f"{days} day{'' if days == 1 else 's'}"


@lru_cache(maxsize=4096)  # the same few limits from the same few days, in every call
def _moved(day: date, months: int, days: int) -> date:
    if months:
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        day = date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    return day + timedelta(days)
