"""One call -> its assessment and card, in the light of what was shown and answered before."""

from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cds_hooks.calls import Call, assess_call
from cds_hooks.cards import cards_for
from cds_hooks.history import Known, answers_of, is_sent_again, since
from cds_hooks.sent_again import CardsShown
from journal.cards import EarlierCard, earlier_cards
from journal.errors import JournalDown
from journal.journal import Journal
from second_opinion.assess import Assessment
from second_opinion.site import AS_SHIPPED, Site


class Answered(Struct, frozen=True):
    """`sent_again`: these signed orders had their card before, so that there is none now."""

    assessment: Assessment
    cards: list[dict[str, Any]]
    sent_again: bool = False


def answer(
    call: Call, now: Known, base_url: str, shown: CardsShown, journal: Journal | None = None, site: Site = AS_SHIPPED
) -> Answered:
    """The journal is asked only when there would be a card; if it cannot answer, the card is shown."""
    assessment = assess_call(call, site)
    if assessment.indicator is None:
        return Answered(assessment, [])
    earlier = _earlier(journal, now, since(call.record.as_of, site.limits_on("silence", call.record.as_of)))
    before = shown.among(now.orders).union(*(card.orders for card in earlier))
    if is_sent_again(call, now, before):
        return Answered(assessment, [], sent_again=True)
    if answers := answers_of(earlier, now):
        call = replace(call, record=replace(call.record, answers=answers))
        assessment = assess_call(call, site)
    cards = cards_for(call, assessment, base_url)
    if cards:
        shown.remember(now.orders)
    return Answered(assessment, cards)


def _earlier(journal: Journal | None, now: Known, first: date) -> list[EarlierCard]:
    if journal is None:
        return []
    try:
        return earlier_cards(journal.database, now.client, now.patient, first)
    except JournalDown:
        return []
