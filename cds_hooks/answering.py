"""One call -> its assessment and card, in the light of what was shown and answered before."""

from contextlib import suppress
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cds_hooks.calls import Call, assess_call
from cds_hooks.cards import cards_for
from cds_hooks.history import is_signed
from cds_hooks.sent_again import CardsShown
from journal.cards import EarlierCard, answered_cards, orders_shown
from journal.errors import JournalDown
from journal.journal import Journal
from journal.known import Known, answers_of, since
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
    first = since(call.record.as_of, site.limits_on("silence", call.record.as_of))
    if is_signed(call, now) and _were_shown(journal, now, shown, first):
        return Answered(assessment, [], sent_again=True)
    if answers := answers_of(_answered(journal, now, first), now):
        call = replace(call, record=replace(call.record, answers=answers))
        assessment = assess_call(call, site)
    cards = cards_for(call, assessment, base_url)
    if cards:
        shown.remember(now.user, now.orders)
    return Answered(assessment, cards)


def _answered(journal: Journal | None, now: Known, first: date) -> list[EarlierCard]:
    if journal is None:
        return []
    with suppress(JournalDown):
        return answered_cards(journal.database, now.client, now.patient, first)
    return []


def _were_shown(journal: Journal | None, now: Known, shown: CardsShown, first: date) -> bool:
    """Whether this clinician had a card for each of these orders, as this process remembers or the journal knows.

    Not whether anybody had: what a nurse was shown on opening the chart is new to the surgeon who signs.
    """
    rest = set(now.orders) - shown.among(now.user, now.orders)
    if rest and journal:
        with suppress(JournalDown):
            rest -= orders_shown(journal.database, now.client, now.patient, now.user, first)
    return not rest
