"""Moves a journal from one database to another: from SQLite to PostgreSQL, when one server becomes two."""

from sqlalchemy import Engine, Table, select
from sqlalchemy.exc import DBAPIError

from journal.engines import ACKNOWLEDGED, MIGRATION, database_url, open_engine
from journal.errors import JournalDown
from journal.line import reason
from journal.migrate import migrate
from journal.once import insert_once
from journal.tables import metadata

_AT_ONCE = 500


def copy_journal(source: str, target: str) -> dict[str, int]:
    """Copies every row that the target has not yet, and leaves the source as it is; how many of each table.

    Raises JournalDown if either cannot be opened or the target not be written; what was copied by then stays, and a
    second try copies the rest.
    """
    engines = open_engine(database_url(source), MIGRATION), open_engine(database_url(target), ACKNOWLEDGED)
    for engine in engines:
        migrate(engine.url)
    try:
        return {table.name: _copy(table, *engines) for table in metadata.sorted_tables}
    finally:
        for engine in engines:
            engine.dispose()


def _copy(table: Table, source: Engine, target: Engine) -> int:
    copied = 0
    with source.connect() as connection:
        for rows in connection.execute(select(table)).mappings().partitions(_AT_ONCE):
            try:
                with target.begin() as there:
                    copied += insert_once(there, table, [{str(name): row[name] for name in row} for row in rows])
            except DBAPIError as error:
                raise JournalDown(reason(target, error.orig)) from None
    return copied
