"""A gunicorn worker that reads requests with waitress: only whole requests reach a thread.

gunicorn's own threaded worker hands a connection to a thread at its first byte, so that a few half-sent requests stop
the service for everybody (seen with gunicorn 27, November 2026). Here slow clients wait in the event loop, and are
dropped.
"""

import os

from gunicorn.workers.base import Worker

from plugin.reader import Reader

_AFTERWARDS = 15  # of the seconds that gunicorn gives a worker to stop: for what runs after the last answer


class BufferedWorker(Worker):
    """One process of the server."""

    def run(self) -> None:
        reader = Reader(self.wsgi, [listener.sock for listener in self.sockets], self.cfg.threads)
        # A worker whose master was killed would keep the port, and no new master could start.
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            reader.turn(0.5)
        reader.finish(self.cfg.graceful_timeout - _AFTERWARDS)
