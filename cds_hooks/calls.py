"""A CDS Hooks request: what must be there, said by name and place if it is not; all else is taken as it comes."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from second_opinion.assess import Assessment, assess
from second_opinion.errors import OrdersMissing, UnreadableInput
from second_opinion.from_fhir import is_bundle, not_json, plain_json, plain_reference, read_prefetch
from second_opinion.planned_surgery import CHART_LANES, PlannedSurgery, in_chart, in_orders
from second_opinion.record import PatientRecord
from second_opinion.site import AS_SHIPPED, Site

Decoded = TypeVar("Decoded")
HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")


class _Authorization(Struct):
    """Present, it must come with a fhirServer; its token is for later releases and is never kept."""


class _Body(Struct):
    hook: str
    hookInstance: str
    context: Raw
    prefetch: dict[str, Raw] | None = None
    fhirServer: str | None = None
    fhirAuthorization: _Authorization | None = None


class _Context(Struct, kw_only=True):
    patientId: str
    userId: str | None = None
    encounterId: str | None = None


class _PatientView(_Context, kw_only=True):
    userId: str


class _OrderSign(_PatientView, kw_only=True):
    draftOrders: Raw


class _OrderSelect(_OrderSign, kw_only=True):
    selections: list[str]


class _AppointmentBook(_PatientView, kw_only=True):
    appointments: Raw


class _OrderDispatch(_Context, kw_only=True):
    """Version 1.1; in 1.0 it was one `order`. It names no user."""

    dispatchedOrders: list[str] | None = None
    order: str | None = None


_decode_body = json.Decoder(_Body).decode
_decode_context: dict[str, Callable[[bytes | Raw], _Context]] = {
    "patient-view": json.Decoder(_PatientView).decode,
    "order-select": json.Decoder(_OrderSelect).decode,
    "order-sign": json.Decoder(_OrderSign).decode,
    "appointment-book": json.Decoder(_AppointmentBook).decode,
    "order-dispatch": json.Decoder(_OrderDispatch).decode,
}
_BUNDLES = ("draftOrders", "appointments")


class _Head(Struct):
    hook: Any = None
    resourceType: Any = None


_decode_head = json.Decoder(_Head).decode


def is_call(body: bytes) -> bool:
    """Whether a document looks like a CDS Hooks request rather than a FHIR resource."""
    try:
        head = _decode_head(plain_json(body))
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return head.hook is not None and head.resourceType is None


class Call(Struct, frozen=True):
    """One call of ours, read: who asks about whom, and the record to judge."""

    hook: str
    instance: str
    user: str
    encounter: str
    fhir_server: str
    record: PatientRecord
    surgery: PlannedSurgery | None


def read_call(body: bytes, as_of: date, hook: str | None = None, site: Site = AS_SHIPPED) -> Call:
    """Raises UnreadableInput, naming the place, for a request that is malformed or meant for another hook.

    Raises OrdersMissing if the orders it is about are named only, and not in the chart that came with it.
    """
    sent = _decoded(_decode_body, plain_json(body), "$")
    if hook is not None and sent.hook != hook:
        raise UnreadableInput(f"this service answers {hook}, but the call's hook is {sent.hook!r} (at $.hook)")
    if sent.hook not in _decode_context:
        raise UnreadableInput(f"the hook {sent.hook!r} is none of {', '.join(HOOKS)} (at $.hook)")
    if not sent.hookInstance.strip():
        raise UnreadableInput("hookInstance is empty (at $.hookInstance)")
    if sent.fhirAuthorization is not None and not sent.fhirServer:
        raise UnreadableInput("fhirAuthorization needs a fhirServer (at $.fhirServer)")
    context = _decoded(_decode_context[sent.hook], sent.context, "$.context")
    for name in ("patientId", "userId"):
        said = getattr(context, name)
        if said is not None and not said.strip():
            raise UnreadableInput(f"{name} is empty (at $.context.{name})")
    given = next((name for name in _BUNDLES if hasattr(context, name)), None)
    drafts = getattr(context, given) if given else None
    if drafts is not None and not is_bundle(drafts):
        raise UnreadableInput(f"{given} is not a Bundle (at $.context.{given})")
    patient = context.patientId.removeprefix("Patient/")
    record = read_prefetch(sent.prefetch or {}, sent.hook, patient, as_of, drafts)
    return Call(
        hook=sent.hook,
        instance=sent.hookInstance,
        user=context.userId or "",
        encounter=context.encounterId or "",
        fhir_server=sent.fhirServer or "",
        record=record,
        surgery=_planned(record, context, sent.hook, site),
    )


def assess_call(call: Call, site: Site = AS_SHIPPED) -> Assessment:
    """The assessment of the operation that the call is about, by the site's rules."""
    looked_in = CHART_LANES if call.hook == "patient-view" else ()
    return assess(call.record, call.surgery, call.encounter, site, looked_in, hook=call.hook)


def _decoded(decode: Callable[[bytes | Raw], Decoded], raw: bytes | Raw, place: str) -> Decoded:
    try:
        return decode(raw)
    except ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise UnreadableInput(f"{said.replace('`', '')} (at {place}{where.rstrip('`')})") from None
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from None


def _planned(record: PatientRecord, context: _Context, hook: str, site: Site) -> PlannedSurgery | None:
    if hook == "patient-view":
        return in_chart(record, site.limits_on("planned_surgery", record.as_of))
    if hook == "order-dispatch":
        return _dispatched(record, getattr(context, "dispatchedOrders", None) or [getattr(context, "order", None)])
    selections = getattr(context, "selections", None)
    return in_orders(record, None if selections is None else map(_reference, selections))


def _dispatched(record: PatientRecord, named: list[str | None]) -> PlannedSurgery | None:
    """The orders that go out to a performer: known by reference only, so the chart must hold them."""
    if not all(name and name.strip() for name in named):
        raise UnreadableInput("dispatchedOrders names no order (at $.context.dispatchedOrders)")
    orders = [order for name in named if name and (order := _reference(name)).startswith("ServiceRequest/")]
    if missing := [order for order in orders if order not in record.references]:
        raise OrdersMissing(f"The dispatched orders {', '.join(missing)} were not sent. Prefetch service_requests.")
    return in_orders(record, orders, record["service_requests"].events)


def _reference(name: str) -> str:
    """'ServiceRequest/9' of a relative, absolute or versioned reference; a urn names an order as well."""
    plain = plain_reference(name)
    return f"ServiceRequest/{plain.rpartition(':')[2]}" if plain.startswith("urn:") else plain
