"""Prepares hook calls as the mock EHR sends them: context, prefetch as far as it is sent, access, and a signature."""

import time
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from msgspec import Struct

from fixtures.teaching import TeachingPatient
from sandbox.breaking import Breaking
from sandbox.fhir_side import Behind
from sandbox.filling import Filled, fill, omitted
from sandbox.hook_calls import hook_context, signed_order
from sandbox.people import put_back
from sandbox.screens import with_procedure
from sandbox.signing import Signer
from second_opinion.data_needs import prefetch_templates

Json = dict[str, Any]

_SECONDS = 5.0


class Choices(Struct):
    """What was chosen on the screens; `visit` tells what was answered in one visit from another."""

    procedure: str = ""
    slot: str = ""
    performer: str = ""
    prefetch: str = "sent"
    visit: str = ""
    drafts: list[Json] = []


def prepared_call(
    behind: Behind, breaking: Breaking, signer: Signer, patient: TeachingPatient, hook: str, choices: Choices
) -> Json:
    """The call, where to send it, and how each lane of its prefetch was filled."""
    began = time.perf_counter()
    fault = breaking.fault
    as_ordered, patient = patient, with_procedure(patient, choices.procedure)
    sent_out(behind, patient if hook == "order-dispatch" else as_ordered, hook)
    context = chosen(hook_context(patient, hook), hook, choices)
    server, access = behind.for_the_service(patient.user["id"], context["patientId"])
    templates = prefetch_templates(hook)
    leave_out = choices.prefetch == "omitted" or (fault is not None and fault.omits_prefetch)
    filled: Filled = omitted(templates) if leave_out else fill(templates, context, server)
    path = f"/cds-services/second-opinion-{hook}"
    return {
        "url": f"down{path}" if fault and fault.down else f"..{path}",
        "authorization": signer.authorization(path, choices.visit),
        "body": request_body(hook, context, behind.address, access, filled),
        "lanes": [asdict(lane) for lane in filled.lanes],
        "milliseconds": (time.perf_counter() - began) * 1000,
    }


def request_body(hook: str, context: Json, server: str, access: Json | None, filled: Filled) -> Json:
    body = {"hook": hook, "hookInstance": str(uuid4()), "fhirServer": server}
    authorization = {"fhirAuthorization": access} if access else {}
    prefetch = {"prefetch": filled.prefetch} if filled.prefetch else {}
    return body | authorization | {"context": context} | prefetch


def chosen(context: Json, hook: str, choices: Choices) -> Json:
    """The context with what was chosen on the screen in it."""
    if hook == "appointment-book" and choices.slot:
        for entry in context["appointments"]["entry"]:
            entry["resource"] = entry["resource"] | {"start": choices.slot}
    if hook == "order-dispatch" and choices.performer:
        context["performer"] = choices.performer
    if choices.drafts and "draftOrders" in context:
        context["draftOrders"]["entry"] += [{"resource": draft} for draft in choices.drafts]
    return context


def sent_out(behind: Behind, patient: TeachingPatient, hook: str) -> None:
    """An order that goes out is signed, and so it is on the server; before that it is only a draft on the screen."""
    if behind.external:
        return
    if hook == "order-dispatch":
        behind.own.put(signed_order(patient), _SECONDS)
    elif not put_back(behind, patient):
        behind.own.delete(f"ServiceRequest/{patient.order['id']}", _SECONDS)
