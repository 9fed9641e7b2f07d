"""Builds the CDS Hooks request an EHR would send for a teaching patient; this alone knows the context of each hook."""

from typing import Any
from uuid import uuid4

from fixtures.teaching import TeachingPatient
from sandbox.prefetch import fill
from second_opinion.data_needs import prefetch_templates

Json = dict[str, Any]

HOOKS = ("patient-view", "order-select", "order-sign")


def hook_call(patient: TeachingPatient, hook: str) -> Json:
    context = hook_context(patient, hook)
    return {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "context": context,
        "prefetch": fill(prefetch_templates(hook), patient.chart, context, patient.unreadable),
    }


def hook_context(patient: TeachingPatient, hook: str) -> Json:
    context: Json = {"userId": patient.user["id"], "patientId": patient.order["subject"]["reference"].split("/")[1]}
    if encounter := patient.order.get("encounter"):
        context["encounterId"] = encounter["reference"].split("/")[1]
    if hook == "patient-view":
        return context
    if hook == "order-select":
        context["selections"] = [f"ServiceRequest/{patient.order['id']}"]
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient.order}]}
    return context | {"draftOrders": drafts}
