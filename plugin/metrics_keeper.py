"""Keeps a worker's metrics up to date: a thread, since counts are written and queues change while nobody calls."""

from collections.abc import Callable
from threading import Event, Thread

from plugin.metrics import observe_journal, write_noted


class MetricsKeeper:
    """Start and stop it in each worker. `journal` tells how many entries wait, and how many were given up in all."""

    def __init__(self, journal: Callable[[], tuple[int, int]] = lambda: (0, 0), every_seconds: float = 1) -> None:
        self._journal = journal
        self._every_seconds = every_seconds
        self._dropped = 0
        self._ended = Event()
        self._thread = Thread(target=self._keep, name="metrics-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Writes a last time; call it after the journal's queue is written out."""
        self._ended.set()
        self._thread.join()
        self._write()

    def _keep(self) -> None:
        while not self._ended.wait(self._every_seconds):
            self._write()

    def _write(self) -> None:
        write_noted()
        waiting, dropped = self._journal()
        observe_journal(waiting, dropped - self._dropped)
        self._dropped = dropped
