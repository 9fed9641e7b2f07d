"""What the journal keeps of a call, also of one that was answered with silence: findings, not the chart."""

import re
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from cds_hooks.answering import Answered
from cds_hooks.calls import Call
from cds_hooks.cards import suggested
from cds_hooks.uuids import new_uuid
from journal.known import Known
from journal.rows import AssessmentRow, CardRow, KeptFinding, KeptLane
from second_opinion.assess import Assessment
from second_opinion.knowledge import fingerprint, software

SHOWN_BEFORE = "shown_before"  # not one of the rules' silences: the same signed orders came again


_VERSIONS = {"software": software(), "knowledge": fingerprint()}


def rows_of_call(
    call: Call, now: Known, answered: Answered, at: datetime, timing: Mapping[str, float]
) -> tuple[AssessmentRow, CardRow | None]:
    """The rows of one call; `timing` in milliseconds."""
    assessment, cards = answered.assessment, answered.cards
    surgery, silence = assessment.surgery, assessment.silence
    kept = AssessmentRow(
        id=new_uuid(), at=at, as_of=assessment.record.as_of, client=now.client, hook=call.hook,
        hook_instance=_uuid(call.instance), patient=now.patient, user=now.user, orders=now.orders,
        kind=surgery.kind if surgery else None,
        regions=tuple(sorted(surgery.regions)) if surgery else None,
        by=surgery.by if surgery else None,
        silenced_by=silence.reason if silence else SHOWN_BEFORE if answered.sent_again else None,
        indicator=assessment.indicator if cards else None,
        findings=tuple(KeptFinding(f.rule, f.outcome, _mode(assessment, f.rule)) for f in assessment.findings),
        lanes=_lanes(assessment),
        versions=_VERSIONS, timing=timing, could_not_look=bool(assessment.could_not_look),
    )  # fmt: skip
    if not cards or surgery is None:
        return kept, None
    (card,) = cards
    return kept, CardRow(
        uuid=card["uuid"], assessment=kept.id, client=now.client, patient=now.patient, user=now.user, at=at,
        as_of=kept.as_of, orders=now.orders, kind=surgery.kind, regions=tuple(sorted(surgery.regions)),
        raised=tuple(finding.rule for finding in assessment.raising or assessment.unread),
        suggestions=dict(zip((s["uuid"] for s in card["suggestions"]), suggested(assessment), strict=True)),
    )  # fmt: skip


def _lanes(assessment: Assessment) -> dict[str, KeptLane]:
    """How each lane was read; none where no operation was ordered, since then none was needed."""
    if assessment.surgery is None and not assessment.looked_in:
        return {}
    lanes = assessment.record.lanes
    return {name: KeptLane(lane.state, lane.count, _kind_of(lane.why)) for name, lane in lanes.items()}


def _kind_of(why: tuple[str, ...]) -> str:
    """Why a lane could not be read, in our own words only: what follows a colon or a quote may be the EHR's."""
    return re.split(r"[:'\"]", "; ".join(why), maxsplit=1)[0].strip() if why else ""


def _uuid(instance: str) -> str:
    """A hookInstance that is no UUID could be anything."""
    try:
        return str(UUID(instance))
    except ValueError:
        return ""


def _mode(assessment: Assessment, rule: str) -> str:
    return "settled" if rule in assessment.settled else assessment.site.mode(rule)
