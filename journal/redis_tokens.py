"""Spent tokens in Redis, for sites that have one: servers share it, and the database is spared a write a call."""

from time import monotonic

from redis import Redis
from redis.exceptions import RedisError

from journal.errors import JournalDown
from journal.line import log
from second_opinion.errors import SecondOpinionError

_PATIENCE_SECONDS = 0.15
_COOL_DOWN_SECONDS = 2.0
_WRONG = "SECOND_OPINION_REDIS_URL names no Redis. Write it like redis://host:6379/0 or rediss://user:password@host/0."


class RedisTokens:
    """Connects with the first token. `why` says why it is down; while it is, callers are turned away at once."""

    def __init__(self, url: str) -> None:
        try:
            self._redis = Redis.from_url(
                url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS, retry=None
            )
        except ValueError:
            raise SecondOpinionError(_WRONG) from None  # repeats nothing of it: there may be a password in it
        self.why = ""
        self._not_before = 0.0

    def is_new(self, spent: bytes, seconds: int) -> bool:
        """False for what was spent before; remembered for so many seconds. Raises JournalDown."""
        if monotonic() < self._not_before:
            raise JournalDown(self.why)
        try:
            first = self._redis.set(f"second-opinion:token:{spent.hex()}", b"", nx=True, ex=max(seconds, 1))
        except RedisError as error:
            if not self.why:
                log.error(f"journal (tokens): {_reason(error)}")
            self.why = _reason(error)
            self._not_before = monotonic() + _COOL_DOWN_SECONDS
            raise JournalDown(self.why) from None
        self.why = ""
        return bool(first)

    def state(self) -> str:
        """Empty while all is well; else what is wrong and what to do."""
        try:
            self._redis.ping()
        except RedisError as error:
            return _reason(error)
        return ""

    def close(self) -> None:
        self._redis.close()


def _reason(error: RedisError) -> str:
    """In words of ours: its own could repeat the URL."""
    return f"Redis cannot be used ({type(error).__name__}). See that it runs and that its URL is right."
