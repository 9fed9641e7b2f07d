"""A CDS Hooks request: what must be there, said by name and place if it is not; all else is taken as it comes."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from second_opinion.assess import Assessment, assess
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import is_bundle, not_json, plain_json, read_prefetch
from second_opinion.planned_surgery import PlannedSurgery, in_chart, in_orders
from second_opinion.record import PatientRecord

Decoded = TypeVar("Decoded")
HOOKS = ("patient-view", "order-select", "order-sign")


class _Authorization(Struct):
    """Present, it must come with a fhirServer; its token is for later releases and is never kept."""


class _Body(Struct):
    hook: str
    hookInstance: str
    context: Raw
    prefetch: dict[str, Raw] | None = None
    fhirServer: str | None = None
    fhirAuthorization: _Authorization | None = None


class _PatientView(Struct):
    userId: str
    patientId: str
    encounterId: str | None = None


class _OrderSign(_PatientView, kw_only=True):
    draftOrders: Raw


class _OrderSelect(_OrderSign, kw_only=True):
    selections: list[str]


_decode_body = json.Decoder(_Body).decode
_decode_context = {
    "patient-view": json.Decoder(_PatientView).decode,
    "order-select": json.Decoder(_OrderSelect).decode,
    "order-sign": json.Decoder(_OrderSign).decode,
}


class _Head(Struct):
    hook: Any = None
    resourceType: Any = None


_decode_head = json.Decoder(_Head).decode


def is_call(body: bytes) -> bool:
    """Whether a document looks like a CDS Hooks request rather than a FHIR resource."""
    try:
        head = _decode_head(plain_json(body))
    except (DecodeError, RecursionError):
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


def read_call(body: bytes, as_of: date, hook: str | None = None) -> Call:
    """Raises UnreadableInput, naming the place, for a request that is malformed or meant for another hook."""
    sent = _decoded(_decode_body, plain_json(body), "$")
    if hook is not None and sent.hook != hook:
        raise UnreadableInput(f"this service answers {hook}, but the call's hook is {sent.hook!r} (at $.hook)")
    if sent.hook not in _decode_context:
        raise UnreadableInput(f"the hook {sent.hook!r} is none of {', '.join(HOOKS)} (at $.hook)")
    if sent.fhirAuthorization is not None and not sent.fhirServer:
        raise UnreadableInput("fhirAuthorization needs a fhirServer (at $.fhirServer)")
    context = _decoded(_decode_context[sent.hook], sent.context, "$.context")
    for name in ("patientId", "userId"):
        if not getattr(context, name).strip():
            raise UnreadableInput(f"{name} is empty (at $.context.{name})")
    drafts = getattr(context, "draftOrders", None)
    if drafts is not None and not is_bundle(drafts):
        raise UnreadableInput("draftOrders is not a Bundle (at $.context.draftOrders)")
    patient = context.patientId.removeprefix("Patient/")
    record = read_prefetch(sent.prefetch or {}, sent.hook, patient, as_of, drafts)
    return Call(
        hook=sent.hook,
        instance=sent.hookInstance,
        user=context.userId,
        encounter=context.encounterId or "",
        fhir_server=sent.fhirServer or "",
        record=record,
        surgery=_planned(record, getattr(context, "selections", None), sent.hook),
    )


def assess_call(call: Call) -> Assessment:
    """The assessment of the operation that the call is about."""
    return assess(call.record, call.surgery, call.encounter)


def _decoded(decode: Callable[[bytes | Raw], Decoded], raw: bytes | Raw, place: str) -> Decoded:
    try:
        return decode(raw)
    except ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise UnreadableInput(f"{said.replace('`', '')} (at {place}{where.rstrip('`')})") from None
    except (DecodeError, RecursionError) as error:
        raise not_json(error) from None


def _planned(record: PatientRecord, selections: list[str] | None, hook: str) -> PlannedSurgery | None:
    if hook == "patient-view":
        return in_chart(record)
    wanted = None if selections is None else ["/".join(name.split("/")[-2:]) for name in selections]
    return in_orders(record, wanted)
