"""'Why am I seeing this?': each rule with its question, limits in force and citations, readable without signing in."""

from dataclasses import dataclass
from datetime import date
from types import ModuleType
from typing import Any

from cds_hooks.wording import WORDING
from second_opinion.rules import RULES
from second_opinion.rules.wording import outcome_words


@dataclass(frozen=True, slots=True)
class RulePage:
    """One rule as a clinician reads it; limits are (what it says, value, since when, citation, link)."""

    id: str
    name: str
    question: str
    status: str
    outcomes: dict[str, str]
    limits: list[tuple[str, str, date, str, str]]
    weight: str


def pages_of_rules(day: date) -> list[RulePage]:
    return [
        RulePage(
            id=name,
            name=rule.PAGE["name"],
            question=rule.PAGE["question"],
            status=rule.PAGE["status"],
            outcomes={_words(rule, outcome): says for outcome, says in rule.PAGE["outcomes"].items()},
            limits=[_limit(rule.PAGE, limit, day) for limit in rule.PAGE["limits"]],
            weight=rule.PAGE["weight"],
        )
        for name, rule in RULES.items()
    ]


def _words(rule: ModuleType, outcome: str) -> str:
    """As the card says it."""
    return outcome_words(rule, outcome, WORDING["outcomes"])


def _limit(page: Any, name: str, day: date) -> tuple[str, str, date, str, str]:
    limit = page["limits"][name]
    cited = page["references"][limit["reference"]]
    since = max((start for start in limit["values"] if start <= day), default=min(limit["values"]))
    return limit["says"], str(limit["values"][since]), since, cited["citation"], cited.get("link", "")
