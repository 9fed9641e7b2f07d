"""One way to the database, for one kind of work. While it is down its callers are turned away at once."""

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Executable, PoolProxiedConnection, Select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from journal.engines import TooSlow
from journal.errors import JournalDown

Result = TypeVar("Result")
log = logging.getLogger("second_opinion.journal")
_BUSY = "The journal has too much to do. Try again in a moment."


class Line:
    """`why` says why it is down, and is empty while it works.

    `when_down` sees to it that it is tried again; it is told why if no other line can work either.
    """

    def __init__(self, name: str, engine: Engine, trial: Executable, when_down: Callable[[str], None]) -> None:
        self.name, self.engine, self.why = name, engine, ""
        self._trial, self._when_down = trial, when_down

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Does the work in a transaction of its own. It must be such that doing it twice does no harm."""
        self._check()
        try:
            return self._run(work)
        except NoConnectionFree:
            raise JournalDown(_BUSY) from None
        except (DataError, IntegrityError):  # what was to be written is wrong, not the line
            raise
        except DBAPIError as error:
            raise self._down(error.orig) from None

    def holds(self, question: Select[Any], values: Mapping[str, str]) -> bool:
        """Whether the answer is yes. What cannot be asked is held to be so: `run` then says what is wrong.

        Asked of the driver itself, since every card waits for it: by way of SQLAlchemy it takes twice as long.
        """
        self._check()
        statement, order = _for_driver(question, self.engine.dialect)
        try:
            with closing(self.engine.raw_connection()) as connection:
                self._check()  # it may have gone down while we waited for a connection
                return self._answer(connection, statement, [values[name] for name in order] if order else values)
        except NoConnectionFree:
            raise JournalDown(_BUSY) from None
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise self._down(error) from None

    def try_again(self) -> None:
        """Whether it works is tried with the least piece of its work; raises nothing."""
        try:
            with self.engine.begin() as connection:
                connection.execute(self._trial)
        except NoConnectionFree:
            pass  # calls from before still use them all: later
        except DBAPIError as error:
            self._lost(reason(self.engine, error.orig))
        else:
            if self.why:
                log.warning(f"journal ({self.name}): works again")
            self.why = ""

    def _check(self) -> None:
        if self.why:
            self._when_down("")
            raise JournalDown(self.why)

    def _down(self, error: BaseException | None) -> JournalDown:
        self._lost(reason(self.engine, error))
        self._when_down(self.why if isinstance(error, TooSlow) else "")
        return JournalDown(self.why)

    def _lost(self, why: str) -> None:
        if not self.why:
            log.error(f"journal ({self.name}): {why}")
        self.why = why

    def _run(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return self._once(work)
        except DBAPIError as error:
            if not error.connection_invalidated or isinstance(error.orig, TooSlow):
                raise
            # The connection had died while it lay idle (the server was started anew, say). The pool makes a new one.
            return self._once(work)

    def _answer(self, connection: PoolProxiedConnection, statement: str, values: Any) -> bool:
        cursor = connection.cursor()
        try:
            cursor.execute(statement, values)
            ((answer,),) = cursor.fetchall()
        except self.engine.dialect.loaded_dbapi.Error as error:
            connection.invalidate(error)
            if isinstance(error, TooSlow):
                raise
            return True
        return bool(answer)

    def _once(self, work: Callable[[Connection], Result]) -> Result:
        with self.engine.begin() as connection:
            self._check()  # it may have gone down while we waited for a connection
            return work(connection)


@lru_cache(maxsize=64)
def _for_driver(question: Select[Any], dialect: Dialect) -> tuple[str, list[str]]:
    """The statement, and the order of its values; none where the driver takes them by name."""
    compiled: Any = question.compile(dialect=dialect)
    return str(compiled), compiled.positiontup or []


def reason(engine: Engine, error: BaseException | None) -> str:
    """What is wrong and what to do. No statement, no value and no password stands in it."""
    url = engine.url
    said = str(error).strip().partition("\n")[0].replace(str(url.password or "\n"), "***").rstrip(".")
    if url.get_backend_name() == "sqlite":
        remedy = "See that its folder exists, has room, and may be written by this user"
        return f"The SQLite file {url.database} cannot be used: {said}. {remedy}."
    remedy = "See that the server runs and that SECOND_OPINION_DATABASE_URL is right"
    return f"The PostgreSQL database {url.database} on {url.host or 'this machine'} cannot be used: {said}. {remedy}."
