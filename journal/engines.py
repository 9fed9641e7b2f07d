"""Opens SQLite or PostgreSQL with the patience and the durability that each kind of work needs."""

import os
from typing import Any, Final

import psycopg
from msgspec import Struct, json
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from second_opinion.errors import SecondOpinionError

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_CONNECT_SECONDS = 2  # psycopg waits no shorter
_QUEUE_SECONDS = 5  # behind others that are being served: whoever waits for one that hangs is turned away with it
_SERVER_SECONDS = 0.3  # at the least: a network may lie between
_NO_URL = (
    "SECOND_OPINION_DATABASE_URL names no database that we can use. Write it like "
    "sqlite:////var/lib/second-opinion/journal.sqlite3 or postgresql://user:password@host/database."
)


class Needs(Struct, frozen=True):
    """`seconds`: the longest wait for a lock or an answer; `durable`: survives a power failure in SQLite, too."""

    seconds: float
    durable: bool
    connections: int
    one_statement: bool = False  # each is its own transaction: one trip to the server, not three


READ_AND_SPEND: Final = Needs(0.15, durable=False, connections=8, one_statement=True)
IN_THE_BACKGROUND: Final = Needs(1.0, durable=False, connections=1)
ACKNOWLEDGED: Final = Needs(2.0, durable=True, connections=4)
# A start must not wait for a lock that somebody keeps: cards are served meanwhile, and a thread tries again.
MIGRATION: Final = Needs(3.0, durable=True, connections=1, one_statement=True)


class TooSlow(psycopg.OperationalError):
    """The server does not answer, not even that it will not."""


class _Impatient(psycopg.Connection[TupleRow]):
    """Gives up on a server that hangs: its own statement_timeout cannot help then."""

    patience = float(_CONNECT_SECONDS)

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        try:
            return super().wait(gen, timeout=self.patience)
        except psycopg.OperationalError:
            if self.info.transaction_status is TransactionStatus.ACTIVE:
                self.close()
                raise TooSlow(f"no answer within {self.patience:g} seconds") from None
            raise


def database_url(given: str) -> URL:
    """Raises SecondOpinionError, which repeats nothing of what was given: there may be a password in it."""
    try:
        url = make_url(given)
        url = url.set(drivername=_DRIVERS[url.get_backend_name()])
    except (ArgumentError, ValueError, KeyError):
        raise SecondOpinionError(_NO_URL) from None
    if not url.database or url.database == ":memory:":
        raise SecondOpinionError(_NO_URL)
    return url


def open_engine(url: URL, needs: Needs) -> Engine:
    """Connects to nothing yet."""
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        pool_size=1 if is_sqlite and not needs.one_statement else needs.connections,  # SQLite has one writer at a time
        max_overflow=0,
        pool_timeout=needs.seconds if needs.one_statement else _QUEUE_SECONDS,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT" if needs.one_statement else None,
        connect_args={"timeout": needs.seconds} if is_sqlite else {},
        hide_parameters=True,
        json_serializer=lambda value: json.encode(value).decode(),
        json_deserializer=json.decode,
    )
    if is_sqlite:
        _set_up_sqlite(engine, needs)
    else:
        _set_up_postgresql(engine, needs)
    return engine


def _set_up_sqlite(engine: Engine, needs: Needs) -> None:
    path = engine.url.database or ""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA synchronous = {'FULL' if needs.durable else 'NORMAL'}")
        connection.execute("PRAGMA cache_size = -256")  # kilobytes a connection: a look-up needs a few pages, not 2 MB
        if needs.one_statement:  # a call in waiting is no time to tidy up the write-ahead log
            connection.execute("PRAGMA wal_autocheckpoint = 20000")
        record.info["file"] = _file(path)

    @event.listens_for(engine, "checkout")
    def is_still_there(connection: Any, record: Any, proxy: Any) -> None:
        # SQLite goes on writing into a file that was deleted: what is acknowledged would be lost with the process.
        if record.info["file"] != _file(path):
            raise DisconnectionError


def _file(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _set_up_postgresql(engine: Engine, needs: Needs) -> None:
    seconds = max(needs.seconds, _SERVER_SECONDS)
    milliseconds = int(seconds * 1000)
    ours = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": 60_000,
        # The writer may wait for the server's disk, a call with a token may not. In SQLite both share one lock.
        "synchronous_commit": "off" if needs.one_statement else "on",
    }

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> _Impatient:
        options.setdefault("connect_timeout", _CONNECT_SECONDS)
        options.setdefault("application_name", "second-opinion")
        session = " ".join(f"-c {name}={value}" for name, value in ours.items())
        connection = _Impatient.connect(*args, **options | {"options": f"{session} {options.get('options', '')}"})
        connection.patience = seconds + 0.1  # the server's own refusal comes first, and says more
        return connection
