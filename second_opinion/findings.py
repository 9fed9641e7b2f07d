"""A rule's answer, with its evidence."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from msgspec import Struct

from second_opinion.record import Event


class Outcome(StrEnum):
    """The five answers; 'not found' is only ever said of what was read in full."""

    CONCERN = "concern"
    NOT_DOCUMENTED = "not_documented"
    MET = "met"
    COULD_NOT_ASSESS = "could_not_assess"
    NOT_APPLICABLE = "not_applicable"


class Evidence(Struct, frozen=True):
    """One event a finding rests on. `sign`: strong, moderate, weak, received, ordered, declined, set_aside, ..."""

    reference: str
    on: date | None = None
    shows: str = ""
    sign: str = ""
    code: str = ""


class Finding(Struct, frozen=True):
    """`says` is one sentence; `summary` the same, shorter and shorter, for the card's one line."""

    rule: str
    outcome: Outcome
    says: str
    evidence: tuple[Evidence, ...] = ()
    could_not_read: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()


def shown(event: Event, sign: str = "", words: str = "") -> Evidence:
    """The event as evidence: what it shows in the chart's own words; read by text is said so."""
    says = words or plain(event.label)
    if event.by == "text":
        says += " (read from text)"
    if event.aside and sign == "set_aside":
        says += f" ({event.aside})"
    code = next((meaning.code for meaning in event.meanings if meaning.code), "")
    return Evidence(event.source, event.on, says, sign, code)


def plain(words: str, most: int = 80) -> str:
    """Chart words made safe for a card: one line, no markup, not endless."""
    words = " ".join("".join(" " if c in "<>*_`[]|#\\~{}" or not c.isprintable() else c for c in words).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def listed(words: Iterable[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def within_sentence(words: str) -> str:
    """Without the capital that begins a sentence; abbreviations keep theirs ('MRI')."""
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def spoken_date(day: date | None) -> str:
    """'2 May 2024': read the same on both sides of the Atlantic."""
    return f"{day.day} {day:%b %Y}" if day else "undated"
