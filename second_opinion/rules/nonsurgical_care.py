"""Was nonsurgical care tried for long enough, and in more than one form, before this operation?

Met when               care received spans the bar for this operation and has at least two forms.
Concern when           some care was received, but a bar is missed.
Not documented when    everything was read and no care received appears; it may have happened elsewhere.
Could not assess when  the bars are not reached and a lane that holds care could not be read in full.
"""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from second_opinion import diagnoses
from second_opinion.durations import Duration, in_weeks, spoken
from second_opinion.findings import Evidence, Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.nonsurgical import Care, care_in, modalities
from second_opinion.plain_words import listed
from second_opinion.planned_surgery import PlannedSurgery, operation_words
from second_opinion.record import Event, PatientRecord
from second_opinion.rules.wording import lane_words, unread_words

PAGE = Page("rules/nonsurgical_care.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "modalities"))
LANES = ("procedures", "medications", "care_plans", "encounters")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    care = care_in(record, limits.look_back)
    bars = _bars(record, surgery, limits)
    certain = {_outcome(care.received, record, bar, limits) for bar in bars}
    with_aside = (*care.received, *care.aside) if care.aside else ()
    possible = certain | {_outcome(with_aside, record, bar, limits) for bar in bars if with_aside}
    unread = record.not_complete(*LANES)
    if len(certain) > 1:
        unread += ("conditions",)
    if certain != {Outcome.MET} and (unread or len(possible) > 1):
        outcome = Outcome.COULD_NOT_ASSESS
    else:
        (outcome,) = certain
    return _finding(outcome, record, surgery, limits, care, bars[-1], unread)


class Measured(Struct, frozen=True):
    """The care received in the look-back against the bars: its days and forms, and how many of each are asked for."""

    first: date
    last: date
    forms: tuple[str, ...]
    bar: Duration
    bar_days: int
    least: int

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    @property
    def long_enough(self) -> bool:
        return self.bar.after(self.first) <= self.last


def measured(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Measured:
    """What the rule compares, for whoever shows it; where two bars are possible, the longer one."""
    received, bar = care_in(record, limits.look_back).received, _bars(record, surgery, limits)[-1]
    first, last = _span(received, record, limits)
    bar_days = (bar.after(record.as_of) - record.as_of).days
    return Measured(first, last, modalities(received), bar, bar_days, limits.least_modalities)


def _bars(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> tuple[Duration, ...]:
    """The shortest span that counts; two, if which of them holds depends on diagnoses that could not be read."""
    if surgery.kind in ("decompression", "discectomy"):
        return (limits.bar_decompression,)
    if surgery.kind not in ("fusion", "instrumentation"):
        return (limits.bar_other,)
    known = diagnoses.given(surgery) or diagnoses.active_in_region(record, surgery)
    if not all(diagnoses.is_nonspecific(event) for event in known):
        return (limits.bar_other,)
    if not diagnoses.given(surgery) and not diagnoses.read_in_full(record, surgery):
        return (limits.bar_other, limits.bar_nonspecific_pain)
    return (limits.bar_nonspecific_pain,) if known else (limits.bar_other,)


def _outcome(events: Iterable[Event], record: PatientRecord, bar: Duration, limits: Limits) -> Outcome:
    care = tuple(events)
    if not care:
        return Outcome.NOT_DOCUMENTED
    first, last = _span(care, record, limits)
    # What has no date might have been any time: it could reach the bar.
    long_enough = bar.after(first) <= last or any(event.on is None for event in care)
    return Outcome.MET if long_enough and len(modalities(care)) >= limits.least_modalities else Outcome.CONCERN


def _span(care: Iterable[Event], record: PatientRecord, limits: Limits) -> tuple[date, date]:
    """First and last day of care inside the look-back."""
    since = limits.look_back.before(record.as_of)
    days = [(event.on, event.until or event.on) for event in care if event.on]
    first = min((max(on, since) for on, _ in days), default=record.as_of)
    return first, max((min(until, record.as_of) for _, until in days), default=first)


def _finding(
    outcome: Outcome,
    record: PatientRecord,
    surgery: PlannedSurgery,
    limits: Limits,
    care: Care,
    bar: Duration,
    unread: tuple[str, ...],
) -> Finding:
    forms = [PAGE["modalities"][modality] for modality in modalities(care.received)]
    first, last = _span(care.received, record, limits)
    span = in_weeks((last - first).days)
    words = {
        "modalities": listed(forms).capitalize(),
        "count": len(forms),
        "span": span,
        "look_back": spoken(limits.look_back.before(record.as_of), record.as_of),
        "bar": in_weeks((bar.after(record.as_of) - record.as_of).days),
        "least": limits.least_modalities,
        "ordered": PAGE["wording"]["ordered"].format(count=len(care.ordered)) if care.ordered else "",
        "so_far": f"{listed(forms).capitalize()}: {span} found so far" if forms else PAGE["wording"]["nothing"],
        "unread": unread_words(unread, care.aside),
        "lanes": lane_words(unread) or "some entries",
        "planned": operation_words(surgery.kind, surgery.regions).capitalize(),
    }
    return Finding(
        rule="nonsurgical_care",
        outcome=outcome,
        says=PAGE["wording"]["says"][outcome].format(**words),
        evidence=tuple(_evidence(care)),
        could_not_read=unread,
        summary=tuple(form.format(**words) for form in PAGE["wording"]["summary"].get(outcome, ())),
    )


def _evidence(care: Care) -> Iterable[Evidence]:
    for events, sign in ((care.received, "received"), (care.ordered, "ordered"), (care.aside, "set_aside")):
        yield from (shown(event, sign, _marked(event, sign)) for event in events)
    for event in care.declined:
        yield shown(event, "declined", f"{event.label}: {event.note}" if event.note else "")


def _marked(event: Event, sign: str) -> str:
    """A completed order stays an order; it is marked as completed, and nobody documented the care itself."""
    is_order = sign == "ordered" and event.resource == "ServiceRequest"
    return f"{event.label} (order marked completed)" if is_order and event.status == "completed" else ""
