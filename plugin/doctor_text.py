"""A check-up of a FHIR server for people at a terminal, and the same as JSON."""

from collections.abc import Iterator
from typing import Any

from ehr.checkup import LaneTried, Report, RuleThere, Severity, Smart
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Table
from second_opinion.record import Reading
from second_opinion.rules.wording import LANE_WORDS, lane_words

_VERDICT = {
    Severity.ALL_RULES: "Every rule can be assessed here.",
    Severity.SOME_RULES: "Some rules cannot be assessed here; below is which, and why.",
    Severity.NOTHING: "Nothing can be assessed here.",
}
_LEGEND = (
    "GET and POST: how we asked; P/: the patient written as Patient/ID instead of ID; after a comma: with a category."
    " ok: read in full; part: read in part; a number: the HTTP status; bad: not usable FHIR; late, none: no answer in"
    " time, no answer at all; -: not tried. The service itself asks by the first GET. ms: of that."
)
_OFFERED = {True: "yes", False: "NO", None: "not said"}


def as_blocks(report: Report) -> Iterator[Block]:
    yield Heading(f"Check-up of {report.server}", 1)
    yield Paragraph(_VERDICT[report.severity], strong=True)
    if report.problem:
        yield Paragraph(f"What is wrong: {report.problem}.")
    if report.version:
        shown = (("FHIR version", report.version), ("Software", report.software), ("Tried with", report.patient))
        yield Items(tuple(Item(words, label=label) for label, words in shown if words))
    if report.lanes:
        yield from _lanes(report)
        yield Heading("What each rule can assess there")
        yield Items(tuple(Item(_can(report, rule), label=rule.name) for rule in report.rules))
        if any(rule.missing for rule in report.rules):
            yield Paragraph("In part: what it finds elsewhere counts, but it cannot say that something was not found.")
    if report.version and not (report.problem and not report.software and not report.smart.points):
        yield from _smart(report.smart)
    if report.advice:
        yield Heading("What to do")
        yield Items(tuple(Item(words) for words in report.advice), numbered=True)


def as_json(report: Report) -> dict[str, Any]:
    return {
        "server": report.server,
        "severity": int(report.severity),
        "problem": report.problem or None,
        "fhir_version": report.version or None,
        "software": report.software or None,
        "patient": report.patient or None,
        "lanes": {lane.lane: _lane_json(lane) for lane in report.lanes},
        "rules": {rule.rule: {"can_be_assessed": rule.can, "missing": rule.missing} for rule in report.rules},
        "smart": {
            "why": report.smart.why or None,
            "auth": report.smart.auth or None,
            "missing_scopes": report.smart.missing_scopes,
            "points": report.smart.points,
        },
        "advice": report.advice,
    }


def _lane_json(lane: LaneTried) -> dict[str, Any]:
    ours = lane.as_asked
    return {
        "type": lane.type, "declared": lane.declared, "whole": lane.whole, "state": ours.state, "count": ours.count,
        "milliseconds": ours.milliseconds, "why": lane.why or None,
        "tries": lane.tries,
    }  # fmt: skip


def _lanes(report: Report) -> Iterator[Block]:
    yield Heading("What can be read")
    yield Table(("What", "GET", "GET P/", "POST", "POST P/", "Found", "   ms"), tuple(map(_row, report.lanes)))
    yield Paragraph(_LEGEND)
    unread = [lane for lane in report.lanes if not lane.whole]
    if unread:
        yield Items(tuple(Item(lane.why, label=LANE_WORDS[lane.lane].capitalize()) for lane in unread))


def _row(lane: LaneTried) -> tuple[str, ...]:
    cells = (_cell(lane, form, full) for full in (False, True) for form in ("GET", "POST"))
    get, post, get_full, post_full = cells
    ours = lane.as_asked
    found = "" if ours.state is Reading.UNAVAILABLE else str(ours.count)
    return LANE_WORDS[lane.lane], get, get_full, post, post_full, found.rjust(5), str(ours.milliseconds).rjust(5)


def _cell(lane: LaneTried, form: str, full: bool) -> str:
    statuses = [each.status for each in lane.tries if (each.form, each.full) == (form, full)]
    return ",".join(statuses) or "-"


def _can(report: Report, rule: RuleThere) -> str:
    why = {lane.lane: lane.why for lane in report.lanes}
    reasons: dict[str, list[str]] = {}
    for lane in rule.missing:
        reasons.setdefault(why[lane], []).append(lane)
    said = "; ".join(f"{lane_words(lanes)}: {words}" for words, lanes in reasons.items())
    return f"{rule.can} ({said})" if said else rule.can


def _smart(smart: Smart) -> Iterator[Block]:
    yield Heading("What the app would get (SMART)")
    if smart.why:
        yield Paragraph(f"No SMART configuration could be read: {smart.why}.")
    else:
        rows = tuple((point.needs, _OFFERED[point.offered], point.said) for point in smart.points)
        yield Table(("The app needs", "Offered", "It says"), rows)
