"""Medicines asked for, taken, handed over and given -> events; a period of supply is a period of care."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.concepts import MEDICINE, read, read_words
from second_opinion.from_fhir.context import Context, aside
from second_opinion.from_fhir.dates import day_of, days_of, supply_of
from second_opinion.record import TAKEN, Event
from second_opinion.value_sets import Meaning

_KNOWN: Mapping[type, frozenset[str]] = {
    shapes.MedicationRequest: frozenset("active on-hold cancelled completed entered-in-error stopped draft".split()),
    shapes.MedicationStatement: frozenset(
        "active completed entered-in-error intended stopped on-hold not-taken".split()
    ),
    shapes.MedicationDispense: frozenset(
        "preparation in-progress cancelled on-hold completed entered-in-error stopped declined".split()
    ),
    shapes.MedicationAdministration: frozenset(
        "in-progress not-done on-hold completed entered-in-error stopped".split()
    ),
}


def medicine(it: Any, source: str, context: Context) -> tuple[Event, ...]:
    """The event of any of the four medication resources."""
    meanings, label, by = _named(it, context)
    if not meanings:
        if it.medicationReference and not label:
            return (Event(source=source, status=it.status or "", unread="the medicine it refers to could not be read"),)
        return ()
    on, until = _DAYS[type(it)](it, context)
    event = Event(
        source=source, resource=type(it).__name__, status=it.status or "", on=on, until=until, meanings=meanings,
        label=label, by=by, aside=aside(it.status, _KNOWN[type(it)], dated=bool(on) or it.status not in TAKEN),
        intent=getattr(it, "intent", None) or "", do_not=bool(getattr(it, "doNotPerform", None)),
    )  # fmt: skip
    return (event,)


def _named(it: Any, context: Context) -> tuple[tuple[Meaning, ...], str, str]:
    """By code or name: of the concept given, of the Medication referred to (its ingredients too), or of a display."""
    if it.medicationReference is None:
        return _opioids_first(read(it.medicationCodeableConcept, MEDICINE))
    medication = context.resolve(it.medicationReference, it)
    if isinstance(medication, shapes.Medication):
        concepts = [medication.code, *(part.itemCodeableConcept for part in medication.ingredient or ())]
        readings = [reading for concept in concepts if (reading := read(concept, MEDICINE))[0]]
        label = next((words for concept in concepts if (words := read(concept)[1])), "")
        if readings or label:
            meanings = tuple(meaning for reading in readings for meaning in reading[0])
            return _opioids_first((meanings, label, readings[0][2] if readings else "code"))
    return read_words(it.medicationReference.display, MEDICINE)


def _opioids_first(reading: tuple[tuple[Meaning, ...], str, str]) -> tuple[tuple[Meaning, ...], str, str]:
    """A product with an opioid ingredient is an opioid, whatever else is in it or its name says."""
    meanings, label, by = reading
    if not meanings:
        return reading
    by_name = read_words(label, MEDICINE)[0]
    opioids = tuple(meaning for meaning in (*meanings, *by_name) if meaning.kind == "opioid")
    return (opioids or meanings, label, by)


def _request_days(it: shapes.MedicationRequest, context: Context) -> tuple[date | None, date | None]:
    """A prescription runs to its validity end, or authoredOn + supply; with neither it is one day."""
    dispense = it.dispenseRequest or shapes.DispenseRequest()
    validity = dispense.validityPeriod or shapes.Period()
    on = day_of(it.authoredOn) or day_of(validity.start)
    if on is None:
        return None, None
    return on, max(on, day_of(validity.end) or on + supply_of(dispense.expectedSupplyDuration))


def _dispense_days(it: shapes.MedicationDispense, context: Context) -> tuple[date | None, date | None]:
    on = day_of(it.whenHandedOver) or day_of(it.whenPrepared)
    return on, on and on + supply_of(it.daysSupply)


def _effective_days(it: Any, context: Context) -> tuple[date | None, date | None]:
    return days_of(it.effectiveDateTime, it.effectivePeriod, context.as_of)


_DAYS: Mapping[type, Callable[[Any, Context], tuple[date | None, date | None]]] = {
    shapes.MedicationRequest: _request_days,
    shapes.MedicationDispense: _dispense_days,
    shapes.MedicationStatement: _effective_days,
    shapes.MedicationAdministration: _effective_days,
}
