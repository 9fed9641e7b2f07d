"""Cards shown before, and what was answered to them: asked on every call, so one query and nothing else."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, and_, bindparam, select

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


def _with_decisions() -> Select[tuple[object, ...]]:
    same = and_(decisions.c.card == cards.c.uuid, decisions.c.client == cards.c.client)
    card = [cards.c[name] for name in ("uuid", "as_of", "user", "orders", "kind", "regions", "suggestions")]
    decision = [decisions.c[name] for name in ("reason", "since", "until")]
    ordered = (cards.c.at, cards.c.uuid, decisions.c.reason)
    return select(*card, *decision).outerjoin_from(cards, decisions, same).order_by(*ordered)


_OF_PATIENT = _with_decisions().where(
    cards.c.client == bindparam("client"), cards.c.patient == bindparam("patient"), cards.c.as_of >= bindparam("since")
)
_OF_UUID = _with_decisions().where(cards.c.uuid == bindparam("uuid"), cards.c.client == bindparam("client"))


def earlier_cards(database: Database, client: str, patient: str, since: date) -> list[EarlierCard]:
    """The cards this client got for this patient (a keyed hash), oldest first. Raises JournalDown."""
    return _found(database, _OF_PATIENT, {"client": client, "patient": patient, "since": since})


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
