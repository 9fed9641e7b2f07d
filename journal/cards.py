"""Cards shown before, and what was answered to them. Asked while a clinician waits: one bounded query at a time."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, bindparam, exists, select

from journal.database import Database
from journal.tables import cards, decisions


class Decided(Struct, frozen=True):
    """What an answer means, from the one day to the other, both included."""

    reason: str
    since: date
    until: date


class EarlierCard(Struct, frozen=True):
    """`on`: the day it was for; `suggestions`: the uuid of each to its kind; user and orders are keyed hashes."""

    card: str
    on: date
    user: str
    orders: tuple[str, ...]
    kind: str
    regions: tuple[str, ...]
    suggestions: Mapping[str, str]
    decisions: tuple[Decided, ...]


_RECENT = 200  # cards of one patient that are taken, however many were shown: a call must not wait for more
_COLUMNS = ("uuid", "as_of", "user", "orders", "kind", "regions", "suggestions")


def _of_patient(*columns: str) -> Select[tuple[object, ...]]:
    given = (
        cards.c.client == bindparam("client"),
        cards.c.patient == bindparam("patient"),
        cards.c.as_of >= bindparam("since"),
    )
    return select(*(cards.c[name] for name in columns)).where(*given).order_by(cards.c.as_of.desc()).limit(_RECENT)


def _with_decisions(found: FromClause, client: ColumnElement[str], isouter: bool) -> Select[tuple[object, ...]]:
    same = and_(decisions.c.card == found.c.uuid, decisions.c.client == client)
    decision = [decisions.c[name] for name in ("reason", "since", "until")]
    both = found.join(decisions, same, isouter=isouter)
    return select(*(found.c[name] for name in _COLUMNS), *decision).select_from(both).order_by(decisions.c.reason)


# Of the cards that were answered the latest, not the answered ones of the latest: an answer that was acknowledged
# holds however many cards came after it.
_is_answered = exists().where(decisions.c.client == cards.c.client, decisions.c.card == cards.c.uuid)
_ANSWERED = _with_decisions(_of_patient(*_COLUMNS).where(_is_answered).subquery(), bindparam("client"), isouter=False)
_ORDERS = _of_patient("orders").where(cards.c.user == bindparam("user"))
_OF_UUID = _with_decisions(cards, cards.c.client, isouter=True).where(
    cards.c.uuid == bindparam("uuid"), cards.c.client == bindparam("client")
)


def answered_cards(database: Database, client: str, patient: str, since: date) -> list[EarlierCard]:
    """The cards this client got for this patient (a keyed hash) and was given an answer to. Raises JournalDown."""
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
        user=first.user,
        orders=tuple(first.orders),
        kind=first.kind,
        regions=tuple(first.regions),
        suggestions=first.suggestions,
        decisions=tuple(Decided(row.reason, row.since, row.until) for row in rows if row.reason is not None),
    )
