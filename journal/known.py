"""A case among the earlier ones about the same patient: whose it is, and what was answered to cards shown before."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from journal.cards import EarlierCard
from journal.keys import Keys
from second_opinion.limits import Limits
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Answer


class Place(Struct, frozen=True):
    """Where a patient's id means this patient: the client that calls (its iss), its tenant, its FHIR server."""

    client: str
    tenant: str
    server: str


class Known(Struct, frozen=True):
    """Who and what a case is about, as keyed hashes: the same today as in any later call of the same client.

    `user` is '' where none is named.
    """

    client: str
    patient: str
    user: str
    orders: tuple[str, ...]


def known(keys: Keys, place: Place, patient: str, user: str, surgery: PlannedSurgery | None) -> Known:
    """`patient` and `user` are references. An order without an id of its own cannot be known again."""
    where = (place.client, place.tenant, place.server)
    events = surgery.events if surgery else ()
    orders = {
        (e.source, ",".join(sorted({m.code or m.kind for m in e.meanings}))) for e in events if "[" not in e.source
    }
    return Known(
        client=place.client,
        patient=keys.hashed("patient", *where, patient),
        user=keys.hashed("user", *where, user) if user else "",
        orders=tuple(sorted(keys.hashed("order", *where, patient, *order) for order in orders)),
    )


def answers_of(earlier: Iterable[EarlierCard], now: Known) -> tuple[Answer, ...]:
    """What was answered to earlier cards, as the rules see it."""
    return tuple(
        Answer(
            reason=decision.reason,
            on=decision.since,
            card=card.card,
            kind=card.kind,
            regions=frozenset(card.regions),
            same_orders=not set(card.orders).isdisjoint(now.orders),
            same_user=bool(now.user) and card.user == now.user,
        )
        for card in earlier
        for decision in card.decisions
    )


def since(today: date, limits: Limits) -> date:
    """No answer to a card before this day has consequences any more (`limits`: of the page on silence)."""
    first: date = min(limits.answered.before(today), limits.answered_urgent.before(today))
    return first
