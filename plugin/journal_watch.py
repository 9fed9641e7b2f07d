"""Tells the metrics how the journal's queue stands: a thread that looks, since queues change while nobody calls."""

from collections.abc import Callable
from threading import Event, Thread

from plugin.metrics import observe_journal


class JournalWatch:
    """`backlog`: entries that wait now; `dropped`: those given up since the start. Start and stop it in each worker."""

    def __init__(self, backlog: Callable[[], int], dropped: Callable[[], int], every_seconds: float = 5) -> None:
        self._backlog = backlog
        self._dropped = dropped
        self._every_seconds = every_seconds
        self._told = 0
        self._ended = Event()
        self._thread = Thread(target=self._watch, name="journal-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Looks a last time; call it after the queue is written out."""
        self._ended.set()
        self._thread.join()
        self.look()

    def look(self) -> None:
        dropped = self._dropped()
        observe_journal(self._backlog(), dropped - self._told)
        self._told = dropped

    def _watch(self) -> None:
        self.look()
        while not self._ended.wait(self._every_seconds):
            self.look()
