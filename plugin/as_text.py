"""An assessment for people at a terminal."""

from collections.abc import Iterator

from cds_hooks.cards import summary_of
from cds_hooks.wording import WORDING
from second_opinion.assess import Assessment
from second_opinion.plain_words import spoken_date
from second_opinion.rules import RULES
from second_opinion.rules.wording import LANE_WORDS, lane_words, outcome_words


def as_text(file: str, assessment: Assessment) -> str:
    return "\n".join(_lines(file, assessment)) + "\n"


def _lines(file: str, assessment: Assessment) -> Iterator[str]:
    record, surgery = assessment.record, assessment.surgery
    yield f"{file}  ({record.person.reference or 'no patient'}, as of {spoken_date(record.as_of)})"
    if surgery is None:
        yield "  No planned spine operation was found."
        if missed := assessment.could_not_look:
            yield f"  One may be planned all the same: {lane_words(missed)} could not be read in full."
    else:
        read_by = ", recognised by its text" if surgery.by == "text" else ""
        yield f"  Planned   {surgery.label} ({', '.join(surgery.orders)}{read_by})"
        yield f"  Card      {_card(assessment)}"
        for finding in assessment.findings:
            outcome = outcome_words(RULES[finding.rule], finding.outcome, WORDING["outcomes"])
            yield f"  {RULES[finding.rule].PAGE['name']}: {outcome}. {finding.says}"
            for evidence in finding.evidence:
                sign = f" [{evidence.sign.replace('_', ' ')}]" if evidence.sign else ""
                when = spoken_date(evidence.on, evidence.rough)
                yield f"    {when:>11}  {evidence.shows}{sign}  {evidence.reference}"
    yield from _reading(assessment)


def _card(assessment: Assessment) -> str:
    if assessment.silence:
        shown = "; ".join(f"{evidence.shows} ({evidence.reference})" for evidence in assessment.silence.evidence)
        return f"none: silent, {assessment.silence.reason.replace('_', ' ')}: {shown}"
    if assessment.indicator is None:
        return "none: nothing to say"
    return f"{assessment.indicator}: {summary_of(assessment)}"


def _reading(assessment: Assessment) -> Iterator[str]:
    """What could not be read or placed; lanes that nobody asked for are not worth a line."""
    for name, lane in assessment.record.lanes.items():
        if lane.why and lane.why != ("not asked for",):
            yield f"  {LANE_WORDS[name].capitalize()}: {lane.state} ({'; '.join(lane.why)})"
        for each in lane.unread:
            yield f"    could not be read: {each.reference}: {each.why}"
        for event in lane.aside:
            yield f"    set aside: {event.source} {event.label}: {event.aside}"
    for each in assessment.record.skipped:
        yield f"  Not judged: {each.reference}: {each.why}"
