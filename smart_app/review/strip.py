"""The decision strip: the planned operation, what was found, what the patient wants, and what could not be read."""

from msgspec import Struct

from second_opinion.assess import Assessment
from second_opinion.findings import Evidence, Finding
from second_opinion.plain_words import plain, spoken_date
from second_opinion.planned_surgery import operation_words
from second_opinion.rules import RULES
from second_opinion.rules.wording import by_reason, lanes_of, outcome_words
from second_opinion.silence import Silence
from smart_app.chart.case import Case
from smart_app.review.wishes import Said, goal_of
from smart_app.review.wording import WORDING

_IN_ORDER = ("concern", "unread", "missing", "met", "none")
_APART = "financial_ties"  # a line of its own, below
_GOALS = "patient_goals"
_CARE = "nonsurgical_care"


class Chip(Struct, frozen=True):
    """One finding in two words; `focused` if the card that opened the app spoke of it; `raises` if it raises one.

    `heading`: under what it stands in the strip, with others of the same answer.
    """

    rule: str
    name: str
    state: str
    words: str
    heading: str
    says: str
    focused: bool = False
    raises: bool = False

    @property
    def place(self) -> int:
        """What raises a card, found or missing, is read first."""
        return 0 if self.raises else _IN_ORDER.index(self.state)


class Strip(Struct, frozen=True):
    """`label` is empty without a planned operation: then `none` and `none_more` say how well it was looked for."""

    label: str = ""
    kind: str = ""
    orders: tuple[str, ...] = ()
    ordered: str = ""
    by: str = ""  # 'code', 'text', or 'card' if the chart does not show it
    none: str = ""
    none_more: str = ""
    chips: tuple[Chip, ...] = ()
    silence: str = ""
    silence_evidence: tuple[Evidence, ...] = ()
    goal: Said | None = None
    unread: tuple[tuple[str, str], ...] = ()  # lanes in words, and why

    @property
    def told(self) -> tuple[Chip, ...]:
        """The chips that say something; what does not apply is told below."""
        return tuple(chip for chip in self.chips if chip.state != "none")

    @property
    def groups(self) -> tuple[tuple[Chip, ...], ...]:
        """The same, of one answer together."""
        by_answer: dict[str, list[Chip]] = {}
        for chip in self.told:
            by_answer.setdefault(chip.heading, []).append(chip)
        return tuple(map(tuple, by_answer.values()))

    @property
    def too_little_care(self) -> bool:
        """Whether a referral to physical therapy is an answer to what was found."""
        return any(chip.rule == _CARE and chip.raises for chip in self.chips)

    @property
    def in_short(self) -> tuple[Chip, ...]:
        """Those that need a sentence at once."""
        return tuple(chip for chip in self.chips if chip.state in ("concern", "unread") or chip.raises or chip.focused)


def shown_findings(assessment: Assessment) -> tuple[Finding, ...]:
    """What the app may tell: rules that the site has switched on."""
    return tuple(finding for finding in assessment.findings if assessment.site.mode(finding.rule) == "on")


def chip_of(finding: Finding, case: Case) -> Chip:
    rule = RULES[finding.rule]
    state = WORDING["states"][finding.outcome]
    words = outcome_words(rule, finding.outcome, WORDING["outcomes"])
    # What is missing is named exactly: the operation may be on record, and its result not.
    heading = words if state == "missing" else WORDING["outcomes"][finding.outcome]
    focused, raises = finding.rule in case.launch.findings, finding in case.assessment.raising
    return Chip(finding.rule, rule.PAGE["name"], state, words, heading, finding.says, focused, raises)


def strip_of(case: Case) -> Strip:
    assessment = case.assessment
    record, surgery = assessment.record, assessment.surgery
    unread = tuple(by_reason(record, record.not_complete("patient", *lanes_of(RULES))))
    if surgery is None:
        none, more = _no_operation(assessment)
        return Strip(none=none, none_more=more, unread=unread)
    findings = shown_findings(assessment)
    chips = [chip_of(each, case) for each in findings if each.rule != _APART]
    ordered = [event.on for event in surgery.events if event.on]
    return Strip(
        label=plain(surgery.label[:1].upper() + surgery.label[1:], 160),
        kind=operation_words(surgery.kind, surgery.regions),
        orders=surgery.orders,
        ordered=spoken_date(max(ordered)) if ordered else "",
        by=surgery.by,
        chips=tuple(sorted(chips, key=lambda chip: chip.place)),
        silence=_silence_words(assessment.silence),
        silence_evidence=tuple(dict.fromkeys(assessment.silence.evidence)) if assessment.silence else (),
        goal=next((goal_of(finding, record) for finding in findings if finding.rule == _GOALS), None),
        unread=unread,
    )


def _no_operation(assessment: Assessment) -> tuple[str, str]:
    words = WORDING["no_operation"]
    if not assessment.could_not_look:
        return words["none_found"], words["none_found_more"]
    told = [f"{lanes}: {why}" for lanes, why in by_reason(assessment.record, assessment.could_not_look)]
    return words["could_not_look"] + ".", f"Not read in full: {'; '.join(told)}."


def _silence_words(silence: Silence | None) -> str:
    return WORDING["silence"][silence.reason] if silence else ""
