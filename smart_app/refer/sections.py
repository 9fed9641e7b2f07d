"""The sections of the packet, from the chart: what was found, what was not, and what could not be read.

Blinded, nothing may tell of the first recommendation: neither the planned operation nor who advised it, nor words
that were written about it. So care is then named by its kind, and wishes without the words that were used.
"""

from msgspec import Struct

from second_opinion.record import PatientRecord
from second_opinion.rules import patient_concern, patient_goals
from second_opinion.rules.wording import lane_words
from smart_app.chart.case import Case
from smart_app.refer.lines import Line, diagnoses, medicines, of_marks, operations, scores, wishes
from smart_app.refer.wording import WORDING
from smart_app.review.care import images, treatments
from smart_app.review.courses import courses

_LANES = {
    "diagnoses": ("conditions",),
    "operations": ("procedures", "conditions"),  # some are known by a history code alone
    "treatments": ("procedures", "care_plans", "encounters", "service_requests"),
    "scores": ("observations",),
    "imaging": ("procedures",),
    "medicines": ("medications",),
    "wishes": tuple(dict.fromkeys((*patient_goals.LANES, *patient_concern.LANES))),
}
_MOST_LINES = 20


class Section(Struct, frozen=True):
    """`state`: found, not_found (and all was read), unread; `says`: that in words, also of what was read in part.

    `is_whole`: all that it is made from was read.
    """

    name: str
    title: str
    state: str
    says: str
    lines: tuple[Line, ...] = ()
    is_whole: bool = True


def sections_of(case: Case, blinded: bool) -> dict[str, Section]:
    record, surgery = case.assessment.record, case.assessment.surgery
    planned = surgery.orders_behind if surgery else frozenset[str]()
    care = courses(item for item in treatments(record) if item.event.source not in planned)
    lines = {
        "diagnoses": diagnoses(record, () if blinded or surgery is None else surgery.reasons),
        "operations": operations(record, planned, blinded),
        "treatments": of_marks((mark for mark in care if mark.lane != "medication"), blinded),
        "scores": scores(case),
        "imaging": of_marks(courses(item for item in images(record) if item.event.source not in planned), blinded),
        "medicines": medicines(care, blinded),
        "wishes": wishes(record, planned, blinded),
    }
    return {name: _section(name, lines[name], record) for name in lines}


def _section(name: str, lines: tuple[Line, ...], record: PatientRecord) -> Section:
    words, unread = WORDING["sections"][name], record.not_complete(*_LANES[name])
    state = "found" if lines else "unread" if unread else "not_found"
    says = [WORDING["more"].format(count=len(lines) - _MOST_LINES)] if len(lines) > _MOST_LINES else []
    if unread:
        says.append(WORDING["unread" if lines else "unread_all"].format(lanes=lane_words(unread)))
    if state == "not_found":
        says.append(words["none"])
    return Section(name, words["title"], state, " ".join(says), lines[:_MOST_LINES], not unread)
