"""The context of each hook: who, about whom, and which orders; what must be there is said by name and place."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import Page, is_bundle, not_json, plain_reference, read_page, whole

Decoded = TypeVar("Decoded")


class Context(Struct, kw_only=True):
    patientId: str
    userId: str | None = None
    encounterId: str | None = None


class _PatientView(Context, kw_only=True):
    userId: str


class _OrderSign(_PatientView, kw_only=True):
    draftOrders: Raw


class _OrderSelect(_OrderSign, kw_only=True):
    selections: list[str]


class _AppointmentBook(_PatientView, kw_only=True):
    appointments: Raw


class _OrderDispatch(Context, kw_only=True):
    """Version 1.1; in 1.0 it was one `order`. It names no user."""

    dispatchedOrders: list[str] | None = None
    order: str | None = None


_DECODE: dict[str, Callable[[bytes | Raw], Context]] = {
    "patient-view": json.Decoder(_PatientView).decode,
    "order-select": json.Decoder(_OrderSelect).decode,
    "order-sign": json.Decoder(_OrderSign).decode,
    "appointment-book": json.Decoder(_AppointmentBook).decode,
    "order-dispatch": json.Decoder(_OrderDispatch).decode,
}
HOOKS = tuple(_DECODE)
_BUNDLES = ("draftOrders", "appointments")


def context_of(hook: str, raw: Raw) -> Context:
    """Raises UnreadableInput, naming the place, for what this hook's context may not be."""
    context = decoded(_DECODE[hook], raw, "$.context")
    for name in ("patientId", "userId"):
        said = getattr(context, name)
        if said is not None and not said.strip():
            raise UnreadableInput(f"{name} is empty (at $.context.{name})")
    return context


def drafts_in(context: Context) -> Page | None:
    """The orders or appointments, read; None where a hook has none. Raises UnreadableInput if they are no Bundle."""
    given = next((name for name in _BUNDLES if hasattr(context, name)), None)
    drafts: Raw | None = getattr(context, given) if given else None
    if drafts is not None and not is_bundle(drafts):
        raise UnreadableInput(f"{given} is not a Bundle (at $.context.{given})")
    return None if drafts is None else read_page(drafts, "orders")


def orders_named_in(context: Context) -> tuple[str, ...] | None:
    """The orders selected or dispatched, as 'ServiceRequest/9'; None where a hook names none."""
    if isinstance(context, _OrderSelect):
        return tuple(map(_reference, context.selections))
    if not isinstance(context, _OrderDispatch):
        return None
    named = context.dispatchedOrders or [context.order or ""]
    if not all(name.strip() for name in named):
        raise UnreadableInput("dispatchedOrders names no order (at $.context.dispatchedOrders)")
    orders = map(_reference, named)
    return tuple(order for order in orders if order.startswith("ServiceRequest/"))


def _reference(name: str) -> str:
    """'ServiceRequest/9' of a relative, absolute or versioned reference; a urn names an order as well."""
    plain = plain_reference(name)
    return f"ServiceRequest/{plain.rpartition(':')[2]}" if plain.startswith("urn:") else plain


def decoded(decode: Callable[[bytes | Raw], Decoded], raw: bytes | Raw, place: str) -> Decoded:
    try:
        return decode(raw)
    except ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise UnreadableInput(f"{said.replace('`', '')} (at {place}{where.rstrip('`')})") from None
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        if body := whole(bytes(raw)):
            return decoded(decode, body, place)
        raise not_json(error) from None
