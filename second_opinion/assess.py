"""All findings for one planned operation, as of one day, and what they amount to."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from second_opinion.answers import quiet_rules
from second_opinion.findings import Evidence, Finding, Outcome
from second_opinion.limits import Limits
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Lane, PatientRecord
from second_opinion.rules import RULES
from second_opinion.silence import Silence, silenced_by
from second_opinion.site import AS_SHIPPED, Site

# Which outcomes of which rules raise a card, and which rules say so when they could not be assessed.
_RAISING = {
    "repeat_surgery": (Outcome.CONCERN, Outcome.NOT_DOCUMENTED),
    "nonsurgical_care": (Outcome.CONCERN, Outcome.NOT_DOCUMENTED),
    "indication": (Outcome.CONCERN, Outcome.NOT_DOCUMENTED),
    "patient_goals": (Outcome.CONCERN,),
    "patient_concern": (Outcome.CONCERN,),
}
_NEVER_SHOWN = ("financial_ties",)  # for the app alone
_MOST_ON_CARD = 200  # pieces of evidence of one finding: thousands would be a card of a megabyte
_INCOMPLETE = ("repeat_surgery", "nonsurgical_care")


class Assessment(Struct, frozen=True):
    """`indicator` is that of the card ('warning', 'info'), or None when no card is shown.

    `settled`: the rules whose finding a clinician's answer has settled; `shown`: the findings a card may speak of;
    `raising`: those that raise it, strongest first.
    """

    record: PatientRecord
    surgery: PlannedSurgery | None
    site: Site = AS_SHIPPED
    looked_in: tuple[str, ...] = ()
    silence: Silence | None = None
    indicator: str | None = None
    findings: tuple[Finding, ...] = ()
    settled: frozenset[str] = frozenset()
    shown: tuple[Finding, ...] = ()
    raising: tuple[Finding, ...] = ()

    @property
    def unread(self) -> tuple[Finding, ...]:
        """The findings that could not be assessed and that a card should tell of when nothing else raises one."""
        could_not = [finding for finding in self.shown if finding.outcome is Outcome.COULD_NOT_ASSESS]
        return tuple(f for f in could_not if f.rule in _INCOMPLETE) if self.site.incomplete_card else ()

    @property
    def could_not_look(self) -> tuple[str, ...]:
        """With no planned operation found in the chart: the lanes that might have held one and were not read."""
        return () if self.surgery else self.record.not_complete(*self.looked_in)


def assess(
    record: PatientRecord,
    surgery: PlannedSurgery | None,
    encounter: str = "",
    site: Site = AS_SHIPPED,
    looked_in: tuple[str, ...] = (),
    limits: Mapping[str, Limits] | None = None,
    hook: str = "",
) -> Assessment:
    """Judges one planned operation by the site's rules, at the moment of a hook.

    `looked_in`: the lanes that were searched for it; `limits` replaces the limits of single rules.
    """
    if surgery is None:
        return Assessment(record, None, site, looked_in)
    if site.payments:
        record = replace(record, payments=site.payments)
    changed = limits or {}
    in_force = {name: changed.get(name) or site.limits_on(name, record.as_of) for name in ("silence", *RULES)}
    silence = silenced_by(record, surgery, encounter, in_force["silence"], hook)
    settled = quiet_rules(record, surgery, in_force["silence"])
    findings = tuple(
        rule.evaluate(record, surgery, in_force[name]) for name, rule in RULES.items() if site.mode(name) != "off"
    )
    shown = tuple(finding for finding in findings if _is_for_cards(finding.rule, site, settled))
    assessment = Assessment(record, surgery, site, looked_in, silence, None, findings, settled, shown, _raising(shown))
    return assessment if silence else replace(assessment, indicator=_indicator(assessment, surgery))


def _is_for_cards(rule: str, site: Site, settled: frozenset[str]) -> bool:
    """Whether the site has switched it on, it is for cards at all, and no answer has settled it."""
    return site.mode(rule) == "on" and rule not in _NEVER_SHOWN and rule not in settled


def _raising(shown: tuple[Finding, ...]) -> tuple[Finding, ...]:
    raised = [finding for finding in shown if finding.outcome in _RAISING.get(finding.rule, ())]
    return tuple(sorted(raised, key=lambda finding: finding.outcome is not Outcome.CONCERN))


def _indicator(assessment: Assessment, surgery: PlannedSurgery) -> str | None:
    concerns = [finding.rule for finding in assessment.raising if finding.outcome is Outcome.CONCERN]
    if surgery.priority != "urgent" and ("repeat_surgery" in concerns or len(concerns) > 1):
        return "warning"
    return "info" if assessment.raising or assessment.unread else None


def as_json(assessment: Assessment, file: str | None = None) -> dict[str, Any]:
    """The assessment in the form of the contract; without `file`, as the card carries it."""
    record, surgery, silence = assessment.record, assessment.surgery, assessment.silence
    findings, most = (assessment.shown, _MOST_ON_CARD) if file is None else (assessment.findings, None)
    head: dict[str, Any] = {} if file is None else {"file": file, "patient": record.person.reference or None}
    return head | {
        "as_of": record.as_of.isoformat(),
        "planned_surgery": surgery and _surgery(surgery),
        "silenced_by": silence and {"reason": silence.reason, "evidence": [_evidence(e) for e in silence.evidence]},
        "indicator": assessment.indicator,
        "findings": [_finding(each, most) for each in findings],
        "lanes": {name: _lane(lane, record) for name, lane in record.lanes.items()},
    }


def _surgery(surgery: PlannedSurgery) -> dict[str, Any]:
    return {
        "kind": surgery.kind,
        "regions": sorted(surgery.regions) or ["unknown"],
        "orders": list(surgery.orders),
        "label": surgery.label,
        "by": surgery.by,
    }


def _finding(finding: Finding, most: int | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "rule": finding.rule,
        "outcome": str(finding.outcome),
        "says": finding.says,
        "evidence": [_evidence(evidence) for evidence in finding.evidence[:most]],
        "could_not_read": list(finding.could_not_read),
    }
    if most and len(finding.evidence) > most:
        said["evidence_left_out"] = len(finding.evidence) - most
    return said


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "reference": evidence.reference,
        "date": evidence.on.isoformat() if evidence.on else None,
        "shows": evidence.shows,
        "sign": evidence.sign or None,
        "code": evidence.code or None,
    }


def _lane(lane: Lane, record: PatientRecord) -> dict[str, Any]:
    said: dict[str, Any] = {"state": str(lane.state), "count": lane.count}
    if lane.why:
        said["why"] = "; ".join(lane.why)
    unread = list(lane.unread) + (list(record.skipped) if lane.name == "service_requests" else [])
    if unread:
        said["unread"] = [{"reference": each.reference, "why": each.why} for each in unread]
    if lane.aside:
        each_once = dict.fromkeys((event.source, event.aside) for event in lane.aside)
        said["set_aside"] = [{"reference": reference, "why": why} for reference, why in each_once]
    return said
