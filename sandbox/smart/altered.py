"""FHIR resources as they should not come: an old version's, with local codes only, of somebody else."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from sandbox.smart.upstream import Answer

Json = dict[str, Any]

SOMEBODY_ELSE = "somebody-else"
_LOCAL = "urn:oid:2.999.1"  # below 2.999 are examples
_EVERYWHERE_THE_SAME = ("http://terminology.hl7.org/", "http://unitsofmeasure.org")
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


def each_resource(answer: Answer, change: Callable[[Json], Json]) -> Answer:
    """Each resource changed, alone or in a Bundle."""
    found = answer.resource
    if not found or answer.status >= 300:
        return answer
    if found.get("resourceType") != "Bundle":
        return answer.with_resource(change(found))
    held = [entry for entry in found.get("entry", []) if "resource" in entry]
    entries = [entry | {"resource": change(entry["resource"])} for entry in held]
    return answer.with_resource(found | {"entry": entries})


def localised(value: Any) -> Any:
    if isinstance(value, list):
        return [localised(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: localised(item) for key, item in value.items()}
    if "code" not in value or "system" not in value or value["system"].startswith(_EVERYWHERE_THE_SAME):
        return changed
    return changed | {"system": _LOCAL, "code": f"L{crc32(value['code'].encode()) % 100_000}"}


def somebody_elses(resource: Json) -> Json:
    if resource.get("resourceType") == "Patient":
        return resource | {"id": SOMEBODY_ELSE}
    theirs = {"reference": f"Patient/{SOMEBODY_ELSE}"}
    return resource | {name: theirs for name in ("subject", "patient") if name in resource}
