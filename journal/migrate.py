"""Brings the tables of a database to the form this software knows. The only place that knows Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from journal.engines import MIGRATION, open_engine
from journal.errors import JournalDown
from journal.line import reason

VERSION_TABLE = "journal_version"  # its own name: another application's may be in the same PostgreSQL database
_ADVISORY_LOCK = 0x5EC0_0F1A
_NEWER = (
    "The journal was written by a newer release of this software (its tables are at version {there}, this release "
    "knows {here}). Install that release again, or name another database."
)


def migrate(url: URL) -> None:
    """Does nothing to a database that is up to date. Raises JournalDown if it cannot be used.

    Any number of processes may call it at once: one migrates, the others wait for it.
    """
    engine = open_engine(url, MIGRATION)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            if not is_current(connection):
                with _alone(connection):
                    _upgrade(connection)
    except DBAPIError as error:
        raise JournalDown(reason(engine, error.orig)) from None
    finally:
        engine.dispose()


def is_current(connection: Connection) -> bool:
    """Raises JournalDown for a database of a newer release."""
    there, here = migration_context(connection).get_current_revision(), _scripts().get_current_head()
    if there is not None and there not in {script.revision for script in _scripts().walk_revisions()}:
        raise JournalDown(_NEWER.format(there=there, here=here))
    return there == here


def migration_context(connection: Connection, **options: Any) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, **options})


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(files("journal") / "migrations"))


def _upgrade(connection: Connection) -> None:
    scripts = _scripts()

    def steps(revision: Any, context: MigrationContext) -> list[MigrationStep]:
        to_do = reversed(list(scripts.iterate_revisions("head", revision, implicit_base=True)))
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in to_do]

    context = migration_context(connection, fn=steps)
    with Operations.context(context):
        context.run_migrations()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One migrator at a time, all or nothing. Both databases keep a change of tables within a transaction."""
    begin, lock = ("BEGIN IMMEDIATE", "SELECT 1")
    if connection.dialect.name == "postgresql":
        begin, lock = "BEGIN", f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"
    connection.execute(text(begin))
    try:
        connection.execute(text(lock))
        yield
        connection.execute(text("COMMIT"))
    except BaseException:
        with suppress(DBAPIError):  # the connection itself may be what broke
            connection.execute(text("ROLLBACK"))
        raise
