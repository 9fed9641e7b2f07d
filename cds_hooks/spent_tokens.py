"""Remembers which tokens were used, in this process only."""

from threading import Lock

_MOST = 100_000


class SpentTokens:
    """The oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def spend(self, iss: str, jti: str, until: int, now: int) -> bool:
        """Whether this is the token's first use."""
        with self._lock:
            if self._until.get((iss, jti), 0) > now:
                return False
            self._until.pop((iss, jti), None)
            self._until[iss, jti] = until
            if len(self._until) > _MOST:
                del self._until[next(iter(self._until))]
            return True
