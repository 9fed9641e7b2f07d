"""A call among the earlier ones about the same patient: whose it is, what was shown before, what was answered."""

from datetime import date

from msgspec import Struct

from cds_hooks.calls import Call
from cds_hooks.client_trust import Caller
from ehr.addresses import server_address
from journal.cards import EarlierCard
from journal.keys import Keys
from second_opinion.limits import Limits
from second_opinion.record import Answer


class Known(Struct, frozen=True):
    """Who and what a call is about, as keyed hashes: the same today as in any later call of the same client.

    `user` is '' where the hook names none.
    """

    client: str
    patient: str
    user: str
    orders: tuple[str, ...]


def known(call: Call, keys: Keys, caller: Caller | None = None) -> Known:
    """Patients are told apart by client, tenant and server. An order without an id of its own cannot be known again."""
    iss = caller.iss if caller else ""
    place = (iss, (caller and caller.tenant) or "", server_address(call.fhir_server) or call.fhir_server)
    patient = call.record.person.reference
    events = call.surgery.events if call.surgery else ()
    orders = {
        (e.source, ",".join(sorted({m.code or m.kind for m in e.meanings}))) for e in events if "[" not in e.source
    }
    return Known(
        client=iss,
        patient=keys.hashed("patient", *place, patient),
        user=keys.hashed("user", *place, call.user) if call.user else "",
        orders=tuple(sorted(keys.hashed("order", *place, patient, *order) for order in orders)),
    )


def answers_of(earlier: list[EarlierCard], now: Known) -> tuple[Answer, ...]:
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


def is_signed(call: Call, now: Known) -> bool:
    """Whether these are orders already signed (no longer drafts), each of which can be known again."""
    if call.hook != "order-sign" or call.surgery is None:
        return False
    signed = all(event.status not in ("draft", "") for event in call.surgery.events)
    return signed and len(now.orders) == len(call.surgery.events)


def since(today: date, limits: Limits) -> date:
    """No answer to a card before this day has consequences any more (`limits`: of the page on silence)."""
    first: date = min(limits.answered.before(today), limits.answered_urgent.before(today))
    return first
