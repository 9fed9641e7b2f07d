"""What an extractor may look at besides the resource itself: what it refers to, and the day we answer for."""

from collections.abc import Mapping
from datetime import date

from msgspec import DecodeError, Struct, json

from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.concepts import plain_reference

_decode = json.Decoder(shapes.AnyResource).decode


class Context(Struct):
    """The resources of the chart by reference, and the day we answer for."""

    as_of: date
    by_reference: Mapping[str, shapes.Resource]

    def resolve(self, reference: shapes.Reference | None, inside: shapes.Resource) -> shapes.Resource | None:
        """The resource referred to: in the chart, or contained in `inside`; None if it cannot be had."""
        if reference is None or not reference.reference:
            return None
        plain = plain_reference(reference.reference)
        if plain.startswith("#"):
            return _contained(inside).get(plain[1:])
        return self.by_reference.get(plain)


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
