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


@lru_cache(maxsize=4096)
def spoken_date(day: date | None) -> str:
    """'2 May 2024': read the same on both sides of the Atlantic."""
    return f"{day.day} {day:%b %Y}" if day else "undated"
