"""What the patient asked for or would rather not have, second opinions asked for, and talks about options.

What counts as the patient's wish is the rules' to say.
"""

from collections.abc import Iterator

from msgspec import Struct

from second_opinion.existing_opinion import is_referral
from second_opinion.findings import READ_FROM_TEXT, Finding
from second_opinion.plain_words import spoken_date
from second_opinion.record import Event, PatientRecord
from second_opinion.rules import options_discussed, patient_concern, patient_goals
from smart_app.review.care import Item
from smart_app.review.wording import WORDING

_ROLES: dict[str, str] = WORDING["wishes"]
_REFUSALS = (
    "procedure_not_wanted", "procedure_declined", "treatment_refused", "declined_intervention",
    "procedure_not_done_patient_decision", "procedure_not_done_belief",
)  # fmt: skip


class Said(Struct, frozen=True):
    """The patient's wish: what was said and when; `state` as of a chip; without `quote`, why there is none."""

    state: str
    words: str
    quote: str = ""
    when: str = ""
    from_text: bool = False


def wishes(record: PatientRecord) -> Iterator[Item]:
    """One item for each thing said, of all time."""
    for event in dict.fromkeys((*patient_goals.stated_in(record), *patient_concern.stated_in(record))):
        said = next(meaning for meaning in event.meanings if meaning.role in _ROLES)
        yield _item("declined" if said.kind in _REFUSALS else said.role, event)
    for event in record["service_requests"].events:
        if is_referral(event):
            yield _item("second_opinion", event)
    for lane in options_discussed.LANES:
        for event in record[lane].events.of("options_discussed"):
            yield _item("options_discussed", event)


def _item(role: str, event: Event) -> Item:
    return Item("wishes", "declined" if event.status == "revoked" else "recorded", _ROLES[role], "", event)


def goal_of(finding: Finding, record: PatientRecord) -> Said:
    stated = [each for each in finding.evidence if each.sign in ("against_surgery", "wants_alternative", "for_surgery")]
    if stated:
        latest = stated[0]
        words = next(item.kind for item in wishes(record) if item.event.source == latest.reference)
        quote = latest.shows.removesuffix(READ_FROM_TEXT)
        state, from_text = WORDING["states"][finding.outcome], quote != latest.shows
        return Said(state, words, quote, spoken_date(latest.on, latest.rough), from_text)
    unread = finding.outcome == "could_not_assess"
    return Said("unread" if unread else "none", WORDING["goals"]["unread" if unread else "none"])
