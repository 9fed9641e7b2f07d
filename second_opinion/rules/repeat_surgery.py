"""Did earlier spine surgery in this region not work, and is more surgery planned now?

Concern when           one strong sign says that it did not work, or two signs of which one is moderate.
Met when               the latest score, or the recorded outcome, is good, and there is no strong sign.
Not documented when    there was an earlier operation and its result is not in the record.
Could not assess when  what was read does not decide, and procedures, diagnoses or scores were not read in full.
Not applicable when    procedures and diagnoses were read in full and show no earlier operation of this region.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from second_opinion.durations import roughly_spoken
from second_opinion.earlier_surgery import HARDWARE, EarlierSurgery, earlier_surgery
from second_opinion.failure_signs import Sign, could_be_on_opioids, possible_signs, scores_to_place, signs_of_failure
from second_opinion.findings import Evidence, Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import listed, on_date, plain, spoken_date, within_sentence
from second_opinion.planned_surgery import PlannedSurgery, event_words, operation_words
from second_opinion.record import Event, Events, PatientRecord
from second_opinion.rules.wording import lane_words, unread_words
from second_opinion.scores import before_and_after, instrument_of, is_good, scores_of, unimproved

PAGE = Page("rules/repeat_surgery.yaml", ("name", "status", "outcomes", "weight", "wording", "review"))
LANES = ("procedures", "conditions", "observations")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    earlier = earlier_surgery(record, surgery, limits)
    signs = signs_of_failure(record, surgery, earlier, limits, PAGE["wording"]["signs"]) if earlier else ()
    possible = possible_signs(record, surgery, earlier, limits, PAGE["wording"]["signs"]) if earlier else ()
    unread = _unread(record, earlier, signs, possible, limits)
    result = _good_result(scores_of(record.observations.events, surgery.regions), record.as_of, earlier, limits)
    aside = _aside(record, surgery, earlier, signs, possible, result, limits)
    if _is_concern(signs):
        outcome = Outcome.CONCERN
    elif unread or aside:
        outcome = Outcome.COULD_NOT_ASSESS
    elif not earlier:
        outcome = Outcome.NOT_APPLICABLE
    elif result:
        outcome = Outcome.MET
    else:
        outcome = Outcome.NOT_DOCUMENTED
    return _finding(outcome, record, surgery, limits, earlier, signs, result, unread, aside)


def _is_concern(signs: Iterable[Sign]) -> bool:
    """One strong sign, or two kinds of which one is moderate."""
    strengths = list({sign.kind: sign.strength for sign in signs}.values())
    return "strong" in strengths or ("moderate" in strengths and len(strengths) > 1)


def _unread(
    record: PatientRecord,
    earlier: EarlierSurgery,
    signs: tuple[Sign, ...],
    possible: tuple[Sign, ...],
    limits: Limits,
) -> tuple[str, ...]:
    """The lanes not read in full that this answer could depend on."""
    seen, opioids = (*signs, *possible), Sign("opioids", "weak", "")
    unread = record.not_complete(*(LANES if earlier else LANES[:2]), "medications")
    if "medications" in unread and _is_concern((*seen, opioids)) and not _is_concern(seen):
        return unread if could_be_on_opioids(record, earlier, limits) else unread[:-1]
    return tuple(lane for lane in unread if lane != "medications")


def _aside(
    record: PatientRecord,
    surgery: PlannedSurgery,
    earlier: EarlierSurgery,
    signs: tuple[Sign, ...],
    possible: tuple[Sign, ...],
    result: str,
    limits: Limits,
) -> Events:
    """Events that could not be placed and could have decided."""
    found = [*earlier.aside]
    if not earlier:
        found += record.conditions.aside.of("spine_surgery_history").in_region(surgery.regions)
        found += record.conditions.aside.of("failed_prior_surgery", *HARDWARE).in_region(surgery.regions)
    elif _is_concern((*signs, *possible)):
        found += [event for sign in possible for event in sign.events]
    else:
        found += _could_change_the_result(record, surgery, earlier, result, limits)
    return Events(dict.fromkeys(found))


def _could_change_the_result(
    record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery, result: str, limits: Limits
) -> Iterator[Event]:
    """Scores that cannot be placed, and would say that the result is good, or no longer good, if they could."""
    if _was_successful(earlier):  # whatever the scores say
        return
    unplaced = [instrument_of(event) for event in scores_of(record.observations.aside, surgery.regions)]
    for event, scores in scores_to_place(record, surgery, earlier, limits):
        changes = bool(_good_result(scores, record.as_of, earlier, limits)) != bool(result)
        if changes or unplaced.count(instrument_of(event)) > 1:  # two could be before and after
            yield event


def _good_result(scores: Events, as_of: date, earlier: EarlierSurgery, limits: Limits) -> str:
    """How the result is said to be good; '' if it is not documented as good."""
    latest = earlier.latest
    if latest is None or latest.on is None:
        return ""
    later = scores.beginning(limits.score_from.after(latest.on), as_of)
    good: list[str] = []
    for after in (score for score in later if score.on == later[-1].on):
        _, before, instrument = before_and_after(scores, after, latest.on)
        if unimproved(instrument, before, after, limits) and not is_good(instrument, before, after, limits):
            good = []  # two scores of one day that disagree are no good result
            break
        if is_good(instrument, before, after, limits):
            good.append(f"{instrument} {after.value:g} {on_date(after.on, after.rough)}")
    if _was_successful(earlier):
        good.append("outcome recorded as successful")
    return listed(good)


def _was_successful(earlier: EarlierSurgery) -> bool:
    latest = earlier.latest
    return any(event.outcome == "successful" for event in earlier.dated if latest and event.on == latest.on)


def _finding(
    outcome: Outcome,
    record: PatientRecord,
    surgery: PlannedSurgery,
    limits: Limits,
    earlier: EarlierSurgery,
    signs: tuple[Sign, ...],
    result: str,
    unread: tuple[str, ...],
    aside: Events,
) -> Finding:
    wording, latest = PAGE["wording"], earlier.latest
    said = [sign.says for sign in signs]
    words = {
        "earlier": _earlier_words(earlier),
        "earlier_or_none": _earlier_words(earlier)
        if earlier
        else "No earlier operation was found in what could be read",
        "signs": listed(said),
        "signs_so_far": f" (signs seen: {listed(said)})" if said else "",
        "sign": said[0] if said else "",
        "result": result,
        "unread": unread_words(unread, aside),
        "lanes": lane_words(unread) if unread else "some entries",
        "planned": operation_words(surgery.kind, surgery.regions).capitalize(),
        "interval": roughly_spoken(latest.on, record.as_of, latest.rough) if latest and latest.on else "",
        "what": event_words(latest) if latest else "",
        "when": spoken_date(latest.on, latest.rough) if latest else "",
    }
    undated = "_undated" if latest is None and outcome in (Outcome.CONCERN, Outcome.NOT_DOCUMENTED) else ""
    return Finding(
        rule="repeat_surgery",
        outcome=outcome,
        says=wording["says"][outcome].format(**words),
        evidence=tuple(_evidence(earlier, signs, aside)),
        could_not_read=unread,
        summary=tuple(form.format(**words) for form in wording["summary"].get(f"{outcome}{undated}", ())),
    )


def _earlier_words(earlier: EarlierSurgery) -> str:
    forms, latest = PAGE["wording"]["earlier"], earlier.latest
    if latest:
        words, label = event_words(latest), plain(latest.label, 60)
        # A label that says what it is needs no words of ours: 'lumbar fusion L4-5', but 'cervical fusion (ACDF C5-6)'.
        what = within_sentence(label) if label.lower().startswith(words) else f"{words} ({label})"
        form = forms["one" if len(earlier.dated) == 1 else "several"]
        return str(form.format(what=what, on_day=on_date(latest.on, latest.rough), count=len(earlier.dated)))
    if earlier.traces:
        return str(forms["undated"].format(what=listed(dict.fromkeys(plain(e.label, 60) for e in earlier.traces))))
    return str(forms["revision"])


def _evidence(earlier: EarlierSurgery, signs: tuple[Sign, ...], aside: Events) -> Iterator[Evidence]:
    """Every event once, under the strongest sign it gives."""
    strongest: dict[Event, Sign] = {}
    for sign in signs:
        for event in sign.events:
            strongest.setdefault(event, sign)
    yield from (shown(event, sign.strength, _value_words(event)) for event, sign in strongest.items())
    rest = dict.fromkeys((*earlier.dated, *earlier.traces))
    yield from (shown(event, "earlier_operation") for event in rest if event not in strongest)
    yield from (shown(event, "set_aside") for event in aside)


def _value_words(event: object) -> str:
    value, label = getattr(event, "value", None), getattr(event, "label", "")
    return f"{plain(label, 60)}: {value:g}" if value is not None else ""
