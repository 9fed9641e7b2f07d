"""Did earlier spine surgery in this region not work, and is more surgery planned now?

Concern when           one strong sign says that it did not work, or two signs of which one is moderate.
Met when               the latest score, or the recorded outcome, is good, and there is no strong sign.
Not documented when    there was an earlier operation and its result is not in the record.
Could not assess when  what was read does not decide, and procedures, diagnoses or scores were not read in full.
Not applicable when    procedures and diagnoses were read in full and show no earlier operation of this region.
"""

from collections.abc import Iterable, Iterator

from second_opinion.durations import spoken
from second_opinion.earlier_surgery import HARDWARE, EarlierSurgery, earlier_surgery
from second_opinion.failure_signs import Sign, possible_signs, signs_of_failure
from second_opinion.findings import Evidence, Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import listed, plain, spoken_date
from second_opinion.planned_surgery import PlannedSurgery, event_words, operation_words
from second_opinion.record import Events, PatientRecord
from second_opinion.rules.wording import lane_words, unread_words
from second_opinion.scores import before_and_after, is_good, scores_of, unimproved

PAGE = Page("rules/repeat_surgery.yaml", ("name", "status", "outcomes", "weight", "wording", "review"))
LANES = ("procedures", "conditions", "observations")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    earlier = earlier_surgery(record, surgery, limits)
    signs = signs_of_failure(record, surgery, earlier, limits, PAGE["wording"]["signs"]) if earlier else ()
    possible = possible_signs(record, surgery, earlier, limits) if earlier else ()
    unread = _unread(record, earlier, signs, possible)
    aside = _aside(record, surgery, earlier, signs, possible)
    if _is_concern(signs):
        outcome = Outcome.CONCERN
    elif unread or aside:
        outcome = Outcome.COULD_NOT_ASSESS
    elif not earlier:
        outcome = Outcome.NOT_APPLICABLE
    elif _good_result(record, surgery, earlier, limits):
        outcome = Outcome.MET
    else:
        outcome = Outcome.NOT_DOCUMENTED
    return _finding(outcome, record, surgery, limits, earlier, signs, unread, aside)


def _is_concern(signs: Iterable[Sign]) -> bool:
    """One strong sign, or two kinds of which one is moderate."""
    strengths = list({sign.kind: sign.strength for sign in signs}.values())
    return "strong" in strengths or ("moderate" in strengths and len(strengths) > 1)


def _unread(
    record: PatientRecord, earlier: EarlierSurgery, signs: tuple[Sign, ...], possible: tuple[Sign, ...]
) -> tuple[str, ...]:
    """The lanes not read in full that this answer could depend on."""
    opioids = Sign("opioids", "weak", "")
    could_be_second = _is_concern((*signs, *possible, opioids)) and not _is_concern((*signs, *possible))
    lanes = LANES if earlier else LANES[:2]
    return record.not_complete(*lanes, *(("medications",) if could_be_second else ()))


def _aside(
    record: PatientRecord,
    surgery: PlannedSurgery,
    earlier: EarlierSurgery,
    signs: tuple[Sign, ...],
    possible: tuple[Sign, ...],
) -> Events:
    """Events that could not be placed and could have decided."""
    found = [*earlier.aside]
    if not earlier:
        found += record.conditions.aside.of("spine_surgery_history").in_region(surgery.regions)
        found += record.conditions.aside.of("failed_prior_surgery", *HARDWARE).in_region(surgery.regions)
    elif _is_concern((*signs, *possible)):
        found += [event for sign in possible for event in sign.events]
    else:
        # A score without a date may be the latest: it could say that the result is good, or no longer good.
        found += scores_of(record.observations.aside, surgery.regions)
    return Events(dict.fromkeys(found))


def _good_result(record: PatientRecord, surgery: PlannedSurgery, earlier: EarlierSurgery, limits: Limits) -> str:
    """How the result is said to be good; '' if it is not documented as good."""
    latest = earlier.latest
    if latest is None or latest.on is None:
        return ""
    scores = scores_of(record.observations.events, surgery.regions)
    scores = scores.beginning(limits.score_from.after(latest.on), record.as_of)
    good: list[str] = []
    for after in (score for score in scores if score.on == scores[-1].on):
        _, before, instrument = before_and_after(record.observations.events, after, latest.on)
        if unimproved(instrument, before, after, limits) and not is_good(instrument, before, after, limits):
            good = []  # two scores of one day that disagree are no good result
            break
        if is_good(instrument, before, after, limits):
            good.append(f"{instrument} {after.value:g} on {spoken_date(after.on)}")
    if any(event.outcome == "successful" for event in earlier.dated if event.on == latest.on):
        good.append("outcome recorded as successful")
    return listed(good)


def _finding(
    outcome: Outcome,
    record: PatientRecord,
    surgery: PlannedSurgery,
    limits: Limits,
    earlier: EarlierSurgery,
    signs: tuple[Sign, ...],
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
        "result": _good_result(record, surgery, earlier, limits),
        "unread": unread_words(unread, aside),
        "lanes": lane_words(unread) if unread else "some entries",
        "planned": operation_words(surgery.kind, surgery.regions).capitalize(),
        "interval": spoken(latest.on, record.as_of) if latest and latest.on else "",
        "what": event_words(latest) if latest else "",
        "when": spoken_date(latest.on) if latest else "",
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
        what = f"{event_words(latest)} ({plain(latest.label, 60)})"
        form = forms["one" if len(earlier.dated) == 1 else "several"]
        return str(form.format(what=what, when=spoken_date(latest.on), count=len(earlier.dated)))
    if earlier.traces:
        return str(forms["undated"].format(what=listed(dict.fromkeys(plain(e.label, 60) for e in earlier.traces))))
    return str(forms["revision"])


def _evidence(earlier: EarlierSurgery, signs: tuple[Sign, ...], aside: Events) -> Iterator[Evidence]:
    """Every event once, under the strongest sign it gives."""
    told = set()
    for sign in signs:
        for event in sign.events:
            if event not in told:
                told.add(event)
                yield shown(event, sign.strength, _value_words(event))
    for event in (*earlier.dated, *earlier.traces):
        if event not in told:
            told.add(event)
            yield shown(event, "earlier_operation")
    yield from (shown(event, "set_aside") for event in aside)


def _value_words(event: object) -> str:
    value, label = getattr(event, "value", None), getattr(event, "label", "")
    return f"{plain(label, 60)}: {value:g}" if value is not None else ""
