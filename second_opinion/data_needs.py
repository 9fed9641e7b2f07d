"""Which FHIR searches the rules need, said once: prefetch templates, the app's queries, SMART scopes."""

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

APP = "app"  # asks where a hook would: for every lane, and for scores that are shown but not judged
_ALL = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")


@dataclass(frozen=True, slots=True)
class Need:
    """One lane, the FHIR type that fills it and the hooks that want it prefetched."""

    lane: str
    type: str
    query: str = ""
    hooks: tuple[str, ...] = _ALL
    categories: str = ""  # for servers that refuse a search without any
    app_query: str = ""  # where the app's is another

    def is_asked_by(self, hook: str) -> bool:
        return hook == APP or hook in self.hooks

    def query_of(self, hook: str) -> str:
        return self.app_query if hook == APP and self.app_query else self.query


_JUDGED_SCORES = ("ODI", "NDI", "NRS")
_URLS = {"LOINC": "http://loinc.org", "SNOMED": "http://snomed.info/sct"}


def _observations(*scores: str) -> str:
    """What of Observation is wanted: these scores (none named: all), patients' statements, dissatisfaction."""
    groups = [group for group in VALUE_SETS["outcome_scores"]["groups"] if not scores or group["kind"] in scores]
    lines = [line for group in (*groups, *VALUE_SETS["patient_statements"]["groups"]) for line in group["codes"]]
    codes = [line.split()[:2] for line in (*lines, "SNOMED 185479006 Patient dissatisfied with result")]
    wanted = dict.fromkeys(quote(f"{_URLS[system]}|{code}", safe="") for system, code in codes if system in _URLS)
    return f"&code={','.join(wanted)}"


# MedicationRequest alone: US Core has it carry self-reported medicines too, and the two large EHRs offer no
# R4 MedicationStatement; asking for what nobody can send would leave the lane unreadable everywhere.
NEEDS = (
    Need("patient", "Patient"),
    Need("procedures", "Procedure"),
    # Epic wants a category, takes several, and has one kind of care plan behind each (seen 2025); the rest is US Core.
    Need("conditions", "Condition", categories="problem-list-item,encounter-diagnosis,health-concern"),
    Need("care_plans", "CarePlan", categories="assess-plan,38717003,734163000"),
    Need("service_requests", "ServiceRequest"),
    Need("medications", "MedicationRequest", "&_include=MedicationRequest:medication"),
    Need("observations", "Observation", _observations(*_JUDGED_SCORES), app_query=_observations()),
    Need("encounters", "Encounter"),
    Need("goals", "Goal"),
    Need("communications", "Communication"),
    Need("consents", "Consent"),
    Need("questionnaire_responses", "QuestionnaireResponse"),
    Need("appointments", "Appointment", hooks=("patient-view",)),
    # Hundreds a chart, and only for a rule that never raises a card: the app asks for them, a hook does not.
    Need("documents", "DocumentReference", hooks=()),
)


_NEED_OF = {need.lane: need for need in NEEDS}
_PATIENT = "{{context.patientId}}"


def prefetch_templates(hook: str) -> dict[str, str]:
    """Prefetch key (a lane name) to FHIR query, for one hook. No paired dates: clients merge them."""
    return {need.lane: _template(need, hook) for need in NEEDS if need.is_asked_by(hook)}


def search_for(lane: str, patient_id: str, hook: str = APP) -> tuple[str, str]:
    """A lane's query below a FHIR server's address, and the one to try if the server refuses the first ('' if none)."""
    need = _NEED_OF[lane]
    query = _template(need, hook).replace(_PATIENT, quote(patient_id, safe=""))
    return query, f"{query}&category={need.categories}" if need.categories else ""


def type_of(lane: str) -> tuple[str, frozenset[str]]:
    """The FHIR type that fills a lane, and the categories that are the whole of it (none: it has no such)."""
    need = _NEED_OF[lane]
    return need.type, frozenset(need.categories.split(",")) - {""}


def smart_scopes() -> list[str]:
    """The least that a SMART launch has to be granted, in SMART v2 form."""
    return [f"patient/{kind}.rs" for kind in sorted({need.type for need in NEEDS} | {"Medication"})]


def _template(need: Need, hook: str) -> str:
    if need.lane == "patient":
        return f"Patient/{_PATIENT}"
    return f"{need.type}?patient={_PATIENT}{need.query_of(hook)}&_count=500"
