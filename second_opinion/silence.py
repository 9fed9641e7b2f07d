"""When we say nothing: emergencies, children, the dead, a second opinion already there, an earlier answer.

Red flag               a diagnosis of an emergency, active or recent; or such a reason or operation on the order itself.
Urgent                 the order is stat or asap, or its encounter is one of the emergency department.
Age, deceased          the patient is under age, or has died.
Second opinion exists  one was asked for, or another practitioner was consulted about the spine, in the look-back.
Answered before        a clinician's answer to an earlier card settles it (answers.py).
"""

from collections.abc import Iterable

from msgspec import Struct

from second_opinion.answers import silencing
from second_opinion.existing_opinion import existing_opinion
from second_opinion.findings import Evidence, shown
from second_opinion.limits import Limits, Page
from second_opinion.planned_surgery import AGAINST_INFECTION_TRAUMA_TUMOUR, SPINE_SURGERY, PlannedSurgery
from second_opinion.record import Answer, Event, PatientRecord

PAGE = Page("silence.yaml", ("injuries", "spine_services"))
_AT_ONCE = ("stat", "asap")
_ENDED = ("resolved", "inactive")


class Silence(Struct, frozen=True):
    """Why no card is shown: red_flag, urgent, age, deceased, second_opinion_exists or answered_before."""

    reason: str
    evidence: tuple[Evidence, ...] = ()


def silenced_by(
    record: PatientRecord, surgery: PlannedSurgery, encounter: str = "", limits: Limits | None = None, hook: str = ""
) -> Silence | None:
    """The first reason that holds, in the order of the rules; `encounter` is the hook's own ('Encounter/5' or '5')."""
    limits = limits or PAGE.limits_on(record.as_of)
    reasons: tuple[tuple[str, Iterable[Evidence]], ...] = (
        ("red_flag", _red_flags(record, surgery, limits)),
        ("urgent", _urgent(record, surgery, encounter)),
        ("age", _too_young(record, limits)),
        ("deceased", [Evidence(record.person.reference, shows="deceased")] if record.person.deceased else ()),
        ("second_opinion_exists", map(shown, existing_opinion(record, surgery, PAGE["spine_services"], limits))),
        ("answered_before", map(_answered, silencing(record, surgery, hook, limits))),
    )
    for reason, found in reasons:
        if evidence := tuple(found):
            return Silence(reason, evidence)
    return None


def _red_flags(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> list[Evidence]:
    flags = [(event, *_flag(event)) for event in record.conditions.events.of("red_flags")]
    flags = [flag for flag in flags if _is_now(flag[0], flag[1], record, limits)]
    flags += [(event, *_flag(event)) for event in surgery.reasons.of("red_flags")]
    alone = [event for event, _, urgency in flags if not urgency]
    conditional = [event for event, _, urgency in flags if urgency == "conditional"]
    weak = [event for event, _, urgency in flags if urgency == "weak_alone"]
    kinds = {kind for _, kind, urgency in flags if urgency == "conditional"}
    together = conditional + weak if len(kinds) > 1 or (kinds and (weak or surgery.priority == "urgent")) else []
    operations = surgery.events.of(SPINE_SURGERY, AGAINST_INFECTION_TRAUMA_TUMOUR)
    return [shown(event, "red_flag") for event in dict.fromkeys((*operations, *alone, *together))]


def _flag(event: Event) -> tuple[str, str]:
    """Kind and urgency; a flag that silences alone comes before a conditional one on the same event."""
    meanings = [meaning for meaning in event.meanings if meaning.value_set == "red_flags"]
    meaning = min(meanings, key=lambda each: ("", "conditional", "weak_alone").index(each.urgency))
    return meaning.kind, meaning.urgency


def _is_now(event: Event, kind: str, record: PatientRecord, limits: Limits) -> bool:
    """Active now, or recorded in the look-back and not ended; an injury only if recorded lately."""
    since = limits.injury if kind in PAGE["injuries"] else limits.red_flag
    lately = event.on is not None and event.on >= since.before(record.as_of)
    ended = event.status in _ENDED or (event.ended is not None and event.ended <= record.as_of)
    return lately and not ended if kind in PAGE["injuries"] else event.active or (lately and not ended)


def _urgent(record: PatientRecord, surgery: PlannedSurgery, encounter: str) -> list[Evidence]:
    orders = [event for event in surgery.events if event.priority in _AT_ONCE]
    around = {name.removeprefix("Encounter/") for name in (encounter, *(event.encounter for event in surgery.events))}
    found = record.encounters.events
    emergencies = [e for e in found if e.emergency and e.source.removeprefix("Encounter/") in around]
    return [Evidence(e.source, e.on, f"priority {e.priority}", "urgent") for e in orders] + [
        Evidence(e.source, e.on, "emergency encounter", "urgent") for e in emergencies
    ]


def _answered(answer: Answer) -> Evidence:
    return Evidence(f"urn:uuid:{answer.card}", answer.on, answer.reason, "answer")


def _too_young(record: PatientRecord, limits: Limits) -> list[Evidence]:
    born, today = record.person.born, record.as_of
    if born is None:
        return []
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return [Evidence(record.person.reference, shows=f"aged {age}")] if age < limits.adult else []
