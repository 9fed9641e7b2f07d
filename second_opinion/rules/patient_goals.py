"""Did the patient say that they would rather avoid or put off surgery?

Concern when           the latest statement of the last 12 months is against surgery, or asks for another treatment.
Met when               the latest statement is in favour of surgery.
Could not assess when  no statement was found, and a place that holds one could not be read in full.
Not applicable when    the patient's wishes are not recorded.
"""

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from second_opinion.findings import Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import on_date, plain, spoken_date
from second_opinion.planned_surgery import SPINE_SURGERY, PlannedSurgery, operation_words
from second_opinion.record import Event, Events, PatientRecord
from second_opinion.rules.wording import unread_words

PAGE = Page("rules/patient_goals.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "value_sets"))
LANES = (
    "conditions", "observations", "procedures", "service_requests", "goals", "care_plans", "communications",
    "questionnaire_responses",
)  # fmt: skip
_SET = "patient_statements"
_AGAINST = ("against_surgery", "wants_alternative")
_FOR = ("for_surgery",)
# Where such a statement stands alone, it is about the operation; beside a procedure, that must be one of the spine.
_ALONE = ("Condition", "Observation", "Goal", "CarePlan", "Communication", "QuestionnaireResponse")
_SPINE_RELATED = (SPINE_SURGERY, "nonsurgical_care", "second_opinion", "spine_imaging")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    since = limits.look_back.before(record.as_of)
    found = list(stated_in(record))
    stated = [event for event in found if event.on and since <= event.on <= record.as_of]
    stated.sort(key=lambda event: (event.on, _stance(event) in _AGAINST))
    aside = Events(event for lane in LANES for event in record[lane].aside if _stance(event) in _AGAINST)
    aside = Events((*aside, *(event for event in found if event.on is None and _stance(event) in _AGAINST)))
    unread = record.not_complete(*LANES)
    if stated:
        outcome = Outcome.CONCERN if _stance(stated[-1]) in _AGAINST else Outcome.MET
    else:
        outcome = Outcome.COULD_NOT_ASSESS if unread or aside else Outcome.NOT_APPLICABLE
    return _finding(outcome, surgery, stated, aside, unread)


def stated_in(record: PatientRecord) -> Iterator[Event]:
    for lane in LANES:
        for event in record[lane].events:
            if event.resource in _ALONE and _stance(event):
                yield event
            elif event.resource == "Procedure" and event.status == "not-done" and event.means(SPINE_SURGERY):
                if _stance(event):
                    yield replace(event, label=f"{event.note or 'declined'}: {event.label}")
    for order in (*record["service_requests"].events, *record.orders):
        yield from _reasons_of(order)


def _reasons_of(order: Event) -> Iterator[Event]:
    """A refusal counts as the reason of a spine operation; a wish for other treatment, of any spine order."""
    is_operation = order.means(SPINE_SURGERY) is not None
    is_spine_related = any(order.means(value_set) for value_set in _SPINE_RELATED)
    for reason in order.reasons:
        stance = _stance(reason)
        if (stance and is_operation) or (stance == "wants_alternative" and is_spine_related):
            yield reason.as_reason_of(order)


def _stance(event: Event) -> str:
    roles = [meaning.role for meaning in event.meanings if meaning.value_set == _SET]
    return next((role for role in roles if role in (*_AGAINST, *_FOR)), "")


def _finding(
    outcome: Outcome, surgery: PlannedSurgery, stated: list[Event], aside: Collection[Event], unread: tuple[str, ...]
) -> Finding:
    latest = stated[-1] if stated else None
    wording = PAGE["wording"]
    words = {
        "quote": plain(latest.label, 160).removesuffix(".") if latest else "",
        "said": wording["quoted" if latest and latest.by == "text" else "coded"],
        "when": spoken_date(latest.on, latest.rough) if latest else "",
        "on_day": on_date(latest.on, latest.rough) if latest else "",
        "planned": operation_words(surgery.kind, surgery.regions).capitalize(),
        "unread": unread_words(unread, aside),
    }
    return Finding(
        rule="patient_goals",
        outcome=outcome,
        says=wording["says"][outcome].format(**words),
        evidence=(
            *(shown(event, _stance(event)) for event in reversed(stated)),
            *(shown(event, "set_aside") for event in aside),
        ),
        could_not_read=unread if outcome is Outcome.COULD_NOT_ASSESS else (),
        summary=tuple(form.format(**words) for form in wording["summary"].get(outcome, ())),
    )
