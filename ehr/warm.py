"""Lanes read for a hook that runs ahead of the signing, kept for it: a minute at most, in memory only."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from threading import Lock
from time import monotonic

from cachetools import TTLCache

from second_opinion.from_fhir import Fetched

_SECONDS = 60
_BYTES_MOST = 64 * 1024 * 1024
_RUN_AHEAD = ("patient-view", "order-select")
_SIGNING = "order-sign"
# What was ordered since must count: a referral for a second opinion, above all.
_NEVER = ("service_requests",)


class WarmLanes:
    """Complete lanes by who may see them. Keys are hashes: neither a token nor a patient can be read from here."""

    def __init__(self, seconds: float = _SECONDS, most: int = _BYTES_MOST) -> None:
        self._kept: TTLCache[bytes, Fetched] = TTLCache(most, seconds, monotonic, getsizeof=_size)
        self._lock = Lock()

    def of(self, hook: str, whose: bytes, lanes: Iterable[str]) -> dict[str, Fetched]:
        """Those of these lanes that were read for the same person a moment ago."""
        if hook != _SIGNING:
            return {}
        with self._lock:
            found = {lane: self._kept.get(_key(whose, lane)) for lane in lanes}
        return {lane: fetched for lane, fetched in found.items() if fetched}

    def keep(self, hook: str, whose: bytes, fetched: Mapping[str, Fetched]) -> None:
        if hook not in _RUN_AHEAD:
            return
        with self._lock:
            for lane, each in fetched.items():
                if not each.why and lane not in _NEVER and _size(each) <= self._kept.maxsize:
                    self._kept[_key(whose, lane)] = each


def whose_chart(server: str, user: str, patient: str, token: str) -> bytes:
    """Who reads whose chart with which right, as a key that gives nothing away."""
    return sha256("\0".join((server, user, patient, token)).encode()).digest()


def _key(whose: bytes, lane: str) -> bytes:
    return whose + lane.encode()


def _size(fetched: Fetched) -> int:
    return sum(map(len, fetched.pages)) + 1
