"""The draft orders that a card suggests, as valid FHIR R4."""

import re
from functools import lru_cache
from typing import Any
from uuid import uuid4

from fhir.resources.R4B import get_fhir_model_class
from fhir_core.fhirabstractmodel import FHIRAbstractModel

from cds_hooks.calls import Call
from cds_hooks.wording import WORDING
from second_opinion.from_fhir import OWN_REFERRAL
from second_opinion.planned_surgery import PlannedSurgery, operation_words
from second_opinion.site import AS_SHIPPED, Site

# Before any model is defined: a validation error must never print what is in a chart.
FHIRAbstractModel.set_global_model_config(hide_input_in_errors=True)
_SERVICE_REQUEST = get_fhir_model_class("ServiceRequest")
_BASIS = re.compile(r"(ServiceRequest|CarePlan)/[A-Za-z0-9\-._]+")
_REQUESTER = re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-._]+")


def referral(kind: str, call: Call, surgery: PlannedSurgery, site: Site = AS_SHIPPED) -> dict[str, Any]:
    """A draft ServiceRequest of a kind in wording.yaml (second_opinion, physical_therapy), based on the planned orders.

    It never changes those. Its identifier says that it is ours, so that we know it when it comes back.
    """
    coding = site.referral if kind == "second_opinion" else None
    draft = _worded(kind, operation_words(surgery.kind, surgery.regions)) | {
        "identifier": [{"system": OWN_REFERRAL, "value": str(uuid4())}],
        "subject": {"reference": call.record.person.reference},
        "authoredOn": call.record.as_of.isoformat(),
    }
    if coding:  # Epic takes only its own preference-list items
        draft["code"] = {**draft["code"], "coding": [dict(coding), *draft["code"]["coding"]]}
    if basis := [{"reference": order} for order in sorted(surgery.orders_behind) if _BASIS.fullmatch(order)]:
        draft["basedOn"] = basis
    if _REQUESTER.fullmatch(call.user):
        draft["requester"] = {"reference": call.user}
    if call.encounter:
        draft["encounter"] = {"reference": f"Encounter/{call.encounter.removeprefix('Encounter/')}"}
    return draft


@lru_cache(maxsize=256)
def _worded(kind: str, operation: str) -> dict[str, Any]:
    """All of the draft that our own words decide, validated once with an example of what each call fills in.

    A call adds only references, a date and a UUID, in forms that cannot make it invalid: validating the same words
    again in every call would cost as much as parsing half the chart.
    """
    words = WORDING["suggestions"][kind]
    worded: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [WORDING["referral"]["category"]]}],
        "code": {"coding": [words["code"]], "text": words["text"].format(operation=operation)},
    }
    if kind == "second_opinion":
        worded["reasonCode"] = [{"coding": [WORDING["referral"]["reason"]]}]
    example = {"reference": "Patient/1"}
    filled_in = {
        "identifier": [{"system": OWN_REFERRAL, "value": "1"}],
        "subject": example,
        "authoredOn": "2026-11-22",
        "basedOn": [example],
        "requester": example,
        "encounter": example,
    }
    _SERVICE_REQUEST.model_validate(worded | filled_in)
    return worded
