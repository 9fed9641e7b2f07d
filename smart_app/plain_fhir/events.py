"""Which FHIR resource an event becomes, if it can be written without filling in what nobody knows."""

from collections.abc import Callable, Collection, Mapping

from second_opinion.record import Event
from smart_app.plain_fhir import asked, done
from smart_app.plain_fhir.parts import STATEMENTS, Json, Telling, concept

_MAY_BE_UNDATED = ("", "no date")  # of what was set aside for another reason, nobody knows what it is
_WRITERS: Mapping[str, Callable[[Event, Json, Telling], Json | None]] = {
    "Procedure": done.procedure,
    "Condition": done.condition,
    "Observation": done.score,
    "Encounter": done.encounter,
    "ServiceRequest": asked.order,
    "CarePlan": asked.plan,
    "MedicationRequest": asked.prescription,
    "MedicationDispense": asked.dispense,
    "MedicationStatement": asked.taken,
    "MedicationAdministration": asked.taken,
}


def resource_of(event: Event, words: str, telling: Telling, without: Collection[str] = ()) -> Json | None:
    """The event under these `words`, without its codes of some value sets; None if words alone can tell it."""
    write = _WRITERS.get(event.resource)
    code = concept(words, [meaning for meaning in event.meanings if meaning.value_set not in without])
    return write(event, code, telling) if write and code and event.aside in _MAY_BE_UNDATED else None


def wish_of(event: Event, words: str, telling: Telling) -> Json | None:
    """What the patient said, under the heading `words`; or a referral that was asked for."""
    return done.statement(event, words, telling) if event.means(STATEMENTS) else resource_of(event, words, telling)
