"""Tokens are good once: which were spent, shared by workers through the database or Redis, in memory should it fail."""

from collections import OrderedDict
from threading import Lock
from typing import Protocol

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from journal.database import Database
from journal.errors import JournalDown
from journal.forks import at_fork
from journal.keys import Keys
from journal.once import insert_once
from journal.tables import tokens

_LATEST = 2**62  # a date that both databases can hold
_CALLS_BETWEEN_PURGES = 100
_PURGED_AT_ONCE = 400
_expired = (
    select(tokens.c.client, tokens.c.jti)
    .where(tokens.c.expires_at < bindparam("now"))
    .limit(_PURGED_AT_ONCE)
    .with_for_update(skip_locked=True)  # PostgreSQL: two workers that purge do not wait for each other
)
_PURGE = delete(tokens).where(tuple_(tokens.c.client, tokens.c.jti).in_(_expired))


class SharedTokens(Protocol):
    """Where else spent tokens may be kept: Redis, whose library is loaded only where it is configured."""

    def is_new(self, spent: bytes, seconds: int) -> bool:
        """False for what was spent before; remembered for so many seconds. Raises JournalDown."""

    def state(self) -> str:
        """Empty while all is well; else what is wrong and what to do."""

    def close(self) -> None:
        """Lets its connections go."""


class Tokens:
    """Keeps no token and no jti, only its keyed hash; `most` of them in memory."""

    def __init__(self, database: Database, keys: Keys, redis: SharedTokens | None = None, most: int = 10_000) -> None:
        self._database, self._keys, self._redis, self._most = database, keys, redis, most
        self._spent: OrderedDict[bytes, int] = OrderedDict()
        self._calls = 0
        self.renew()
        at_fork(self.renew)

    def renew(self) -> None:
        self._lock = Lock()

    def spend(self, client: str, jti: str, expires_at: int, now: int) -> bool:
        """False for a jti that this client has spent before. Never raises; both times are seconds since 1970.

        To be called for tokens whose signature is right, else anybody could fill the memory.
        """
        spent = self._keys.digest("token", client, jti)
        if not self._is_new_here(spent, expires_at, now):
            return False
        try:
            if self._redis:
                return self._redis.is_new(spent, expires_at - now)
            return self._is_new_in_database(client, spent, expires_at, now)
        except JournalDown:
            return True  # a card is never withheld for it

    def _is_new_in_database(self, client: str, spent: bytes, expires_at: int, now: int) -> bool:
        row: dict[str, object] = {"client": client, "jti": spent, "expires_at": min(expires_at, _LATEST)}
        is_new = self._database.spending.run(lambda connection: insert_once(connection, tokens, [row]) == 1)
        if self._calls % _CALLS_BETWEEN_PURGES == 0:
            self._database.spending.run(lambda connection: _purge(connection, now))
        return is_new

    def _is_new_here(self, spent: bytes, expires_at: int, now: int) -> bool:
        with self._lock:
            self._calls += 1
            if self._spent.get(spent, now - 1) >= now:
                return False
            self._spent[spent] = expires_at
            if len(self._spent) > self._most:
                self._spent.popitem(last=False)
            return True


def _purge(connection: Connection, now: int) -> None:
    connection.execute(_PURGE, {"now": now})
