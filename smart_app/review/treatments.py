"""Treatments tried, by form of care: what, when, how often, by whom, with what result; and against the rule's bars."""

from datetime import date

from msgspec import Struct

from second_opinion.durations import in_weeks, spoken
from second_opinion.rules.nonsurgical_care import measured
from smart_app.chart.case import Case
from smart_app.review.care import Item, grouped, treatments
from smart_app.review.courses import Mark, courses
from smart_app.review.wording import WORDING

_MODALITIES: dict[str, str] = WORDING["modalities"]
_RULE = "nonsurgical_care"


class Treatment(Struct, frozen=True):
    """One form of care: the courses received, those only ordered, declined, or impossible to place."""

    modality: str
    name: str
    received: tuple[Mark, ...]
    ordered: tuple[Mark, ...]
    declined: tuple[Mark, ...]
    aside: tuple[Mark, ...]
    counts: bool

    @property
    def marks(self) -> tuple[Mark, ...]:
        return (*self.received, *self.ordered, *self.declined, *self.aside)

    @property
    def how_long(self) -> str:
        """'15 weeks': from the first to the last day of the care received."""
        days = [day for mark in self.received for day in (mark.first, mark.last) if day]
        return spoken(min(days), max(days)) if days and min(days) != max(days) else ""

    @property
    def times(self) -> int:
        return sum(mark.count for mark in self.received)


class Bars(Struct, frozen=True):
    """What the rule asks for, and what of it the record shows since `since`."""

    span: str
    share: int  # of the bar, in percent, at most 100
    bar: str
    forms: int
    forms_share: int
    least: int
    since: date
    reached: bool
    forms_reached: bool


class Tried(Struct, frozen=True):
    """`bars` is None without a planned operation, or with the rule switched off."""

    treatments: tuple[Treatment, ...]
    bars: Bars | None


def tried(case: Case) -> Tried:
    by_form = grouped(treatments(case.assessment.record))
    in_order = sorted(by_form, key=list(_MODALITIES).index)
    return Tried(tuple(_treatment(form, by_form[form]) for form in in_order), _bars(case))


def _treatment(modality: str, items: list[Item]) -> Treatment:
    by_state: dict[str, list[Item]] = {}
    for item in items:
        by_state.setdefault("received" if item.state == "reported" else item.state, []).append(item)
    marks = {state: courses(of_state) for state, of_state in by_state.items()}
    return Treatment(
        modality=modality,
        name=_MODALITIES[modality],
        received=marks.get("received", ()),
        ordered=marks.get("ordered", ()),
        declined=marks.get("declined", ()),
        aside=marks.get("aside", ()),
        counts=modality not in ("", "opioid"),
    )


def _bars(case: Case) -> Bars | None:
    record, surgery, site = case.assessment.record, case.assessment.surgery, case.assessment.site
    if surgery is None or site.mode(_RULE) != "on":
        return None
    limits = site.limits_on(_RULE, record.as_of)
    found = measured(record, surgery, limits)
    return Bars(
        span=in_weeks(found.days),
        share=min(100, found.days * 100 // max(found.bar_days, 1)),
        bar=in_weeks(found.bar_days),
        forms=len(found.forms),
        forms_share=min(100, len(found.forms) * 100 // max(found.least, 1)),
        least=found.least,
        since=limits.look_back.before(record.as_of),
        reached=found.long_enough,
        forms_reached=len(found.forms) >= found.least,
    )
