"""Reads requests with waitress, whole before a thread sees them; drops who sends too slowly; stops without losing one.

It alone knows waitress.
"""

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask, WSGITask

from plugin.outcomes import MEDIA_TYPE, operation_outcome

_READ_AT_ONCE = 1 << 18  # a hook call in one read; the default of 8 KB costs three times the whole call
_BODY_IN_MEMORY = 1 << 26
_BODY_MOST = 1 << 27  # ours is smaller, and answered by the application; this stops what is absurd
_HEADERS_MOST = 1 << 15
_UNDISTURBED = 0.25  # seconds without a call after which nobody is thought to be sending one


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection that sends nothing, and for one that has not sent a whole request."""

    idle: float = 30
    whole: float = 60


class Reader:
    """The event loop of one worker: it reads and writes, threads judge."""

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        sockets: list[socket.socket],
        threads: int = 8,
        connections: int = 2000,
        patience: Patience = Patience(),
    ) -> None:
        self._patience = patience
        self._stopping = Event()
        self._map: dict[int, Any] = {}
        self._server = create_server(
            app,
            map=self._map,
            sockets=sockets,
            threads=threads,
            connection_limit=connections,
            channel_timeout=patience.idle,
            cleanup_interval=patience.idle / 2,
            asyncore_use_poll=True,
            recv_bytes=_READ_AT_ONCE,
            inbuf_overflow=_BODY_IN_MEMORY,
            max_request_body_size=_BODY_MOST,
            max_request_header_size=_HEADERS_MOST,
            ident=None,
        )
        self._server.channel_class = partial(_Connection, self._stopping)

    def turn(self, seconds: float) -> None:
        """Reads and writes for so long what there is; then drops who has not sent a whole request in time."""
        now = time.monotonic()
        until = now + seconds
        while now < until:  # the thread that judges a call waits meanwhile: nothing else is done in here
            wasyncore.loop(timeout=until - now, use_poll=True, map=self._map, count=1)
            now = time.monotonic()
        for connection in list(self._server.active_channels.values()):
            if not connection.requests and now - connection.waiting_since > self._patience.whole:
                connection.will_close = True

    def finish(self, seconds: float) -> None:
        """Answers all calls that have come, also those waiting to be accepted, and takes no new connection."""
        until = time.monotonic() + seconds
        self._stopping.set()
        self._accept_who_waits()
        wasyncore.dispatcher.close(self._server)  # the listening socket only: threads still wake the loop
        quiet_from = time.monotonic()
        while (now := time.monotonic()) < until and now - quiet_from < _UNDISTURBED:
            self.turn(0.05)
            if any(map(_is_busy, list(self._server.active_channels.values()))):
                quiet_from = time.monotonic()
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._map)

    def _accept_who_waits(self) -> None:
        known = -1
        while known < len(self._map):
            known = len(self._map)
            self._server.handle_accept()


class _Connection(HTTPChannel):
    """One client; `waiting_since` is when it opened, or was last answered."""

    def __init__(self, stopping: Event, *given: Any, **named: Any) -> None:
        self.stopping = stopping
        self.waiting_since = time.monotonic()
        super().__init__(*given, **named)

    def writable(self) -> bool:
        # While a thread sends, the loop must not offer help: it would spin, and keep the thread from the interpreter
        # (seen with waitress 3.0: hundreds of turns, half the cost of a call). The thread wakes it when it is done.
        if not super().writable() or not self.outbuf_lock.acquire(False):
            return False
        self.outbuf_lock.release()
        return True

    def service(self) -> None:
        super().service()
        self.waiting_since = time.monotonic()


class _Answer(WSGITask):
    """While the worker stops, every answer is the last on its connection, and says so."""

    def build_response_header(self) -> bytes:
        if self.channel.stopping.is_set():
            self.set_close_on_finish()
        return bytes(super().build_response_header())


class _Refusal(ErrorTask):
    """What cannot be read as HTTP is refused as all else is: with an OperationOutcome, in words of ours."""

    def execute(self) -> None:
        error = self.request.error
        body = operation_outcome(error.code, f"{error.reason}.")
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", MEDIA_TYPE))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


_Connection.task_class = _Answer
_Connection.error_task_class = _Refusal


def _is_busy(connection: Any) -> bool:
    return bool(connection.requests or connection.total_outbufs_len)
