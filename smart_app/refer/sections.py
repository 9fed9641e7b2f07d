"""The sections of the packet, from the chart: what was found, what was not, and what could not be read.

Blinded, nothing may tell of the first recommendation: neither the planned operation nor who advised it, nor words
that were written about it. So care is then named by its kind, and wishes without the words that were used.
"""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from second_opinion.plain_words import plain, spoken_date
from second_opinion.record import Event, PatientRecord
from second_opinion.rules.wording import lane_words
from smart_app.case import Case
from smart_app.refer.wording import WORDING
from smart_app.review.care import images, operations, treatments
from smart_app.review.scores import Series, scores_of_case
from smart_app.review.timeline import Mark, courses
from smart_app.review.wishes import wishes
from smart_app.review.wording import WORDING as REVIEW

_LANES = {
    "diagnoses": ("conditions",),
    "operations": ("procedures",),
    "treatments": ("procedures", "care_plans", "encounters", "service_requests"),
    "scores": ("observations",),
    "imaging": ("procedures",),
    "medicines": ("medications",),
    "wishes": ("goals", "conditions", "observations", "communications", "questionnaire_responses"),
}
_ABOUT_THE_FIRST_OPINION = ("second_opinion", "options_discussed")  # roles of wishes that tell of it
_DIAGNOSES = ("spine_diagnosis", "failed_prior_surgery", "red_flags")
_LONGEST = 160
_VERDICTS = {"better": "better", "unchanged": "not meaningfully better", "early": "early"}


class Line(Struct, frozen=True):
    """One thing: when, what, more of it, and the chart's references behind it."""

    what: str
    when: str = ""
    more: str = ""
    references: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    state: str = ""


class Section(Struct, frozen=True):
    """`state`: found, not_found (and all was read), unread; `says`: that in words, also of what was read in part."""

    name: str
    title: str
    state: str
    says: str
    lines: tuple[Line, ...] = ()


def sections_of(case: Case, blinded: bool) -> dict[str, Section]:
    record = case.assessment.record
    planned = case.assessment.surgery.orders_behind if case.assessment.surgery else frozenset[str]()
    care = courses(item for item in treatments(record) if item.event.source not in planned)
    lines = {
        "diagnoses": _diagnoses(record),
        "operations": _operations(record, planned, blinded),
        "treatments": _of_marks((mark for mark in care if mark.lane != "medication"), blinded),
        "scores": tuple(line for series in scores_of_case(case) for line in _scores(series)),
        "imaging": _of_marks(courses(item for item in images(record) if item.event.source not in planned), blinded),
        "medicines": tuple(_line(mark, mark.label, blinded) for mark in _in_order(care) if mark.lane == "medication"),
        "wishes": _wishes(record, planned, blinded),
    }
    return {name: _section(name, lines[name], record) for name in lines}


def _section(name: str, lines: tuple[Line, ...], record: PatientRecord) -> Section:
    words, unread = WORDING["sections"][name], record.not_complete(*_LANES[name])
    if unread:
        says = WORDING["unread" if lines else "unread_all"].format(lanes=lane_words(unread))
        return Section(name, words["title"], "found" if lines else "unread", says, lines)
    return Section(name, words["title"], "found" if lines else "not_found", "" if lines else words["none"], lines)


def _diagnoses(record: PatientRecord) -> tuple[Line, ...]:
    found = [event for event in record.conditions.events if event.active and any(map(event.means, _DIAGNOSES))]
    latest: dict[str, Event] = {event.label: event for event in found}
    return tuple(
        Line(plain(event.label, _LONGEST), _since(event), "", (event.source,), event.on, event.on)
        for event in latest.values()
    )


def _since(event: Event) -> str:
    return f"since {spoken_date(event.on)}" if event.on else "undated"


def _operations(record: PatientRecord, planned: frozenset[str], blinded: bool) -> tuple[Line, ...]:
    """An operation that was called off may be the one that was advised first."""
    items = [item for item in operations(record) if item.event.source not in planned]
    marks = courses(item for item in items if not (blinded and item.state == "declined"))
    return tuple(_line(mark, mark.label, blinded) for mark in _in_order(marks))


def _of_marks(marks: Iterable[Mark], blinded: bool) -> tuple[Line, ...]:
    return tuple(
        _line(mark, mark.kind if blinded else f"{mark.kind}: {mark.label}", blinded) for mark in _in_order(marks)
    )


def _line(mark: Mark, what: str, blinded: bool) -> Line:
    told = [REVIEW["states_of_care"].get(mark.state, mark.state) if mark.state != "received" else ""]
    told.append(f"{mark.count} times" if mark.count > 1 else "")
    told += [] if blinded else [mark.by, mark.outcome, mark.note]
    more = "; ".join(words for words in told if words)
    return Line(
        plain(what, _LONGEST), _days(mark.first, mark.last), more, mark.sources, mark.first, mark.last, mark.state
    )


def _in_order(marks: Iterable[Mark]) -> list[Mark]:
    return sorted(marks, key=lambda mark: mark.first or date.min, reverse=True)


def _days(first: date | None, last: date | None) -> str:
    return spoken_date(first) if first == last or last is None else f"{spoken_date(first)} to {spoken_date(last)}"


def _scores(series: Series) -> tuple[Line, ...]:
    """Around each operation; with none, the first and the latest."""
    lines = []
    for around in series.around:
        if (before := around.before) is None:
            continue
        for after in around.after:
            point = after.point
            what = f"{series.short}: {before.value:g} before, {point.value:g} after the operation"
            more = "; ".join(each for each in (after.change, _VERDICTS.get(after.verdict, "")) if each)
            lines.append(Line(what, spoken_date(point.on), more, (before.source, point.source), before.on, point.on))
    if lines or not series.points:
        return tuple(lines)
    latest = series.points[-1]
    return (
        Line(f"{series.short}: {latest.value:g}", spoken_date(latest.on), "", (latest.source,), latest.on, latest.on),
    )


def _wishes(record: PatientRecord, planned: frozenset[str], blinded: bool) -> tuple[Line, ...]:
    """What the patient said; whether options were talked over and other opinions asked for tells of the first one."""
    hidden = [REVIEW["wishes"][role] for role in _ABOUT_THE_FIRST_OPINION] if blinded else []
    items = [item for item in wishes(record) if item.event.source not in planned and item.kind not in hidden]
    return tuple(
        Line(
            item.kind if blinded else plain(f"{item.kind}: {item.event.label}", _LONGEST),
            spoken_date(item.first), "", (item.event.source,), item.first, item.last, item.state,
        )
        for item in sorted(items, key=lambda item: item.first or date.min, reverse=True)
    )  # fmt: skip
