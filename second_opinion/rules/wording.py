"""How rules speak of what could not be read."""

from collections.abc import Collection, Iterable, Mapping
from types import ModuleType

from second_opinion.plain_words import listed, plain
from second_opinion.record import Event, PatientRecord

LANE_WORDS = {
    "patient": "the patient's data", "procedures": "procedures", "conditions": "diagnoses",
    "care_plans": "care plans", "service_requests": "orders and referrals", "medications": "medications",
    "observations": "observations", "encounters": "encounters", "goals": "goals", "documents": "documents",
    "communications": "messages", "consents": "consents", "appointments": "appointments",
    "questionnaire_responses": "questionnaires",
}  # fmt: skip
_REFUSED = ("401", "403")


def outcome_words(rule: ModuleType, outcome: str, usual: Mapping[str, str]) -> str:
    """How a rule's heading says its outcome: the rule's own words, else the usual ones."""
    own = rule.PAGE.content.get("outcome_words", {})
    return str(own.get(outcome, usual[outcome]))


def lane_words(lanes: Iterable[str]) -> str:
    """'procedures and diagnoses'."""
    return listed(LANE_WORDS[lane] for lane in dict.fromkeys(lanes))


def unread_words(lanes: Collection[str], aside: Collection[Event] = ()) -> str:
    """'procedures and diagnoses could not be read in full', or which events could not be placed; '' if all were."""
    if not lanes and not aside:
        return ""
    if names := lane_words(lanes):
        return f"{names} could not be read in full"
    reasons = dict.fromkeys(plain(event.aside or "no date") for event in aside)
    return f"some entries could not be placed ({listed(reasons)})"


def answer_words(why: str) -> str:
    """Why something could not be read, where the reason is but a status: 'the EHR refused access (403)'."""
    if not why.isdecimal():
        return why
    return f"the EHR refused access ({why})" if why in _REFUSED else f"the EHR answered {why}"


def by_reason(record: PatientRecord, lanes: Iterable[str]) -> list[tuple[str, str]]:
    """Lanes in words, together with the others that could not be read for the same reason."""
    reasons: dict[str, list[str]] = {}
    for lane in dict.fromkeys(lanes):
        reasons.setdefault(plain(next(iter(record[lane].why), ""), 120).rstrip("."), []).append(lane)
    return [(lane_words(names), answer_words(why)) for why, names in reasons.items()]


def lanes_of(rules: Mapping[str, ModuleType]) -> tuple[str, ...]:
    """The lanes that any of these rules needs, each once."""
    return tuple(dict.fromkeys(lane for rule in rules.values() for lane in rule.LANES))
