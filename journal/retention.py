"""How long the journal keeps what it knows."""

from datetime import UTC, date, datetime, time

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select, tuple_

from journal.database import Database
from journal.tables import assessments, cards, decisions, deeds, feedback

_AT_ONCE = 500  # small transactions: nobody waits for the lock


def prune(database: Database, before: date) -> dict[str, int]:
    """Deletes what is older than that day; how many rows of each table. Raises JournalDown.

    A card stays as long as an answer to it still means something.
    """
    instant = datetime.combine(before, time(), UTC)
    answered = exists().where(decisions.c.card == cards.c.uuid, decisions.c.client == cards.c.client)
    old: dict[Table, ColumnElement[bool]] = {
        decisions: decisions.c.until < before,
        cards: (cards.c.at < instant) & ~answered,
        feedback: feedback.c.received_at < instant,
        assessments: assessments.c.at < instant,
        deeds: deeds.c.at < instant,
    }
    return {table.name: _delete(database, table, condition) for table, condition in old.items()}


def _delete(database: Database, table: Table, old: ColumnElement[bool]) -> int:
    key = tuple(table.primary_key)
    some = delete(table).where(tuple_(*key).in_(select(*key).where(old).limit(_AT_ONCE).correlate(None)))

    def delete_some(connection: Connection) -> int:
        return connection.execute(some).rowcount

    deleted = 0
    while found := database.acknowledged.run(delete_some):
        deleted += found
    return deleted
