"""One assessment -> at most one card: what a surgeon reads in five seconds, and what can be done from it."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import json

from cds_hooks.calls import Call
from cds_hooks.referrals import referral
from cds_hooks.uuids import new_uuid
from cds_hooks.wording import WORDING
from second_opinion.assess import Assessment, as_json
from second_opinion.findings import Evidence, Finding
from second_opinion.plain_words import plain, spoken_date
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import PatientRecord
from second_opinion.rules import RULES
from second_opinion.rules.wording import LANE_WORDS, by_reason, lanes_of, outcome_words

SUMMARY_MOST = 139
ASSESSMENT = "org.second-opinion.assessment"
_EVIDENCE_MOST = 4
_LONG_ID = 40  # Epic's ids reach 200 characters: no reader wants them
_REFERENCE = re.compile(r"[A-Za-z]+/[A-Za-z0-9\-.]+")


def cards_for(call: Call, assessment: Assessment, base_url: str) -> list[dict[str, Any]]:
    """The card, or none when nothing is to be said."""
    surgery = assessment.surgery
    if surgery is None or assessment.indicator is None:
        return []
    uuid = new_uuid()
    return [
        {
            "uuid": uuid,
            "summary": summary_of(assessment),
            "indicator": assessment.indicator,
            "detail": "\n".join(_detail(assessment, surgery)),
            "source": {"label": WORDING["source"], "url": f"{base_url}/why", "topic": WORDING["topic"]},
            "suggestions": list(_suggestions(call, assessment, surgery)),
            "selectionBehavior": assessment.site.selection_behavior,
            "overrideReasons": [
                {"code": code, "system": WORDING["override_reasons"]["system"], "display": words}
                for code, words in WORDING["override_reasons"]["reasons"].items()
            ],
            "links": _links(uuid, assessment, base_url),
            "extension": {ASSESSMENT: as_json(assessment)},
        }
    ]


def _links(uuid: str, assessment: Assessment, base_url: str) -> list[dict[str, str]]:
    """The app, told by names alone what the card was about; and what the strongest rule asks."""
    about = {"v": 1, "card": uuid, "findings": [f.rule for f in assessment.raising or assessment.unread]}
    return [
        {
            "label": WORDING["app"],
            "url": f"{base_url}/launch",
            "type": "smart",
            "appContext": json.encode(about).decode(),
        },
        {"label": WORDING["why"], "url": f"{base_url}/why#{_strongest(assessment).rule}", "type": "absolute"},
    ]


def _strongest(assessment: Assessment) -> Finding:
    return (assessment.raising or assessment.unread)[0]


def summary_of(assessment: Assessment) -> str:
    """Fact, number, verb, in at most 139 characters: the longest of the rule's forms that fits."""
    forms = _strongest(assessment).summary
    return next((form for form in forms if len(form) <= SUMMARY_MOST), plain(forms[-1], SUMMARY_MOST))


def _detail(assessment: Assessment, surgery: PlannedSurgery) -> Iterator[str]:
    """Markdown without tables or HTML: some EHRs print the one raw and choke on the other."""
    yield WORDING["lead"]["raised" if assessment.raising else "unread"]
    yield ""
    orders = ", ".join(_source(order) for order in surgery.orders)
    read_by = " (recognised by its text)" if surgery.by == "text" else ""
    yield f"**Planned:** {plain(surgery.label)} ({orders}){read_by}"
    yield ""
    for finding in assessment.shown:
        if finding.outcome == "not_applicable":
            continue
        outcome = outcome_words(RULES[finding.rule], finding.outcome, WORDING["outcomes"])
        yield f"- **{RULES[finding.rule].PAGE['name']}: {outcome}.** {finding.says}"
        if finding.outcome == "met":  # its sentence is enough; the evidence is in the app
            continue
        yield from (f"  - {_line(evidence)}" for evidence in finding.evidence[:_EVIDENCE_MOST])
        if len(finding.evidence) > _EVIDENCE_MOST:
            yield f"  - and {len(finding.evidence) - _EVIDENCE_MOST} more"
    yield ""
    yield f"**Searched:** {_searched(assessment.record)}"
    yield ""
    raised = assessment.raising or assessment.unread
    yield f"**Evidence:** {WORDING['evidence']} {RULES[raised[0].rule].PAGE['weight']}"
    if any(RULES[finding.rule].PAGE["status"] == "draft" for finding in raised):
        yield ""
        yield f"*{WORDING['draft']}*"


def _line(evidence: Evidence) -> str:
    sign = f" ({evidence.sign.replace('_', ' ')})" if evidence.sign else ""
    return f"{spoken_date(evidence.on, evidence.rough)}: {evidence.shows}{sign}, {_source(evidence.reference)}"


def _source(reference: str) -> str:
    if len(reference) <= _LONG_ID and _REFERENCE.fullmatch(
        reference
    ):  # nearly all: one patient's, so that remembering it would help nobody
        return reference
    return plain(reference if len(reference) <= _LONG_ID else reference.partition("/")[0], _LONG_ID)


def _searched(record: PatientRecord) -> str:
    """How much of each lane that a rule looked at was read, and why not the rest."""
    lanes = lanes_of(RULES)
    read = [f"{LANE_WORDS[name]} ({record[name].count})" for name in lanes if record[name].complete]
    said = [f"read in full: {', '.join(read)}"] if read else []
    said += [f"not read in full: {names} ({why})" for names, why in by_reason(record, record.not_complete(*lanes))]
    return "; ".join(said)


def suggested(assessment: Assessment) -> tuple[str, ...]:
    """A second-opinion referral, always; physical therapy when nonsurgical care is what was not found."""
    too_little_care = any(finding.rule == "nonsurgical_care" for finding in assessment.raising)
    return ("second_opinion", "physical_therapy") if too_little_care else ("second_opinion",)


def _suggestions(call: Call, assessment: Assessment, surgery: PlannedSurgery) -> Iterator[dict[str, Any]]:
    for kind in suggested(assessment):
        words = WORDING["suggestions"][kind]
        action = {
            "type": "create",
            "description": words["description"],
            "resource": referral(kind, call, surgery, assessment.site),
        }
        recommended = {"isRecommended": True} if kind == "second_opinion" else {}
        yield {"label": words["label"], "uuid": new_uuid(), **recommended, "actions": [action]}
