"""FHIR R4 resources as an old server would send them: the differences that trip those who expect R4."""

from typing import Any

Json = dict[str, Any]

_CALLED = {"ServiceRequest": "ProcedureRequest", "MedicationRequest": "MedicationOrder"}
_WORDS = ("clinicalStatus", "verificationStatus")  # CodeableConcepts in R4, plain codes before


def as_dstu2(resource: Json) -> Json:
    kind = resource.get("resourceType", "")
    old = resource | {"resourceType": _CALLED.get(kind, kind)}
    for name in _WORDS:
        if isinstance(old.get(name), dict):
            old[name] = next((coding.get("code") for coding in old[name].get("coding", [])), "active")
    if kind == "Condition" and "subject" in old:
        old["patient"] = old.pop("subject")
    if kind == "Encounter" and isinstance(old.get("class"), dict):
        old["class"] = "outpatient"
    if kind == "CapabilityStatement":
        old |= {"resourceType": "Conformance", "fhirVersion": "1.0.2"}
    return old
