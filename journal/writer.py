"""A thread writes assessments and cards: no call waits for the disk, or for a database that is down."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Condition, Lock, Thread

from msgspec import structs
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from journal.answers import place_decisions
from journal.database import Database
from journal.errors import JournalDown
from journal.forks import around_fork, at_fork
from journal.line import log
from journal.once import insert_once
from journal.rows import AssessmentRow, CardRow
from journal.tables import assessments, cards

Rows = tuple[AssessmentRow, CardRow | None]
_AT_ONCE = 200
# A transaction for several calls costs little more than one for a single call; but all workers should know of a card
# before anybody can answer it.
_GATHERS_SECONDS = 0.03
_RETRY_SECONDS = 0.5


class Writer:
    """`dropped`: rows given up since the start, because there were too many of them or they could not be stored."""

    def __init__(self, database: Database, most: int = 10_000) -> None:
        self._database = database
        self._most = most
        self.dropped = 0
        self.renew()
        around_fork(self._before_fork, self._after_fork)
        at_fork(self.renew)

    def _before_fork(self) -> None:
        # A child born while our thread is inside SQLite inherits a lock of SQLite's own that nobody opens any more.
        self._writing.acquire()

    def _after_fork(self) -> None:
        self._writing.release()

    def renew(self) -> None:
        """Nothing waiting and no thread yet; also in a forked child: what its parent was given, the parent writes."""
        self._changed, self._writing = Condition(), Lock()
        self._waiting: deque[Rows] = deque(maxlen=self._most)
        self._in_hand = self._flushing = 0
        self._stopping = False
        self._thread: Thread | None = None

    @property
    def backlog(self) -> int:
        """How many calls are not written yet."""
        return len(self._waiting) + self._in_hand

    def put(self, assessment: AssessmentRow, card: CardRow | None = None) -> None:
        """Never waits and never raises. When there are too many, the oldest is given up."""
        with self._changed:
            self.dropped += len(self._waiting) == self._most
            self._waiting.append((assessment, card))
            if len(self._waiting) in (1, _AT_ONCE):
                self._changed.notify_all()
            if not (self._thread and self._thread.is_alive()):
                self._start()

    def flush(self, timeout: float) -> bool:
        """Waits until all is written; False if that took too long."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            written = self._changed.wait_for(lambda: not self.backlog, timeout)
            self._flushing -= 1
            return written

    def stop(self, timeout: float) -> bool:
        """Writes what is waiting, as far as there is time; False if something was left, which is logged."""
        written = self.flush(timeout)
        with self._changed:
            thread, self._stopping = self._thread, True
            self._changed.notify_all()
        if thread:
            thread.join(timeout)
        if not written:
            log.error(f"journal: stopped with {self.backlog} calls not written")
        return written

    def _start(self) -> None:
        self._stopping = False
        thread = Thread(target=self._work, name="journal writer", daemon=True)
        with suppress(RuntimeError):  # no more threads to be had: the next call tries again
            thread.start()
            self._thread = thread

    def _work(self) -> None:
        while batch := self._next():
            while not self._is_written(batch):
                with self._changed:
                    if self._changed.wait_for(lambda: self._stopping, _RETRY_SECONDS):
                        return
            with self._changed:
                self._in_hand = 0
                self._changed.notify_all()

    def _next(self) -> list[Rows]:
        """Waits for rows, and a moment longer for more of them. None when it is time to go."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            self._changed.wait_for(self._is_enough, _GATHERS_SECONDS)
            self._in_hand = min(len(self._waiting), _AT_ONCE)
            return [self._waiting.popleft() for _ in range(self._in_hand)]

    def _is_enough(self) -> bool:
        return bool(self._flushing or self._stopping or len(self._waiting) >= _AT_ONCE)

    def _is_written(self, batch: Sequence[Rows]) -> bool:
        try:
            with self._writing:
                self._database.background.run(lambda connection: _insert(connection, batch))
        except JournalDown:
            return False
        except (SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            if len(batch) > 1:  # one of them cannot be stored: which one, and keep the others
                return all([self._is_written([rows]) for rows in batch])
            log.error(f"journal: a call could not be stored ({type(error).__name__})")
            with self._changed:
                self.dropped += 1
        return True


def _insert(connection: Connection, batch: Sequence[Rows]) -> None:
    insert_once(connection, assessments, [structs.asdict(assessment) for assessment, _ in batch])
    shown = [card for _, card in batch if card]
    insert_once(connection, cards, [structs.asdict(card) for card in shown])
    place_decisions(connection, shown)
