"""What each hook's context holds for a teaching patient; this alone knows it."""

from typing import Any

from fixtures.teaching import TeachingPatient

Json = dict[str, Any]

HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")


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
