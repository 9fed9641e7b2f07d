"""Builds the CDS Hooks request an EHR would send for a teaching patient; this alone knows the context of each hook."""

from typing import Any
from uuid import uuid4

from fixtures.teaching import TeachingPatient
from sandbox.prefetch import fill
from second_opinion.data_needs import prefetch_templates

Json = dict[str, Any]

HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")


def hook_call(patient: TeachingPatient, hook: str) -> Json:
    context = hook_context(patient, hook)
    chart = with_signed_order(patient) if hook == "order-dispatch" else patient.chart
    return {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "context": context,
        "prefetch": fill(prefetch_templates(hook), chart, context, patient.unreadable),
    }


def hook_context(patient: TeachingPatient, hook: str) -> Json:
    order = patient.order
    whose: Json = {"patientId": order["subject"]["reference"].split("/")[1]}
    if hook == "order-dispatch":
        return whose | {"dispatchedOrders": [f"ServiceRequest/{order['id']}"], "performer": "Organization/surgery"}
    context: Json = {"userId": patient.user["id"]} | whose
    if encounter := order.get("encounter"):
        context["encounterId"] = encounter["reference"].split("/")[1]
    if hook == "patient-view":
        return context
    if hook == "appointment-book":
        return context | {"appointments": collection(appointment(patient))}
    if hook == "order-select":
        context["selections"] = [f"ServiceRequest/{order['id']}"]
    return context | {"draftOrders": collection(order)}


def with_signed_order(patient: TeachingPatient) -> Json:
    """The chart as it is when the order goes out: with the order in it, signed."""
    others = [each for each in patient.chart["entry"] if each["resource"]["id"] != patient.order["id"]]
    return patient.chart | {"entry": [*others, {"resource": signed_order(patient)}]}


def signed_order(patient: TeachingPatient) -> Json:
    return patient.order | {"status": "active"}


def appointment(patient: TeachingPatient) -> Json:
    """The operation as it is about to be booked: the patient's own appointment, else one for what the order asks."""
    if patient.appointment:
        return patient.appointment
    order = patient.order
    return {
        "resourceType": "Appointment",
        "id": f"{order['id']}-booked",
        "status": "proposed",
        "serviceType": [order["code"]],
        "reasonCode": order["reasonCode"],
        "basedOn": [{"reference": f"ServiceRequest/{order['id']}"}],
        "participant": [
            {"actor": order["subject"], "status": "needs-action"},
            {"actor": order["requester"], "status": "needs-action"},
        ],
    }


def collection(resource: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}
