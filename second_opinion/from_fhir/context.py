"""What an extractor may look at besides the resource itself: what it refers to, whose that is, and the day."""

from collections.abc import Mapping, Set
from datetime import date

from msgspec import DecodeError, Struct, json

from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.concepts import plain_reference

_decode = json.Decoder(shapes.AnyResource).decode


class Context(Struct):
    """The resources of the chart by reference, all names of our patient, and the day we answer for."""

    as_of: date
    by_reference: Mapping[str, shapes.Resource]
    patient: Set[str]

    def resolve(self, reference: shapes.Reference | None, inside: shapes.Resource) -> shapes.Resource | None:
        """The resource: in the chart, or contained in `inside`; None if it cannot be had, or is not our patient's."""
        if reference is None or not reference.reference:
            return None
        plain = plain_reference(reference.reference)
        if plain.startswith("#"):
            return _contained(inside).get(plain[1:])
        behind = self.by_reference.get(plain)
        return behind if behind is not None and is_about(behind, self.patient) else None


def subject_of(resource: shapes.Resource) -> str | None:
    """The patient a resource is about, as it says; an Appointment has its patient among the participants."""
    subject = resource.subject or resource.patient
    if subject is None and isinstance(resource, shapes.Appointment):
        actors = [part.actor.reference for part in resource.participant or () if part.actor and part.actor.reference]
        return next((actor for actor in actors if "Patient/" in actor), None)
    return subject.reference if subject else None


def is_about(resource: shapes.Resource, names: Set[str]) -> bool:
    """Whether it is our patient's."""
    said = subject_of(resource)
    # No subject, a conditional reference or one within the resource: nothing says that it is somebody else's.
    return not said or said in names or "?" in said or said.startswith("#") or plain_reference(said) in names


def aside(status: str | None, known: frozenset[str], dated: bool = True) -> str:
    """Why an event cannot be placed safely; '' if it can."""
    if not status:
        return "no status"
    if status not in known:
        return f"status {status!r} is unknown"
    return "" if dated else "no date"


def _contained(resource: shapes.Resource) -> dict[str, shapes.Resource]:
    found = {}
    for raw in resource.contained or ():
        try:
            inner = _decode(raw)
        except DecodeError:  # a type we do not read, or one that is off: as if it could not be resolved
            continue
        found[(inner.id or "").lstrip("#")] = inner
    return found
