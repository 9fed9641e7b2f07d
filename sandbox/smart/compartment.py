"""Whose a resource is: which element of which type names the patient."""

from typing import Any

Json = dict[str, Any]

# Types that belong to nobody; all others are somebody's, or are kept from apps.
NOBODYS = frozenset(
    {
        "Binary", "HealthcareService", "Location", "Medication", "OperationOutcome", "Organization", "Practitioner",
        "PractitionerRole", "Questionnaire",
    }
)  # fmt: skip
_ELEMENT = {
    "AllergyIntolerance": "patient", "Consent": "patient", "Coverage": "beneficiary", "FamilyMemberHistory": "patient",
    "Immunization": "patient", "Provenance": "target", "RelatedPerson": "patient", "Task": "for",
}  # fmt: skip


def belongs_to(resource: Json, patient: str) -> bool:
    """Whether it may be shown or written where only this patient is looked at."""
    kind = resource.get("resourceType", "")
    if kind == "Patient":
        return bool(resource.get("id") == patient)
    return kind in NOBODYS or f"Patient/{patient}" in _references(resource, kind)


def _references(resource: Json, kind: str) -> list[str]:
    if kind == "Appointment":
        named = [each.get("actor", {}) for each in resource.get("participant", [])]
    else:
        named = resource.get(_ELEMENT.get(kind, "subject"), [])
    return [each.get("reference", "") for each in (named if isinstance(named, list) else [named])]
