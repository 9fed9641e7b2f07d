"""Words for people: chart words made safe, lists, dates."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

# What markdown or HTML could take for markup; invisible and control characters go as well.
_MARKUP = frozenset("<>*`[]#|\\~{}")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff")


@lru_cache(maxsize=16384)
def plain(words: str, most: int = 80) -> str:
    """Chart words made safe for a card: one line, no markup, not endless."""
    words = " ".join(
        "".join(" " if c in _MARKUP or c in _INVISIBLE or not c.isprintable() else c for c in words).split()
    )
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def listed(words: Iterable[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def within_sentence(words: str) -> str:
    """Without the capital that begins a sentence; abbreviations keep theirs ('MRI')."""
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


_SPOKEN = {"day": "{0.day} {0:%b %Y}", "month": "{0:%b %Y}", "year": "{0:%Y}"}
_WRITTEN = {"day": "{0:%Y-%m-%d}", "month": "{0:%Y-%m}", "year": "{0:%Y}"}


@lru_cache(maxsize=4096)
def spoken_date(day: date | None, rough: str = "") -> str:
    """'2 May 2024': read the same on both sides of the Atlantic. `rough`: 'month' or 'year', if the chart has no more.

    A rough day is the first of its month or year, and is said as such: 'May 2024', '2024'.
    """
    return _SPOKEN[_known(day, rough)].format(day) if day else "undated"


def on_date(day: date | None, rough: str = "") -> str:
    """The same within a sentence: 'on 2 May 2024', 'in May 2024', 'in 2024'."""
    return f"{'on' if _known(day, rough) == 'day' else 'in'} {spoken_date(day, rough)}" if day else "undated"


def written_date(day: date, rough: str = "") -> str:
    """The same as FHIR and HTML write it: '2024-05-02', '2024-05', '2024'."""
    return _WRITTEN[_known(day, rough)].format(day)


def _known(day: date, rough: str) -> str:
    """Up to what the day is known: one that is no first of a month is whole, even where another of its event is not."""
    if not rough or day.day > 1:
        return "day"
    return "month" if rough == "month" or day.month > 1 else "year"
