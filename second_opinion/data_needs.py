"""Which FHIR searches the rules need, said once: prefetch templates, SMART scopes; every door reads it here."""

from dataclasses import dataclass
from urllib.parse import quote

from second_opinion.value_sets import VALUE_SETS

LANES = (
    "patient", "procedures", "conditions", "care_plans", "service_requests", "medications", "observations",
    "encounters", "goals", "documents", "communications", "consents", "appointments", "questionnaire_responses",
)  # fmt: skip

LANE_OF_TYPE = {
    "Patient": "patient", "Procedure": "procedures", "Condition": "conditions", "CarePlan": "care_plans",
    "ServiceRequest": "service_requests", "MedicationRequest": "medications", "MedicationStatement": "medications",
    "MedicationDispense": "medications", "MedicationAdministration": "medications", "Observation": "observations",
    "Encounter": "encounters", "Goal": "goals", "DocumentReference": "documents", "Communication": "communications",
    "Consent": "consents", "Appointment": "appointments", "QuestionnaireResponse": "questionnaire_responses",
}  # fmt: skip

_ALL = ("patient-view", "order-select", "order-sign")


@dataclass(frozen=True, slots=True)
class Need:
    """One lane, the FHIR type that fills it and the hooks that want it prefetched."""

    lane: str
    type: str
    query: str = ""
    hooks: tuple[str, ...] = _ALL


def _score_codes() -> str:
    """What of Observation is wanted: the scores that rules judge, and 'patient dissatisfied with the result'."""
    groups = [group for group in VALUE_SETS["outcome_scores"]["groups"] if group["kind"] in ("ODI", "NDI", "NRS")]
    loinc = [line.split()[1] for group in groups for line in group["codes"]]
    tokens = [f"http://loinc.org|{code}" for code in loinc] + ["http://snomed.info/sct|185479006"]
    return ",".join(quote(token, safe="") for token in tokens)


# MedicationRequest alone: US Core has it carry self-reported medicines too, and the two large EHRs offer no
# R4 MedicationStatement; asking for what nobody can send would leave the lane unreadable everywhere.
NEEDS = (
    Need("patient", "Patient"),
    Need("procedures", "Procedure"),
    Need("conditions", "Condition"),
    Need("care_plans", "CarePlan"),
    Need("service_requests", "ServiceRequest"),
    Need("medications", "MedicationRequest", "&_include=MedicationRequest:medication"),
    Need("observations", "Observation", f"&code={_score_codes()}"),
    Need("encounters", "Encounter"),
    Need("appointments", "Appointment", hooks=("patient-view",)),
)


def prefetch_templates(hook: str) -> dict[str, str]:
    """Prefetch key (a lane name) to FHIR query, for one hook. No paired dates: clients merge them."""
    return {need.lane: _template(need) for need in NEEDS if hook in need.hooks}


def smart_scopes() -> list[str]:
    """The least that a SMART launch has to be granted, in SMART v2 form."""
    return [f"patient/{kind}.rs" for kind in sorted({need.type for need in NEEDS} | {"Medication"})]


def _template(need: Need) -> str:
    if need.lane == "patient":
        return "Patient/{{context.patientId}}"
    return f"{need.type}?patient={{{{context.patientId}}}}{need.query}&_count=500"
