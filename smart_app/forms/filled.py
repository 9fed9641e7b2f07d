"""A form as it was filled in: what was typed, made safe to store, and what is wrong with it."""

import re
from collections.abc import Mapping
from datetime import date
from unicodedata import category

from msgspec import Struct

from second_opinion.plain_words import spoken_date

_LONGEST = 4000
_NOT_TEXT = ("Cc", "Cs")  # control characters, halves of characters
_PARTIAL = re.compile(r"(19|20)\d\d(-(0[1-9]|1[0-2])(-\d\d)?)?")


class Filled(Struct, frozen=True):
    """What was typed and what is wrong with it, both by the name of the field. Shown again, nothing is lost."""

    values: Mapping[str, str] = {}
    problems: Mapping[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


def typed(words: str) -> str:
    """Without what FHIR does not allow in text (control characters) and without blanks around it."""
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in words if c in "\n\t" or category(c) not in _NOT_TEXT).strip()


def too_long(words: str) -> str:
    """What is wrong with it, or ''."""
    return f"{len(words)} characters; at most {_LONGEST} can be stored. Shorten it." if len(words) > _LONGEST else ""


def day_problem(words: str, today: date, partial: bool = False) -> str:
    """What is wrong with a date: '2026-11-20', or in part, '2026-11' and '2026'; or ''."""
    form = "2026-03-14, or 2026-03 for a month, or 2026" if partial else "2026-03-14"
    if not words:
        return f"Say when. Write it like {form}."
    if not (_PARTIAL.fullmatch(words) and (partial or len(words) == 10)):
        return f"Not a date. Write it like {form}."
    try:
        first_day = date.fromisoformat(words + "-01-01"[len(words) - 4 :])
    except ValueError:
        return "There is no such day. Check the calendar."
    return "This day is yet to come. Give a day up to today." if first_day > today else ""


def day_in_words(words: str) -> str:
    """A date that has no problem, whole or in part: '14 Mar 2026', 'Mar 2026', '2026'."""
    if len(words) == 10:
        return spoken_date(date.fromisoformat(words))
    return f"{date.fromisoformat(words + '-01'):%b %Y}" if len(words) == 7 else words
