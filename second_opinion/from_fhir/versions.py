"""Other FHIR versions than R4: seen, they are named and never used; ignored, they would read as absence or as care."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from second_opinion.from_fhir.shapes import TYPES, CarePlan, Resource, ServiceRequest

# What older versions called the things we read.
OLDER_TYPES = {
    "ProcedureRequest": "service_requests",
    "ReferralRequest": "service_requests",
    "DiagnosticOrder": "service_requests",
    "MedicationOrder": "medications",
    "MedicationUsage": "medications",
}
_DRUG = {"medication": "R5"}
_STATEMENT = {"medication": "R5", "taken": "STU3", "wasNotTaken": "DSTU2"}
_ELEMENTS: dict[str, dict[str, str]] = {
    "Procedure": {
        "occurrenceDateTime": "R5", "occurrencePeriod": "R5", "reason": "R5",
        "notDone": "STU3", "notPerformed": "DSTU2",
    },
    "ServiceRequest": {"reason": "R5", "code": "R5"},
    "CarePlan": {"activity": "R5"},
    "MedicationRequest": _DRUG,
    "MedicationDispense": _DRUG,
    "MedicationAdministration": _DRUG,
    "MedicationStatement": _STATEMENT,
    "Condition": {"assertedDate": "STU3"},
    "Encounter": {"actualPeriod": "R5"},
}  # fmt: skip

_WRITTEN = {"code": "code.concept", "activity": "plannedActivityReference"}


def _getter(names: tuple[str, ...]) -> Callable[[Any], Any]:
    return attrgetter(*names)


# All elements of a type at once, in C: this is asked of every resource.
_SEEN = {
    TYPES[kind]: (_getter(tuple(elements)), (None,) * len(elements) if len(elements) > 1 else None)
    for kind, elements in _ELEMENTS.items()
}


def is_plainly_r4(resource: Resource) -> bool:
    """Whether nothing stands in it that another version might have written; if not, ask `other_version`."""
    seen = _SEEN.get(type(resource))
    return seen is None or bool(seen[0](resource) == seen[1])


def other_version(resource: Resource, kind: str) -> str:
    """Names the element that R4 does not have, and its version; '' for R4."""
    if is_plainly_r4(resource):
        return ""
    for element, version in _ELEMENTS[kind].items():
        value = getattr(resource, element)
        if value is not None and not (_is_r4_code(resource, element) or _is_r4_plan(resource)):
            return f"{_WRITTEN.get(element, element)} is {version}, not FHIR R4; send R4 resources"
    return ""


def _is_r4_code(resource: Resource, element: str) -> bool:
    """R5 wraps a ServiceRequest's code: {concept: ...}."""
    is_code = isinstance(resource, ServiceRequest) and element == "code"
    return is_code and getattr(getattr(resource, "code", None), "concept", None) is None


def _is_r4_plan(resource: Resource) -> bool:
    """R5 plans refer to what they plan as plannedActivityReference."""
    activities = resource.activity or () if isinstance(resource, CarePlan) else None
    return activities is not None and not any(each.plannedActivityReference for each in activities)
