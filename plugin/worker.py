"""A gunicorn worker that reads requests with waitress: only whole requests reach a thread.

gunicorn's own threaded worker hands a connection to a thread at its first byte, so that a few half-sent requests stop
the service for everybody (seen with gunicorn 27, November 2026). Here slow clients wait in the event loop, and are
dropped.
"""

import time
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.server import create_server

_THREADS = 8
_CONNECTIONS = 2000
_IDLE_SECONDS = 30
_READ_AT_ONCE = 1 << 18  # a hook call in one read; the default of 8 KB costs three times the whole call
_BODY_IN_MEMORY = 1 << 26
_BODY_MOST = 1 << 27  # ours is smaller, and answered with an OperationOutcome; this stops what is absurd


class BufferedWorker(Worker):
    """One process: an event loop that reads and writes, threads that judge."""

    def run(self) -> None:
        connections: dict[int, Any] = {}
        server = create_server(
            self.wsgi,
            map=connections,
            sockets=[listener.sock for listener in self.sockets],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=_IDLE_SECONDS // 2,
            asyncore_use_poll=True,
            recv_bytes=_READ_AT_ONCE,
            inbuf_overflow=_BODY_IN_MEMORY,
            max_request_body_size=_BODY_MOST,
            ident=None,
        )
        while self.alive:
            self.notify()
            wasyncore.loop(timeout=1.0, use_poll=True, map=connections, count=1)
        # Calls already read are answered; new ones find the next worker, or nobody.
        until = time.monotonic() + self.cfg.graceful_timeout
        while any(map(_is_busy, list(connections.values()))) and time.monotonic() < until:
            wasyncore.loop(timeout=0.1, use_poll=True, map=connections, count=1)
        server.task_dispatcher.shutdown()


def _is_busy(channel: Any) -> bool:
    return bool(getattr(channel, "requests", None) or getattr(channel, "total_outbufs_len", 0))
