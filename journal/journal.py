"""The journal as the doors hold it: one database, the site's keys, the writer and the spent tokens."""

from dataclasses import dataclass

from journal.database import Database
from journal.keys import Keys
from journal.tokens import SharedTokens, Tokens
from journal.writer import Writer


@dataclass(frozen=True)
class Journal:
    database: Database
    keys: Keys
    writer: Writer
    tokens: Tokens
    redis: SharedTokens | None = None

    def close(self, timeout: float) -> bool:
        """Writes what is waiting; False if there was not time enough."""
        written = self.writer.stop(timeout)
        self.database.close()
        if self.redis:
            self.redis.close()
        return written


def open_journal(url: str, secret_key: str, cool_down: float = 2.0, redis_url: str = "") -> Journal:
    """Raises SecondOpinionError for a URL that is none; never for a database that cannot be opened now.

    `cool_down`: the seconds between two attempts to reach a database that is down; `redis_url`: where spent tokens are
    kept instead of there.
    """
    redis = _tokens_in_redis(redis_url) if redis_url else None
    database, keys = Database(url, cool_down), Keys(secret_key)
    return Journal(database, keys, Writer(database), Tokens(database, keys, redis), redis)


def _tokens_in_redis(url: str) -> SharedTokens:
    from journal.redis_tokens import RedisTokens  # loads whatever tracing is installed: only where it is wanted

    return RedisTokens(url)
