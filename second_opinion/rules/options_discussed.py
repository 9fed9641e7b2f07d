"""Is it on record that other options were discussed, with their benefits and risks?

Met when               a record of the talk, an informed consent for this operation or a decision aid is there.
Not documented when    everything was read and none is there; it may have happened without being written down.
Could not assess when  none was found, and not everything could be read.
"""

from second_opinion.answers import discussed
from second_opinion.durations import spoken
from second_opinion.findings import Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import plain, spoken_date
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Answer, Event, Events, PatientRecord
from second_opinion.rules.wording import unread_words

PAGE = Page("rules/options_discussed.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "value_sets"))
LANES = ("consents", "documents", "communications", "questionnaire_responses")
_GIVEN = ("active", "current", "completed", "amended")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    since = limits.look_back.before(record.as_of)
    events = Events(event for lane in LANES for event in record[lane].events).in_region(surgery.regions)
    told = [_as_event(answer) for answer in discussed(record, surgery)]
    found = Events((*events.of("options_discussed").with_status(*_GIVEN), *told)).between(since, record.as_of)
    aside = Events(event for lane in LANES for event in record[lane].aside.of("options_discussed"))
    unread = record.not_complete(*LANES)
    if found:
        outcome = Outcome.MET
    else:
        outcome = Outcome.COULD_NOT_ASSESS if unread or aside else Outcome.NOT_DOCUMENTED
    latest = found.latest()
    words = {
        "what": plain(latest.label, 60) if latest else "",
        "when": spoken_date(latest.on, latest.rough) if latest else "",
        "look_back": spoken(since, record.as_of),
        "unread": unread_words(unread, aside),
    }
    return Finding(
        rule="options_discussed",
        outcome=outcome,
        says=PAGE["wording"]["says"][outcome].format(**words),
        evidence=(*(shown(event, "discussed") for event in found), *(shown(event, "set_aside") for event in aside)),
        could_not_read=unread if outcome is Outcome.COULD_NOT_ASSESS else (),
    )


def _as_event(answer: Answer) -> Event:
    return Event(source=f"urn:uuid:{answer.card}", on=answer.on, until=answer.on, label=PAGE["wording"]["answered"])
