"""Inserts that leave alone what is there already: every write of the journal may be repeated."""

from collections.abc import Callable
from functools import cache

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERT: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]]
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@cache
def _once(database: str, table: Table) -> Executable:
    return _INSERT[database](table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def insert_once(connection: Connection, table: Table, rows: list[dict[str, object]]) -> int:
    """How many of them were new."""
    return connection.execute(_once(connection.dialect.name, table), rows).rowcount if rows else 0
