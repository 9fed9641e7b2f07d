"""One FHIR resource -> the events in it. Pure: the resource, what it refers to, and the day we answer for."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.clinical import condition, encounter, observation, procedure
from second_opinion.from_fhir.context import Context
from second_opinion.from_fhir.dates import roughness
from second_opinion.from_fhir.medicines import medicine
from second_opinion.from_fhir.orders import appointment, care_plan, service_request
from second_opinion.from_fhir.spoken import communication, consent, document, goal, response
from second_opinion.record import Event

_EXTRACT: Mapping[type, Callable[[Any, str, Context], Iterable[Event]]] = {
    shapes.Procedure: procedure,
    shapes.Condition: condition,
    shapes.Observation: observation,
    shapes.Encounter: encounter,
    shapes.ServiceRequest: service_request,
    shapes.CarePlan: care_plan,
    shapes.Appointment: appointment,
    shapes.Goal: goal,
    shapes.Communication: communication,
    shapes.DocumentReference: document,
    shapes.Consent: consent,
    shapes.QuestionnaireResponse: response,
    shapes.MedicationRequest: medicine,
    shapes.MedicationStatement: medicine,
    shapes.MedicationDispense: medicine,
    shapes.MedicationAdministration: medicine,
}


def extract(resource: shapes.Resource, reference: str, context: Context) -> list[Event]:
    """The events of a resource that any rule could ask for, those to be set aside among them."""
    events = _EXTRACT.get(type(resource))
    if events is None:
        return []
    given = events(resource, reference, context)
    if not given:  # as of most resources
        return []
    found = [event for event in given if _could_matter(event)]
    if resource.modifierExtension:
        found = [replace(event, aside="it carries a modifierExtension") for event in found]
    if found and (rough := roughness(resource)):
        found = [replace(event, rough=rough) for event in found]
    return found


def _could_matter(event: Event) -> bool:
    said = event.meanings or event.emergency or event.own or event.unread
    return bool(said) and event.status != "entered-in-error"
