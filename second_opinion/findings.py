"""A rule's answer, with its evidence."""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from second_opinion.plain_words import plain
from second_opinion.record import Event

READ_FROM_TEXT = " (read from text)"


class Outcome(StrEnum):
    """The five answers; 'not found' is only ever said of what was read in full."""

    CONCERN = "concern"
    NOT_DOCUMENTED = "not_documented"
    MET = "met"
    COULD_NOT_ASSESS = "could_not_assess"
    NOT_APPLICABLE = "not_applicable"


class Evidence(Struct, frozen=True):
    """One event a finding rests on. `sign`: strong, moderate, weak, received, ordered, declined, set_aside, ...

    `rough`: 'month' or 'year' where the chart has no whole day.
    """

    reference: str
    on: date | None = None
    shows: str = ""
    sign: str = ""
    code: str = ""
    rough: str = ""


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
    says = plain(words or event.label)
    if event.by == "text":
        says += READ_FROM_TEXT
    if event.aside and sign == "set_aside":
        says += f" ({plain(event.aside)})"
    code = next((meaning.code for meaning in event.meanings if meaning.code), "")
    return Evidence(event.source, event.on, says, sign, code, event.rough)
