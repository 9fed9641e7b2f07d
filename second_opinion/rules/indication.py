"""Does a diagnosis on record support this kind of operation?

Met when               a supporting diagnosis is on the order, or, if the order gives none, active in the region.
Concern when           diagnoses are recorded, and none of them supports this kind of operation.
Not documented when    the order gives no reason and the chart holds no spine diagnosis of this region.
Could not assess when  the order gives no reason that could be read, and diagnoses were not read in full.
"""

from second_opinion import diagnoses
from second_opinion.durations import spoken
from second_opinion.findings import Evidence, Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import listed, plain, within_sentence
from second_opinion.planned_surgery import PlannedSurgery, operation_words
from second_opinion.record import Event, Events, PatientRecord, same_region
from second_opinion.rules.wording import unread_words

PAGE = Page(
    "rules/indication.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "supports", "value_sets")
)
LANES = ("conditions",)
_SETS = ("spine_diagnosis", "failed_prior_surgery", "red_flags")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    given = diagnoses.given(surgery)
    # Diagnoses of another region are no reason for this operation, wherever they stand.
    known = Events(event for event in given if same_region(event.regions, surgery.regions))
    known = known if given else diagnoses.active_in_region(record, surgery)
    supporting = [event for event in known if _supports(event, surgery)]
    unresolved = any(event.reasons_unread for event in surgery.events)
    could_be_more = (not given and not diagnoses.read_in_full(record, surgery)) or (not known and unresolved)
    if supporting:
        outcome = Outcome.MET
    elif could_be_more:
        outcome = Outcome.COULD_NOT_ASSESS
    else:
        outcome = Outcome.CONCERN if known else Outcome.NOT_DOCUMENTED
    return _finding(outcome, record, surgery, limits, known, supporting)


def _supports(event: Event, surgery: PlannedSurgery) -> bool:
    kinds = set(PAGE["supports"].get(surgery.kind) or PAGE["supports"]["other"])
    if surgery.kind in ("fusion", "disc_arthroplasty") and "cervical" in surgery.regions:
        kinds.update(PAGE["supports"]["cervical_fusion_or_disc_arthroplasty"])
    return any(meaning.value_set in _SETS and meaning.kind in kinds for meaning in event.meanings)


def _finding(
    outcome: Outcome,
    record: PatientRecord,
    surgery: PlannedSurgery,
    limits: Limits,
    known: Events,
    supporting: list[Event],
) -> Finding:
    imaging = _imaging(record, surgery, limits)
    unread = record.not_complete(*LANES) if outcome is Outcome.COULD_NOT_ASSESS else ()
    unresolved = any(event.reasons_unread for event in surgery.events)
    wording, look_back = PAGE["wording"], spoken(limits.imaging.before(record.as_of), record.as_of)
    found = "found" if imaging else "missing" if record.procedures.complete else "unread"
    words = {
        "planned": operation_words(surgery.kind, surgery.regions).capitalize(),
        "operation": operation_words(surgery.kind, surgery.regions),
        "known": listed(dict.fromkeys(within_sentence(plain(event.label, 50)) for event in known)),
        "supporting": _sentence(listed(dict.fromkeys(plain(event.label, 80) for event in supporting))),
        "imaging": wording["imaging"][found].format(count=len(imaging), look_back=look_back),
        "unread": _unread(record, unread, unresolved),
    }
    return Finding(
        rule="indication",
        outcome=outcome,
        says=wording["says"][outcome].format(**words),
        evidence=(*(_shown(event, supporting) for event in known), *(shown(event, "imaging") for event in imaging)),
        could_not_read=unread,
        summary=tuple(form.format(**words) for form in wording["summary"].get(outcome, ())),
    )


def _shown(event: Event, supporting: list[Event]) -> Evidence:
    return shown(event, "supports" if event in supporting else "does_not_support")


def _unread(record: PatientRecord, unread: tuple[str, ...], unresolved: bool) -> str:
    words = [PAGE["wording"]["unresolved"]] if unresolved else []
    if unread or not unresolved:
        words.append(unread_words(unread, record.conditions.aside))
    return _sentence("; ".join(words))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _imaging(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Events:
    done = record.procedures.events.of("spine_imaging").with_status("completed").in_region(surgery.regions)
    return done.between(limits.imaging.before(record.as_of), record.as_of)
