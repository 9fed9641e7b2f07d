"""The keys that clients sign with: pinned, or fetched from their jku, and how long those are believed.

A jku is asked seldom, whatever callers send; while it cannot be had, the keys read last go on being used for a day.
"""

import logging
import time
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from ehr.jwks import KeySet, PublicKey, fitting, read_jwks
from ehr.trust import CdsClient
from ehr.urls import is_loopback

_log = logging.getLogger("second_opinion")
_BYTES_MOST = 256 * 1024
_TIMEOUT = 2.0  # seconds, for the whole fetch
_WAIT_WITH_OLD_KEYS = 0.25  # a slow jku does not hold up calls that the keys we have can answer
_BETWEEN_FETCHES = 15
_FRESH = 10 * 60
_USABLE = 24 * 60 * 60


class ClientKeys:
    """The keys of all clients. Nothing is fetched before the first token needs it, so that workers may fork."""

    def __init__(self, clients: Iterable[CdsClient], clock: Callable[[], float] = time.monotonic) -> None:
        self._published = {client.jku: PublishedKeys(client.jku, clock) for client in clients if client.jku}

    def key_for(self, client: CdsClient, kid: str | None, algorithm: str) -> PublicKey | None:
        if client.jku:
            return self._published[client.jku].key_for(kid, algorithm)
        return fitting(client.pinned, kid, algorithm)


class PublishedKeys:
    """What one jku publishes, shared by all threads of this process."""

    def __init__(self, jku: str, clock: Callable[[], float]) -> None:
        self._jku = jku
        self._clock = clock
        self._lock = Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._read_at = self._asked_at = float("-inf")
        self._under_way: Event | None = None

    def key_for(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """Asks the jku anew if its keys are old, or none of them fits."""
        age = self._clock() - self._read_at
        if age > _FRESH:
            self._refresh(_TIMEOUT if age > _USABLE else _WAIT_WITH_OLD_KEYS)
        key = fitting(self._usable(), kid, algorithm)
        if key is None:
            self._refresh(_TIMEOUT)
            key = fitting(self._usable(), kid, algorithm)
        return key

    def _usable(self) -> tuple[PublicKey, ...]:
        with self._lock:
            return self._keys if self._clock() - self._read_at <= _USABLE else ()

    def _refresh(self, patience: float) -> None:
        """Waits for the fetch under way, or begins one if the last is long enough ago."""
        with self._lock:
            if self._under_way is None:
                if self._clock() - self._asked_at < _BETWEEN_FETCHES:
                    return
                self._asked_at = self._clock()
                self._under_way = Event()
                Thread(target=self._fetch, args=(self._under_way,), daemon=True).start()
            done = self._under_way
            left = self._asked_at + _TIMEOUT - self._clock()  # a fetch that hangs is waited for once
        done.wait(min(patience, left))

    def _fetch(self, done: Event) -> None:
        try:
            keys = fetch_jwks(self._jku).keys
        except ValueError as problem:
            _log.warning(f"the keys at {self._jku} could not be read: {problem}")
        else:
            with self._lock:
                self._keys, self._read_at = keys, self._clock()
        finally:
            with self._lock:
                self._under_way = None
            done.set()


def _way_to(jku: str) -> urllib3.PoolManager:
    """Directly, or through the proxy that the environment names (HTTPS_PROXY, NO_PROXY): many hospitals have one."""
    address = urlsplit(jku)
    host, proxy = address.hostname or "", getproxies().get(address.scheme)
    if not proxy or is_loopback(host) or proxy_bypass(host):
        return urllib3.PoolManager()
    return urllib3.ProxyManager(proxy)


def fetch_jwks(jku: str) -> KeySet:
    """Raises ValueError with the reason. No redirect is followed: only this very address is trusted."""
    deadline = time.monotonic() + _TIMEOUT
    body = b""
    try:
        with _way_to(jku) as pool:
            response = pool.request(
                "GET", jku, headers={"Accept": "application/json"}, timeout=urllib3.Timeout(_TIMEOUT),
                retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
            if response.status != 200:
                raise ValueError(f"it answered {response.status}, not 200")
            while part := response.read1(_BYTES_MOST):
                body += part
                if len(body) > _BYTES_MOST:
                    raise ValueError(f"it is longer than {_BYTES_MOST} bytes")
                if time.monotonic() > deadline:
                    raise ValueError(f"it took longer than {_TIMEOUT:.0f} seconds")
    except urllib3.exceptions.HTTPError as problem:
        raise ValueError(f"{type(problem).__name__}: {problem}") from None
    return read_jwks(body)
