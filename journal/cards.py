"""Cards shown before, and what was answered to them. Asked while a clinician waits: one bounded query at a time."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, and_, bindparam, exists, select

from journal.database import Database
from journal.tables import cards, decisions


class Decided(Struct, frozen=True):
    """What an answer means, from the one day to the other, both included."""

    reason: str
    since: date
    until: date


class EarlierCard(Struct, frozen=True):
    """`on`: the day it was for; `suggestions`: the uuid of each to its kind; patient, user, orders are keyed hashes."""

    card: str
    on: date
    patient: str
    user: str
    orders: tuple[str, ...]
    kind: str
    regions: tuple[str, ...]
    suggestions: Mapping[str, str]
    decisions: tuple[Decided, ...]


# Of one patient no more is looked through, however many cards were shown and answered: a call must not wait for it.
_RECENT = 200
_CARD = [cards.c[name] for name in ("uuid", "as_of", "patient", "user", "orders", "kind", "regions", "suggestions")]
_DECIDED = [decisions.c[name] for name in ("reason", "since", "until")]
_same = and_(decisions.c.card == cards.c.uuid, decisions.c.client == cards.c.client)

# From the decisions, which are few, to their cards; the other way would go through every card of the patient.
_ANSWERED = (
    select(*_CARD, *_DECIDED)
    .join_from(decisions, cards, _same)
    .where(decisions.c.client == bindparam("client"), decisions.c.patient == bindparam("patient"))
    .where(decisions.c.since >= bindparam("since"))
    .order_by(decisions.c.since.desc(), decisions.c.reason)
    .limit(_RECENT)
)
_IS_ANSWERED = select(
    exists().where(decisions.c.client == bindparam("client"), decisions.c.patient == bindparam("patient"))
)
_ORDERS = (
    select(cards.c.orders)
    .where(cards.c.client == bindparam("client"), cards.c.patient == bindparam("patient"))
    .where(cards.c.user == bindparam("user"), cards.c.as_of >= bindparam("since"))
    .order_by(cards.c.as_of.desc())
    .limit(_RECENT)
)
_OF_UUID = (
    select(*_CARD, *_DECIDED)
    .outerjoin_from(cards, decisions, _same)
    .where(cards.c.uuid == bindparam("uuid"), cards.c.client == bindparam("client"))
    .order_by(decisions.c.reason)
)


def answered_cards(database: Database, client: str, patient: str, since: date) -> list[EarlierCard]:
    """The cards for this patient (a keyed hash) that this client has answered since then. Raises JournalDown."""
    if not database.reading.holds(_IS_ANSWERED, {"client": client, "patient": patient}):  # of nearly every patient
        return []
    return _found(database, _ANSWERED, {"client": client, "patient": patient, "since": since})


def orders_shown(database: Database, client: str, patient: str, user: str, since: date) -> set[str]:
    """The orders (keyed hashes) of which this user saw a card, answered or not. Raises JournalDown."""
    values = {"client": client, "patient": patient, "user": user, "since": since}

    def look(connection: Connection) -> set[str]:
        return set().union(*connection.execute(_ORDERS, values).scalars())

    return database.reading.run(look)


def card(database: Database, uuid: str, client: str) -> EarlierCard | None:
    """The card of this uuid, if this client got it. Raises JournalDown."""
    return next(iter(_found(database, _OF_UUID, {"uuid": uuid, "client": client})), None)


def _found(database: Database, query: Select[tuple[object, ...]], values: dict[str, object]) -> list[EarlierCard]:
    def look(connection: Connection) -> Iterable[Row[tuple[object, ...]]]:
        return connection.execute(query, values).all()

    rows: dict[str, list[Row[tuple[object, ...]]]] = {}
    for row in database.reading.run(look):
        rows.setdefault(row.uuid, []).append(row)
    return [_card(of_card) for of_card in rows.values()]


def _card(rows: list[Row[tuple[object, ...]]]) -> EarlierCard:
    first = rows[0]
    return EarlierCard(
        card=first.uuid,
        on=first.as_of,
        patient=first.patient,
        user=first.user,
        orders=tuple(first.orders),
        kind=first.kind,
        regions=tuple(first.regions),
        suggestions=first.suggestions,
        decisions=tuple(Decided(row.reason, row.since, row.until) for row in rows if row.reason is not None),
    )
