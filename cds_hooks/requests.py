"""A CDS Hooks request as it is sent: what must be there, said by name and place if it is not; all else is optional."""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw, Struct, json

from cds_hooks.contexts import HOOKS, context_of, decoded, drafts_in, orders_named_in
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import Page, plain_json


class Authorization(Struct):
    access_token: str | None = None

    def __repr__(self) -> str:
        return "Authorization(...)"  # a token must end in no log


class _Body(Struct):
    hook: str
    hookInstance: str
    context: Raw
    prefetch: dict[str, Raw] | None = None
    fhirServer: str | None = None
    fhirAuthorization: Authorization | None = None


_decode_body = json.Decoder(_Body).decode


class Request(Struct, frozen=True):
    """A request with nothing in it judged yet. `orders` are those named: selected or dispatched ones."""

    hook: str
    instance: str
    user: str
    patient: str
    encounter: str
    fhir_server: str
    token: str
    prefetch: Mapping[str, Raw]
    drafts: Page | None
    orders: tuple[str, ...] | None

    def __repr__(self) -> str:
        return f"Request({self.hook!r}, ...)"  # nor this: it holds the token and the chart


class _Head(Struct):
    hook: Any = None
    resourceType: Any = None


_decode_head = json.Decoder(_Head).decode


def is_call(body: bytes) -> bool:
    """Whether a document looks like a CDS Hooks request rather than a FHIR resource."""
    try:
        head = decoded(_decode_head, plain_json(body), "$")
    except UnreadableInput:
        return False
    return head.hook is not None and head.resourceType is None


def read_request(body: bytes, hook: str | None = None) -> Request:
    """Raises UnreadableInput, naming the place, for a request that is malformed or meant for another hook."""
    sent = decoded(_decode_body, plain_json(body), "$")
    if hook is not None and sent.hook != hook:
        raise UnreadableInput(f"this service answers {hook}, but the call's hook is {sent.hook!r} (at $.hook)")
    if sent.hook not in HOOKS:
        raise UnreadableInput(f"the hook {sent.hook!r} is none of {', '.join(HOOKS)} (at $.hook)")
    if not sent.hookInstance.strip():
        raise UnreadableInput("hookInstance is empty (at $.hookInstance)")
    if sent.fhirAuthorization is not None and not sent.fhirServer:
        raise UnreadableInput("fhirAuthorization needs a fhirServer (at $.fhirServer)")
    context = context_of(sent.hook, sent.context)
    return Request(
        hook=sent.hook,
        instance=sent.hookInstance,
        user=context.userId or "",
        patient=context.patientId.removeprefix("Patient/"),
        encounter=context.encounterId or "",
        fhir_server=sent.fhirServer or "",
        token=(sent.fhirAuthorization.access_token if sent.fhirAuthorization else None) or "",
        prefetch=sent.prefetch or {},
        drafts=drafts_in(context),
        orders=orders_named_in(context),
    )
