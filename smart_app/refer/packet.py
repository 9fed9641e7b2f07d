"""The packet: all that goes to a second surgeon, as one value from which the PDF and the FHIR document are made."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from second_opinion.plain_words import plain, spoken_date
from second_opinion.rules.wording import by_reason
from smart_app.chart.case import Case
from smart_app.refer.completeness import Completeness, completeness_of
from smart_app.refer.sections import Section, sections_of
from smart_app.refer.timeline import Timeline, timeline_of
from smart_app.refer.wording import WORDING
from smart_app.review.banner import Banner, banner_of
from smart_app.review.strip import strip_of

_READ = ("patient", "procedures", "conditions", "care_plans", "service_requests", "medications", "observations",
         "encounters", "goals", "communications", "questionnaire_responses")  # fmt: skip
_LONGEST_QUESTION = 600


class Said(Struct, frozen=True):
    """A sentence of the summary; `lead`: what it is about."""

    says: str
    lead: str = ""


class Packet(Struct, frozen=True):
    """`kind`: second_opinion, physical_therapy or pain_clinic."""

    kind: str
    title: str
    blinded: bool
    patient: Banner
    birth_date: str  # as FHIR writes it; '' unless it is a whole date
    made: str
    summary: tuple[Said, ...]
    timeline: Timeline | None
    sections: tuple[Section, ...]
    questions: tuple[str, ...]
    unread: tuple[str, ...]
    needs: str
    complete: Completeness
    evidence: str


def packet_of(case: Case, questions: str, blinded: bool = False, kind: str = "second_opinion") -> Packet:
    """`questions`: one a line."""
    sections, asked = sections_of(case, blinded), asked_in(questions)
    words = WORDING["packet"]
    return Packet(
        kind=kind,
        title=words["title" if kind == "second_opinion" else "therapy_title"],
        blinded=blinded,
        patient=banner_of(case),
        birth_date=_whole_date(case.patient.get("birthDate")),
        made=spoken_date(case.read_at.date()),
        summary=tuple(_summary(case, blinded)),
        timeline=timeline_of(case, sections, blinded),
        sections=tuple(sections.values()),
        questions=asked,
        unread=tuple(_unread(case)),
        needs=WORDING["needs"]["second_opinion" if kind == "second_opinion" else "therapy"],
        complete=completeness_of(case, sections, asked),
        evidence=words["evidence_blinded" if blinded or kind != "second_opinion" else "evidence"],
    )


def _whole_date(written: object) -> str:
    try:
        return date.fromisoformat(str(written)).isoformat()
    except ValueError:
        return ""


def asked_in(questions: str) -> tuple[str, ...]:
    return tuple(said for line in questions.splitlines() if (said := plain(line, _LONGEST_QUESTION)))


def _summary(case: Case, blinded: bool) -> Iterable[Said]:
    if blinded:
        yield Said(WORDING["blinded_note"])
        return
    strip = strip_of(case)
    if strip.label:
        yield Said(f"{strip.label}{f', ordered {strip.ordered}' if strip.ordered else ''}.", "Planned operation")
    yield from (Said(chip.says, chip.name) for chip in strip.in_short)


def _unread(case: Case) -> Iterable[str]:
    record = case.assessment.record
    for lanes, why in by_reason(record, record.not_complete(*_READ)):
        yield f"{lanes[:1].upper()}{lanes[1:]}{f': {why}' if why else ''}."
