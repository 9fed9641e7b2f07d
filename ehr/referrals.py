"""The referrals that we draft, as valid FHIR R4; the card's and the app's are coded alike."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml
from msgspec import json

from ehr.r4 import checked
from second_opinion.from_fhir import OWN_REFERRAL

Json = dict[str, Any]
_WORDS: Json = yaml.load(files("ehr").joinpath("referrals.yaml").read_text("utf-8"), yaml.CSafeLoader)
_BASIS = re.compile(r"(ServiceRequest|CarePlan)/[A-Za-z0-9\-._]+")
_REQUESTER = re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-._]+")


def referral(
    kind: str,
    operation: str,
    patient: str,
    on: date,
    *,
    orders: Iterable[str] = (),
    requester: str = "",
    encounter: str = "",
    coding: Mapping[str, str] | None = None,
) -> Json:
    """A draft ServiceRequest of a kind in referrals.yaml (second_opinion, physical_therapy, ...), without identifier.

    `operation` in words, or '' to leave it out; `orders`: the planned ones, which it never changes; `coding`: the
    site's own, put before ours.
    """
    draft = _worded(kind, operation) | {"subject": {"reference": patient}, "authoredOn": on.isoformat()}
    if coding:  # Epic takes only its own preference-list items
        draft["code"] = {**draft["code"], "coding": [dict(coding), *draft["code"]["coding"]]}
    if basis := [{"reference": order} for order in sorted(orders) if _BASIS.fullmatch(order)]:
        draft["basedOn"] = basis
    if _REQUESTER.fullmatch(requester):
        draft["requester"] = {"reference": requester}
    if encounter:
        draft["encounter"] = {"reference": f"Encounter/{encounter.removeprefix('Encounter/')}"}
    return draft


def _worded(kind: str, operation: str) -> Json:
    draft: Json = json.decode(_validated(kind, operation))
    return draft


@lru_cache(maxsize=256)
def _validated(kind: str, operation: str) -> bytes:
    """As JSON all of the draft that our own words decide, validated once with an example of what each call fills in.

    A call adds only references, a date and an identifier, in forms that cannot make it invalid: validating the same
    words again in every call would cost as much as parsing half the chart.
    """
    words = _WORDS[kind]
    worded: Json = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [_WORDS["category"]]}],
        "code": {
            "coding": [words["code"]],
            "text": words["text"].format(operation=operation) if operation else words["alone"],
        },
    }
    if "reason" in words:
        worded["reasonCode"] = [{"coding": [words["reason"]]}]
    example = {"reference": "Patient/1"}
    filled_in = {
        "identifier": [{"system": OWN_REFERRAL, "value": "1"}],
        "subject": example,
        "authoredOn": "2026-11-22",
        "basedOn": [example],
        "requester": example,
        "encounter": example,
    }
    checked(worded | filled_in)
    return json.encode(worded)
