"""Signs that an earlier operation did not work, by strength; one sign a kind."""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from second_opinion.durations import roughly_spoken
from second_opinion.earlier_surgery import EarlierSurgery
from second_opinion.limits import Limits
from second_opinion.plain_words import on_date, plain, spoken_date, within_sentence
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import TAKEN, Event, Events, PatientRecord
from second_opinion.scores import as_they_could_read, before_and_after, on_scale, scores_of, unimproved

_FAILED = "failed_prior_surgery"
_SPINAL_INJECTIONS = ("epidural_injection", "facet_injection_or_ablation")
_INJECTION_BY_TEXT = "injection"  # spinal only if the text also says where on the spine


class Sign(Struct, frozen=True):
    """One kind of sign: its strength, how it is said, and the events that show it."""

    kind: str
    strength: str
    says: str
    events: tuple[Event, ...] = ()


def signs_of_failure(
    record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery, limits: Limits, words: dict[str, str]
) -> tuple[Sign, ...]:
    """Strong signs first; `words` are the rule's, by kind of sign."""
    found = [
        *_diagnoses(record, surgery, earlier),
        *_course(surgery, earlier, limits, words),
        *_scores(scores_of(record.observations.events, surgery.regions), record.as_of, earlier, limits, words),
        *_injections(record, surgery, earlier, limits, words),
        *_opioids(record, earlier, limits, words),
    ]
    return tuple(sorted(found, key=lambda sign: ("strong", "moderate", "weak").index(sign.strength)))


def _diagnoses(record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery) -> Iterator[Sign]:
    latest = earlier.latest
    stated = Events((*record.conditions.events, *surgery.reasons, *record.observations.events))
    by_kind: dict[tuple[str, str], list[Event]] = {}
    for event in stated.of(_FAILED).in_region(surgery.regions):
        ended_before = event.ended and latest and latest.on and event.ended < latest.on
        meaning = event.means(_FAILED)
        if meaning and meaning.strength in ("strong", "moderate") and not ended_before:
            by_kind.setdefault((meaning.kind, meaning.strength), []).append(event)
    for (kind, strength), events in by_kind.items():
        # The order's own reason adds nothing to the same diagnosis in the chart.
        recorded = [event for event in events if event.resource] or events
        says = f"{within_sentence(plain(recorded[0].label, 40))} on record"
        yield Sign(kind, strength, says, tuple(dict.fromkeys(recorded)))


def _course(surgery: PlannedSurgery, earlier: EarlierSurgery, limits: Limits, words: dict[str, str]) -> Iterator[Sign]:
    if earlier.by_revision:
        yield Sign("revision", "strong", words["revision"])
    days = {event.on: event.rough for event in earlier.dated if event.on}
    if days and (first := min(days)) < limits.staged_within.before(last := max(days)):
        span = roughly_spoken(first, last, days[first] or days[last])
        says = words["reoperation"].format(count=len(days), span=span)
        yield Sign("reoperation", "strong", says, tuple(earlier.dated))
    if failed := tuple(event for event in earlier.dated if event.outcome == "unsuccessful"):
        yield Sign("unsuccessful", "strong", words["unsuccessful"], failed)


def _scores(
    scores: Events, as_of: date, earlier: EarlierSurgery, limits: Limits, words: dict[str, str]
) -> Iterator[Sign]:
    operated = _day_of(earlier)
    if operated is None:
        return
    since, until = limits.score_from.after(operated), limits.score_until.after(operated)
    seen = set()
    for after in scores.beginning(since, min(until, as_of)):
        kind, before, instrument = before_and_after(scores, after, operated)
        if kind not in seen and unimproved(instrument, before, after, limits):
            seen.add(kind)
            form = words[_form(kind, before, after)]
            values = {
                "instrument": instrument,
                "after": f"{after.value:g}",
                "before": f"{before.value:g}" if before else "",
            }
            yield Sign(kind, "moderate", form.format(**values), (before, after) if before else (after,))


def _form(kind: str, before: Event | None, after: Event) -> str:
    if before is None:
        return "disability_no_before"
    return f"{kind}_unchanged" if on_scale(before) == on_scale(after) else kind


def _injections(
    record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery, limits: Limits, words: dict[str, str]
) -> Iterator[Sign]:
    operated = _day_of(earlier)
    if operated is None:
        return
    given = spinal_injections(record.procedures.events, surgery).with_status("completed", "in-progress")
    after = given.beginning(limits.injection_from.after(operated), record.as_of)
    if after:
        when = spoken_date(after[-1].on, after[-1].rough)
        yield Sign("injection", "moderate", words["injection"].format(when=when), tuple(after))


def spinal_injections(events: Events, surgery: PlannedSurgery) -> Events:
    """Those of the operation's region, or of an unknown one."""
    injections = events.of("nonsurgical_care", *_SPINAL_INJECTIONS, _INJECTION_BY_TEXT).in_region(surgery.regions)
    return Events(e for e in injections if e.regions or not e.means("nonsurgical_care", (_INJECTION_BY_TEXT,)))


def _opioids(record: PatientRecord, earlier: EarlierSurgery, limits: Limits, words: dict[str, str]) -> Iterator[Sign]:
    operated = _day_of(earlier)
    if operated is None:
        return
    after = opioid_fills(record).beginning(limits.opioids_from.after(operated), limits.opioids_until.after(operated))
    if after and not _was_on_opioids(record, operated, limits):
        on_day = on_date(after[-1].on, after[-1].rough)
        yield Sign("opioids", "weak", words["opioids"].format(on_day=on_day), tuple(after))


def _was_on_opioids(record: PatientRecord, operated: date, limits: Limits) -> bool:
    """On so many days of the year before the operation that opioids after it are no sign."""
    since = limits.opioids_year.before(operated)
    a_year = opioid_fills(record).between(since, operated - timedelta(1))
    return bool(_days_covered(a_year, since, operated) >= limits.opioids_before.days)


def could_be_on_opioids(record: PatientRecord, earlier: EarlierSurgery, limits: Limits) -> bool:
    """Whether fills that were not read, or cannot be placed, could be the weak sign."""
    operated = _day_of(earlier)
    if operated is None or limits.opioids_from.after(operated) > record.as_of:
        return False
    return not _was_on_opioids(record, operated, limits)


def possible_signs(
    record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery, limits: Limits, words: dict[str, str]
) -> tuple[Sign, ...]:
    """The signs that events set aside would give if they could be placed; by kind, as the others."""
    found = [
        Sign(meaning.kind, meaning.strength, "", (event,))
        for lane in (record.conditions, record.observations)
        for event in lane.aside.of(_FAILED).in_region(surgery.regions)
        if (meaning := event.means(_FAILED)) and meaning.strength in ("strong", "moderate")
    ]
    for event, scores in scores_to_place(record, surgery, earlier, limits):
        signs = _scores(scores, record.as_of, earlier, limits, words)
        found += [replace(s, events=(event,)) for s in signs if any(each.source == event.source for each in s.events)]
    operated = _day_of(earlier)
    for event in spinal_injections(record.procedures.aside, surgery):
        if not (operated and event.on and event.on < limits.injection_from.after(operated)):
            found.append(Sign("injection", "moderate", "", (event,)))
    found += [Sign("opioids", "weak", "", (event,)) for event in _opioids_to_place(record, earlier, limits)]
    return tuple(found)


def _opioids_to_place(record: PatientRecord, earlier: EarlierSurgery, limits: Limits) -> Iterator[Event]:
    operated = _day_of(earlier)
    if operated is None or not could_be_on_opioids(record, earlier, limits):
        return
    first, last = limits.opioids_from.after(operated), limits.opioids_until.after(operated)
    for event in record.medications.aside.of("analgesics", "opioid"):
        if event.on is None or first <= event.on <= last:
            yield event


def scores_to_place(
    record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery, limits: Limits
) -> Iterator[tuple[Event, Events]]:
    """Each score set aside, with all scores as they could read if it stood somewhere."""
    operated = _day_of(earlier)
    if operated is None:
        return
    placed = scores_of(record.observations.events, surgery.regions)
    for event in scores_of(record.observations.aside, surgery.regions):
        for scores in as_they_could_read(placed, event, operated, record.as_of, limits):
            yield event, scores


def opioid_fills(record: PatientRecord) -> Events:
    """Dispenses; where the chart has none, prescriptions that were active or completed."""
    opioids = record.medications.events.of("analgesics", "opioid").with_status(*TAKEN)
    dispensed = Events(event for event in opioids if event.resource == "MedicationDispense")
    return dispensed or Events(e for e in opioids if e.resource == "MedicationRequest" and not e.do_not)


def _days_covered(events: Events, since: date, until: date) -> int:
    """Days on which at least one of these ran, from `since` up to the day before `until`."""
    days: set[int] = set()
    for on, last_day in ((event.on, event.until or event.on) for event in events if event.on):
        # A supply of 30 days from the 1st is used up on the 30th; without a supply, the day itself.
        first, last = max(on, since), min(max(last_day, on + timedelta(1)), until)
        days.update(range(first.toordinal(), last.toordinal()))
    return len(days)


def _day_of(earlier: EarlierSurgery) -> date | None:
    return earlier.latest.on if earlier.latest else None
