"""What the resources that we write of events have in common: the concept, the days, and about whom they are told."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from msgspec import Struct

from second_opinion.codes import coding_of
from second_opinion.plain_words import plain, written_date
from second_opinion.record import Event
from second_opinion.value_sets import Meaning

Json = dict[str, Any]
STATEMENTS = "patient_statements"
URI = "urn:ietf:rfc:3986"
LONGEST = 160


class Telling(Struct, frozen=True):
    """About whom, in which EHR, as of which day; blinded, without words that were written about the operation."""

    subject: Json
    iss: str
    as_of: date
    blinded: bool


def concept(words: str, meanings: Iterable[Meaning]) -> Json:
    """Words and codes as one concept. Our own labels are no displays of the codes, whose owners have others.

    Several codes of one system are no names of one thing, but parts of it, say the ingredients of a medicine: left out.
    """
    codes = dict.fromkeys(meaning.code for meaning in meanings if meaning.value_set != STATEMENTS)
    known = [coding for code in codes if (coding := coding_of(code))]
    systems = Counter(coding["system"] for coding in known)
    codings = [coding for coding in known if systems[coding["system"]] == 1]
    said = plain(words, LONGEST)
    return ({"coding": codings} if codings else {}) | ({"text": said} if said else {})


def when(name: str, event: Event, as_of: date) -> Json:
    """A day, or a period."""
    if event.on is None:
        return {}
    if event.until in (None, event.on):
        return {f"{name}DateTime": written_date(event.on, event.rough)}
    return {f"{name}Period": period(event, as_of)}


def period(event: Event, as_of: date) -> Json:
    """One without an end was read as lasting until today: its end is not known."""
    ends = event.until is not None and event.until < as_of
    days = {"start": event.on} | ({"end": event.until} if ends else {})
    return {name: written_date(day, event.rough) for name, day in days.items() if day}


def since(name: str, event: Event) -> Json:
    return {name: written_date(event.on, event.rough)} if event.on else {}
