"""Which of R4's invariants a document must keep, as the specification names them, in FHIRPath."""

from typing import Any

from fhirpathpy import evaluate
from fhirpathpy.models import models

Json = dict[str, Any]

_OF_BUNDLE = {
    "bdl-1": "total.empty() or type = 'searchset'",
    "bdl-2": "entry.search.empty()",
    "bdl-3": "entry.request.empty()",
    "bdl-4": "entry.response.empty()",
    "bdl-5": "entry.all(resource.exists())",
    "bdl-7": "entry.fullUrl.isDistinct()",
    "bdl-8": "entry.all(fullUrl.contains('/_history/').not())",
    "bdl-9": "identifier.system.exists() and identifier.value.exists()",
    "bdl-10": "timestamp.exists()",
    "bdl-11": "entry.first().resource.is(Composition)",
}
_OF_EACH = {  # by resource type; '' is any
    "": {
        "dom-2": "contained.contained.empty()",
    },
    "Composition": {
        "cmp-1": "section.all(text.exists() or entry.exists() or section.exists())",
        "cmp-2": "section.all(emptyReason.empty() or entry.empty())",
    },
    "Patient": {"pat-1": "contact.empty()"},
    "Condition": {
        "con-4": "abatement.empty() or clinicalStatus.coding.where(code = 'resolved' or code = 'remission' or"
        " code = 'inactive').exists()",
        "con-5": "verificationStatus.empty() or clinicalStatus.exists()",
    },
    "Observation": {
        "obs-6": "dataAbsentReason.empty() or value.empty()",
        "obs-7": "value.empty() or component.empty()",
    },
    "CarePlan": {"cpl-3": "activity.all(detail.empty() or reference.empty())"},
    "ServiceRequest": {"prr-1": "orderDetail.empty() or code.exists()"},
    "MedicationDispense": {"mdd-1": "whenHandedOver.empty() or whenPrepared.empty()"},
}


def broken(document: Json) -> list[str]:
    """The names of the invariants that the document does not keep."""
    found = [name for name, rule in _OF_BUNDLE.items() if not _holds(document, rule)]
    for entry in document["entry"]:
        resource = entry["resource"]
        rules = _OF_EACH[""] | _OF_EACH.get(resource["resourceType"], {})
        found += [f"{name} {resource['id']}" for name, rule in rules.items() if not _holds(resource, rule)]
    return found


def _holds(resource: Json, rule: str) -> bool:
    return bool(evaluate(resource, rule, model=models["r4"]) == [True])
