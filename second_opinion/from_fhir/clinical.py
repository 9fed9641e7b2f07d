"""What was done, found and measured: Procedures, Conditions, Observations, Encounters -> events."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.concepts import (
    CARE,
    OPERATION,
    OPERATION_OR_CARE,
    has_code,
    names_of,
    plain_reference,
    read,
    read_diagnosis,
    status_code,
)
from second_opinion.from_fhir.context import Context, aside
from second_opinion.from_fhir.dates import day_of, days_of
from second_opinion.from_fhir.spoken import notes, said, stated_as_reason
from second_opinion.record import Event
from second_opinion.scores import SCALES
from second_opinion.value_sets import Meaning

_SNOMED = "http://snomed.info/sct"
_NO = "373067005"
_OUTCOMES = {"385671000": "unsuccessful", "385670004": "partly", "385669000": "successful"}
_NEUTRAL = ("assertion", "75310-3", "")  # 'health concerns', and codes that say only that the value says it
_PROCEDURE = frozenset("preparation in-progress not-done on-hold stopped completed entered-in-error".split())
_OBSERVATION = frozenset("final amended corrected entered-in-error cancelled".split())
_ENCOUNTER = frozenset(
    "planned arrived triaged in-progress onleave finished cancelled entered-in-error".split(),
)
# The system of the identifier that our app gives to care done elsewhere.
REPORTED_CARE = "urn:org.second-opinion:reported-care"
_REPORTED = {
    "patient": "reported by the patient",
    "relative": "reported by a relative",
    "clinician": "done elsewhere, recorded by a clinician",
}
_NOT_REAL = frozenset(("refuted", "entered-in-error"))
_ENDED = frozenset(("inactive", "remission", "resolved"))
_ACTIVE = frozenset(("active", "recurrence", "relapse"))


class Reasoned(Protocol):
    """Whatever gives its reasons as R4 does."""

    reasonCode: list[shapes.Concept] | None
    reasonReference: list[shapes.Reference] | None


def procedure(it: shapes.Procedure, source: str, context: Context) -> tuple[Event, ...]:
    meanings, label, by = read(it.code, OPERATION_OR_CARE)
    if not meanings:
        return ()
    if it.status == "not-done" and it.statusReason:  # what was refused, and that it was
        meanings += read(it.statusReason)[0]
    on, until = days_of(it.performedDateTime, it.performedPeriod, context.as_of)
    received = it.status in ("completed", "in-progress")
    reported = _reported_by(it)
    performers = [performer.actor for performer in it.performer or ()]
    functions = [performer.function for performer in it.performer or ()]
    event = Event(
        source=source, resource="Procedure", status=it.status or "", on=on, until=until, meanings=meanings,
        label=f"{label} ({_REPORTED[reported]})" if reported else label, by=by, reported=reported,
        aside=aside(it.status, _PROCEDURE, dated=bool(on) or not received),
        reasons=reasons_of(it, it, source, context), reasons_given=bool(it.reasonCode or it.reasonReference),
        outcome=_outcome(it.outcome), note=read(it.statusReason)[1],
        who=names_of(*performers), service=_service(*functions, *performers),
    )  # fmt: skip
    return (event,)


def _reported_by(it: shapes.Procedure) -> str:
    """Who says so: the patient or a relative; a clinician, of care recorded in our app; '' if it was simply done."""
    if not (it.asserter or it.identifier):  # as most
        return ""
    asserter = plain_reference(it.asserter.reference or "") if it.asserter else ""
    if asserter.startswith(("Patient/", "RelatedPerson/")):
        return "patient" if asserter.startswith("Patient/") else "relative"
    is_ours = any(identifier.system == REPORTED_CARE for identifier in it.identifier or ())
    return "clinician" if is_ours else ""


def _outcome(outcome: shapes.Concept | None) -> str:
    if outcome is None:
        return ""
    return next((says for code, says in _OUTCOMES.items() if has_code(outcome, _SNOMED, code)), "")


def _service(*parts: shapes.Concept | shapes.Reference | None) -> str:
    """The words that name a performer's service or specialty."""
    if not parts:
        return ""
    words = [read(part)[1] if isinstance(part, shapes.Concept) else (part.display or "") for part in parts if part]
    return " ".join(filter(None, words))


def reasons_of(it: Reasoned, inside: shapes.Resource, source: str, context: Context) -> tuple[Event, ...]:
    """The diagnoses given as reasonCode, or behind reasonReference, as active Conditions."""
    if not (it.reasonCode or it.reasonReference):
        return ()
    found: list[Event] = []
    for concept in it.reasonCode or ():
        meanings, label, by = read_diagnosis(concept)
        if meanings:
            found.append(Event(source=source, meanings=meanings, label=label, by=by, active=True))
    for reference in it.reasonReference or ():
        behind = context.resolve(reference, inside)
        if isinstance(behind, shapes.Condition):
            found += condition(behind, plain_reference(reference.reference or ""), context)
        elif behind is None and (named := _named(reference))[0]:
            found.append(Event(source=source, meanings=named[0], label=named[1], by="text", active=True))
    return tuple(found)


def reasons_unread(it: Reasoned, inside: shapes.Resource, context: Context) -> bool:
    """Whether a reason is given by a reference that cannot be resolved."""
    return any(context.resolve(each, inside) is None and not _named(each)[0] for each in it.reasonReference or ())


def _named(reference: shapes.Reference) -> tuple[tuple[Meaning, ...], str, str]:
    """The diagnosis that a reference names, where it cannot be resolved."""
    return read_diagnosis(shapes.Concept(text=reference.display))


def condition(it: shapes.Condition, source: str, context: Context) -> tuple[Event, ...]:
    meanings, label, by = read_diagnosis(it.code)
    if not meanings:
        return ()
    clinical, verified = status_code(it.clinicalStatus), status_code(it.verificationStatus)
    if verified in _NOT_REAL or clinical == "entered-in-error":
        return ()
    onset = day_of(it.onsetDateTime) or (day_of(it.onsetPeriod.start) if it.onsetPeriod else None)
    abatement = it.abatementPeriod or shapes.Period()
    ended = day_of(it.abatementDateTime) or day_of(abatement.end)
    abated = bool((ended and ended <= context.as_of) or it.abatementString or it.abatementAge)
    recorded = day_of(it.recordedDate) or onset
    event = Event(
        source=source, resource="Condition", status=clinical, on=recorded, until=recorded, meanings=meanings,
        label=label, by=by, ended=ended, active=clinical in _ACTIVE or (not clinical and not abated),
        aside="" if clinical in _ACTIVE | _ENDED | {""} else f"clinicalStatus {clinical!r} is unknown",
    )  # fmt: skip
    return (event,)


def observation(it: shapes.Observation, source: str, context: Context) -> Iterable[Event]:
    """Scores (of the Observation itself or its components), and what it states by code, value or in words."""
    if it.status in ("entered-in-error", "cancelled"):
        return ()
    says_more = it.valueString or it.valueCodeableConcept or it.note or it.component
    return _observed(it, source, context) if says_more or read(it.code)[0] else ()


def _observed(it: shapes.Observation, source: str, context: Context) -> Iterator[Event]:
    if it.valueString or it.note:
        yield from _told(it, source)
    for concept, quantity, number in _measured(it):
        meanings, label, by = read(concept)
        if not meanings:
            continue
        on, until = days_of(it.effectiveDateTime or it.effectiveInstant, it.effectivePeriod, context.as_of)
        quantity = quantity or shapes.Quantity()
        value = number if quantity.value is None else quantity.value
        is_score = any(meaning.value_set == "outcome_scores" for meaning in meanings)
        in_words = is_score and value is None and it.valueString is not None
        no_score = "no number in it" if in_words else _no_score(meanings, quantity.comparator, value)
        if value is not None or not is_score or in_words:
            yield Event(
                source=source, resource="Observation", status=it.status or "", on=on, until=until, meanings=meanings,
                label=label, by=by, value=None if no_score else value, unit=quantity.code or quantity.unit or "",
                aside=no_score or aside(it.status, _OBSERVATION, bool(on) or not is_score),
            )  # fmt: skip


def _no_score(meanings: Iterable[Meaning], comparator: str | None, value: float | None) -> str:
    """Why a number is not what the patient scored: it is a bound, or not on the instrument's scale; '' if it is."""
    instrument = next((meaning.kind for meaning in meanings if meaning.kind in SCALES), "")
    if value is None or not instrument:
        return ""
    if comparator:
        return "it gives a bound, not a number"
    return "" if 0 <= value <= SCALES[instrument] else f"{value:g} is not on the scale of the {instrument}"


def _told(it: shapes.Observation, source: str) -> Iterator[Event]:
    """The patient's words under a preference item; under any other item they are somebody's findings."""
    if any(meaning.role == "narrative" for meaning in read(it.code)[0]):
        on = day_of(it.effectiveDateTime) or day_of(it.effectiveInstant)
        unplaced = aside(it.status, _OBSERVATION)
        yield from said(it.valueString, source, "Observation", on, unplaced)
        yield from notes(it.note, source, "Observation", on)


def _measured(it: shapes.Observation) -> Iterator[tuple[shapes.Concept | None, shapes.Quantity | None, float | None]]:
    """What is measured or stated: by the code, by a coded value, by the components."""
    is_yes_or_no = it.valueBoolean is not None or it.valueCodeableConcept is not None
    if not (is_yes_or_no and _denied(it)):
        yield it.code, it.valueQuantity, it.valueInteger
    if it.valueCodeableConcept and not (_refuses(it.valueCodeableConcept) and not _speaks_of_the_spine(it.code)):
        yield it.valueCodeableConcept, None, None
    for part in it.component or ():
        yield part.code, part.valueQuantity, part.valueInteger


def _denied(it: shapes.Observation) -> bool:
    """'Procedure not wanted: no'."""
    value = it.valueCodeableConcept
    return it.valueBoolean is False or has_code(value, _SNOMED, _NO) or status_code(value) in ("no", "n")


def _refuses(value: shapes.Concept) -> bool:
    return any(meaning.value_set == "patient_statements" for meaning in read(value)[0])


def _speaks_of_the_spine(code: shapes.Concept | None) -> bool:
    """'Colonoscopy: declined' is no statement about the spine; 'assertion: declined' stands for itself."""
    meanings = read(code, OPERATION)[0]
    of_ours = any(meaning.value_set in ("spine_surgery", "patient_statements") for meaning in meanings)
    return of_ours or code is None or status_code(code) in _NEUTRAL


def encounter(it: shapes.Encounter, source: str, context: Context) -> tuple[Event, ...]:
    emergency = it.kind is not None and it.kind.code == "EMER"
    readings, of_care = [], emergency
    for concept in (*(it.type or ()), it.serviceType):
        reading = read(concept, CARE)
        readings.append(reading)
        of_care = of_care or bool(reading[0])
    if not (of_care or it.reasonCode):
        return ()
    on, until = days_of(None, it.period, context.as_of)
    unplaced = aside(it.status, _ENCOUNTER, dated=bool(on) or it.status != "finished")
    stated = tuple(stated_as_reason(it.reasonCode, source, "Encounter", it.status or "", on, unplaced))
    if not of_care:
        return stated
    meanings = tuple(meaning for reading in readings for meaning in reading[0])
    label, by = next(((words, by) for found, words, by in readings if found), ("emergency encounter", "code"))
    participants = [participant.individual for participant in it.participant or ()]
    event = Event(
        source=source, resource="Encounter", status=it.status or "", on=on, until=until, meanings=meanings,
        label=label, by=by, aside=unplaced,
        reasons=reasons_of(it, it, source, context), reasons_given=bool(it.reasonCode or it.reasonReference),
        who=names_of(*participants),
        service=_service(*(it.type or ()), it.serviceType, *participants),
        emergency=emergency,
    )  # fmt: skip
    return (event, *stated)
