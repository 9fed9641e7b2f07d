"""How rules speak of what could not be read."""

from collections.abc import Iterable, Mapping
from types import ModuleType

from second_opinion.findings import listed
from second_opinion.record import Event, PatientRecord

LANE_WORDS = {
    "patient": "the patient's data", "procedures": "procedures", "conditions": "diagnoses",
    "care_plans": "care plans", "service_requests": "orders and referrals", "medications": "medications",
    "observations": "scores", "encounters": "encounters", "goals": "goals", "documents": "documents",
    "communications": "messages", "consents": "consents", "appointments": "appointments",
    "questionnaire_responses": "questionnaires",
}  # fmt: skip


def lane_words(lanes: Iterable[str]) -> str:
    """'procedures and diagnoses'."""
    return listed(LANE_WORDS[lane] for lane in dict.fromkeys(lanes))


def unread_words(record: PatientRecord, lanes: Iterable[str], aside: Iterable[Event] = ()) -> str:
    """'procedures (403) and diagnoses (not sent by the EHR) could not be read in full'."""
    names = [f"{LANE_WORDS[lane]}{_why(record, lane)}" for lane in dict.fromkeys(lanes)]
    if names:
        return f"{listed(names)} could not be read in full"
    reasons = dict.fromkeys(event.aside for event in aside)
    return f"some entries could not be placed ({listed(reasons)})"


def _why(record: PatientRecord, lane: str) -> str:
    why = record[lane].why
    return f" ({why[0]})" if why else ""


def lanes_of(rules: Mapping[str, ModuleType]) -> tuple[str, ...]:
    """The lanes that any of these rules needs, each once."""
    return tuple(dict.fromkeys(lane for rule in rules.values() for lane in rule.LANES))
