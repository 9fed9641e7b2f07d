"""What clinicians answered to earlier cards, and what follows from it: an answer changes what happens next.

Silent for this operation  a second opinion was accepted or obtained, or the patient chose surgery knowing the options.
Silent for this patient    the operation is urgent.
Silent for this clinician  who does not decide about this operation.
Silent until it is signed  the clinician will decide later.
One finding less           nonsurgical care was done elsewhere.
Not silent                 the chart data are wrong, no reason was given, or none that we know.
"""

from collections.abc import Iterator

from second_opinion.durations import Duration
from second_opinion.limits import Limits
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Answer, PatientRecord

ACCEPTED = "accepted"
_OBTAINED, _CHOSEN, _URGENT = "second-opinion-obtained", "patient-chose-surgery", "urgent"
_NOT_MINE, _LATER, _ELSEWHERE = "not-deciding-clinician", "decide-later", "care-done-elsewhere"
_BEFORE_SIGNING = ("patient-view", "order-select")
_LASTING = (ACCEPTED, _OBTAINED, _CHOSEN, _URGENT, _NOT_MINE, _LATER, _ELSEWHERE)
REASONS = (_OBTAINED, _URGENT, _ELSEWHERE, _CHOSEN, _NOT_MINE, "chart-data-wrong", _LATER)


def lasts(reason: str, limits: Limits) -> Duration | None:
    """How long an answer has consequences; None for one that has none. `limits`: those of the page on silence."""
    if reason not in _LASTING:
        return None
    duration: Duration = limits.answered_urgent if reason == _URGENT else limits.answered
    return duration


def silencing(record: PatientRecord, surgery: PlannedSurgery, hook: str, limits: Limits) -> Iterator[Answer]:
    """The answers that silence the card about this operation, at this moment and for this clinician."""
    for answer in _in_force(record, limits):
        if answer.reason == _URGENT:
            yield answer
        elif is_about(answer, surgery):
            mine = answer.reason == _NOT_MINE and answer.same_user
            later = answer.reason == _LATER and hook in _BEFORE_SIGNING
            if answer.reason in (ACCEPTED, _OBTAINED, _CHOSEN) or mine or later:
                yield answer


def quiet_rules(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> frozenset[str]:
    """The rules whose finding an answer has settled for this operation."""
    told = (answer for answer in _in_force(record, limits) if answer.reason == _ELSEWHERE)
    return frozenset("nonsurgical_care" for answer in told if is_about(answer, surgery))


def discussed(record: PatientRecord, surgery: PlannedSurgery) -> list[Answer]:
    """The answers that say that the options were discussed before this operation."""
    return [answer for answer in record.answers if answer.reason == _CHOSEN and is_about(answer, surgery)]


def is_about(answer: Answer, surgery: PlannedSurgery) -> bool:
    """Whether the card answered was about this operation: the same orders, or the same kind in the same region."""
    same_place = answer.regions & surgery.regions or answer.regions == surgery.regions
    return answer.same_orders or (answer.kind == surgery.kind and bool(same_place))


def _in_force(record: PatientRecord, limits: Limits) -> Iterator[Answer]:
    for answer in record.answers:
        duration = lasts(answer.reason, limits)
        if duration and duration.before(record.as_of) <= answer.on <= record.as_of:
            yield answer
