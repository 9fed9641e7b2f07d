"""Why: each rule's question and answer, its limits with citations, what the answer rests on, and what was searched."""

from datetime import date
from typing import Any

from msgspec import Struct

from second_opinion.assess import Assessment
from second_opinion.durations import Duration
from second_opinion.findings import Evidence, Finding
from second_opinion.plain_words import plain
from second_opinion.record import PatientRecord, Unread
from second_opinion.rules import RULES
from second_opinion.rules.wording import LANE_WORDS, answer_words, lanes_of
from smart_app.chart.case import Case
from smart_app.review.strip import Chip, chip_of, shown_findings

_APART = "financial_ties"
_MOST = 200
_STATE_WORDS = {"complete": "read in full", "partial": "read in part", "unavailable": "could not be read"}
_CHIPS = {"complete": "met", "partial": "unread", "unavailable": "unread"}
_SIGNS = {"set_aside": "could not be placed", "earlier_operation": "earlier operation"}


class LimitShown(Struct, frozen=True):
    """`of_site`: this site has set a value of its own; `since` is the day from which ours holds."""

    says: str
    value: str
    since: date
    citation: str
    link: str
    of_site: bool


class Searched(Struct, frozen=True):
    """One lane: how much of it was read, and why not the rest."""

    name: str
    state: str
    words: str
    count: int
    why: str
    unread: tuple[Unread, ...] = ()


class Rule(Struct, frozen=True):
    """One finding with all that stands behind it."""

    chip: Chip
    question: str
    meaning: str
    evidence: tuple[Evidence, ...]
    evidence_left_out: int
    limits: tuple[LimitShown, ...]
    searched: tuple[Searched, ...]
    weight: str
    draft: bool
    settled: bool


class Why(Struct, frozen=True):
    """Each rule's finding, and every lane that was searched."""

    rules: tuple[Rule, ...]
    searched: tuple[Searched, ...]


def why(case: Case) -> Why:
    assessment = case.assessment
    findings = shown_findings(assessment)
    rules = [_rule(finding, case) for finding in findings if finding.rule != _APART]
    lanes = dict.fromkeys(("patient", *lanes_of(RULES), *assessment.looked_in))
    return Why(tuple(rules), _searched(assessment.record, tuple(lanes)))


def sign_words(sign: str) -> str:
    return _SIGNS.get(sign, sign.replace("_", " "))


def _rule(finding: Finding, case: Case) -> Rule:
    rule, assessment = RULES[finding.rule], case.assessment
    page = rule.PAGE
    return Rule(
        chip=chip_of(finding, case),
        question=page["question"],
        meaning=page["outcomes"].get(str(finding.outcome), ""),
        evidence=finding.evidence[:_MOST],
        evidence_left_out=max(0, len(finding.evidence) - _MOST),
        limits=_limits(finding.rule, page, assessment),
        searched=_searched(assessment.record, rule.LANES),
        weight=page["weight"],
        draft=page["status"] == "draft",
        settled=finding.rule in assessment.settled,
    )


def _limits(name: str, page: Any, assessment: Assessment) -> tuple[LimitShown, ...]:
    day, site = assessment.record.as_of, assessment.site
    in_force, changed = site.limits_on(name, day), site.changed_limits.get(name, {})
    shown = []
    for limit, written in page["limits"].items():
        cited = page["references"][written["reference"]]
        since = max((start for start in written["values"] if start <= day), default=min(written["values"]))
        value, of_site = _spoken(getattr(in_force, limit)), limit in changed
        shown.append(LimitShown(written["says"], value, since, cited["citation"], cited.get("link", ""), of_site))
    return tuple(shown)


def _spoken(value: Any) -> str:
    return str(value) if isinstance(value, Duration) else f"{value:g}"


def _searched(record: PatientRecord, lanes: tuple[str, ...]) -> tuple[Searched, ...]:
    return tuple(_lane(record, name) for name in lanes)


def _lane(record: PatientRecord, name: str) -> Searched:
    lane = record[name]
    reasons = "; ".join(answer_words(plain(why, 160)) for why in lane.why)
    words = _STATE_WORDS[lane.state]
    return Searched(LANE_WORDS[name], _CHIPS[lane.state], words, lane.count, reasons, lane.unread[:20])
