"""Did the patient ask for another opinion, or say that they are uncomfortable with the physician?

Concern when           the patient stated so within the last 12 months. Never inferred.
Could not assess when  nothing was found, and a place that holds such a statement could not be read in full.
Not applicable when    nothing of the kind is recorded.
"""

from collections.abc import Iterator

from second_opinion.findings import Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import on_date, plain, spoken_date
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Event, Events, PatientRecord
from second_opinion.rules.wording import unread_words

PAGE = Page("rules/patient_concern.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "value_sets"))
LANES = (
    "conditions", "observations", "service_requests", "encounters", "communications", "questionnaire_responses",
)  # fmt: skip
_ROLES = ("concern", "wants_second_opinion")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    since = limits.look_back.before(record.as_of)
    found = Events(stated_in(record))
    stated = found.between(since, record.as_of)
    aside = Events(event for lane in LANES for event in record[lane].aside if _is_request(event))
    aside = Events((*aside, *(event for event in found if event.on is None)))
    unread = record.not_complete(*LANES)
    if stated:
        outcome = Outcome.CONCERN
    else:
        outcome = Outcome.COULD_NOT_ASSESS if unread or aside else Outcome.NOT_APPLICABLE
    latest = stated.latest()
    words = {
        "quote": plain(latest.label, 160).removesuffix(".") if latest else "",
        "when": spoken_date(latest.on, latest.rough) if latest else "",
        "on_day": on_date(latest.on, latest.rough) if latest else "",
        "unread": unread_words(unread, aside),
    }
    return Finding(
        rule="patient_concern",
        outcome=outcome,
        says=PAGE["wording"]["says"][outcome].format(**words),
        evidence=(*(shown(event, "request") for event in stated), *(shown(event, "set_aside") for event in aside)),
        could_not_read=unread if outcome is Outcome.COULD_NOT_ASSESS else (),
        summary=tuple(form.format(**words) for form in PAGE["wording"]["summary"].get(outcome, ())),
    )


def stated_in(record: PatientRecord) -> Iterator[Event]:
    for lane in LANES:
        yield from (event for event in record[lane].events if _is_request(event))
    for order in (*record["service_requests"].events, *record.orders):
        yield from (reason.as_reason_of(order) for reason in order.reasons if _is_request(reason))


def _is_request(event: Event) -> bool:
    return any(meaning.value_set == "patient_statements" and meaning.role in _ROLES for meaning in event.meanings)
