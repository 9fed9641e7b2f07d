"""The journal's database: opened and migrated when it can be; down, and tried again by a thread, while it cannot."""

from threading import Event, Lock, Thread

from sqlalchemy import false, select, text

from journal.engines import ACKNOWLEDGED, IN_THE_BACKGROUND, READ_AND_SPEND, database_url, open_engine
from journal.errors import JournalDown
from journal.forks import around_fork, at_fork
from journal.line import Line, log
from journal.migrate import VERSION_TABLE, migrate
from journal.tables import cards

_LONGEST_ATTEMPT = 5.0


class Database:
    """Four lines, so that a lock that stops one kind of work does not stop the others.

    `reading`: what is known of a patient; `spending`: tokens; `background`: assessments and cards;
    `acknowledged`: answers, which survive a power failure. Raises SecondOpinionError for a URL that is none, and
    never for a database that cannot be opened.
    """

    def __init__(self, url: str, cool_down: float = 2.0) -> None:
        self._url = database_url(url)
        self._cool_down = cool_down
        quick = open_engine(self._url, READ_AND_SPEND)
        a_write = text(f"UPDATE {VERSION_TABLE} SET version_num = version_num")  # noqa: S608, the name is ours
        self.reading = Line("reading", quick, select(cards.c.uuid).where(false()), self._when_down)
        self.spending = Line("tokens", quick, a_write, self._when_down)
        self.background = Line("assessments", open_engine(self._url, IN_THE_BACKGROUND), a_write, self._when_down)
        self.acknowledged = Line("feedback", open_engine(self._url, ACKNOWLEDGED), a_write, self._when_down)
        self._lines = (self.reading, self.spending, self.background, self.acknowledged)
        self._left_to_parent: list[object] = []
        self._closed, self._lock, self._opening = Event(), Lock(), Lock()
        self._trying: Thread | None = None
        self._open((self.reading, self.acknowledged))  # one trial to write is enough, where several servers start
        self._let_go()
        around_fork(self._before_fork, self._after_fork)
        at_fork(self.renew)

    def state(self) -> str:
        """Empty while all is well; else what is wrong and what to do."""
        down = next((line.why for line in self._lines if line.why), "")
        if down:
            self._when_down("")
        return down

    def close(self) -> None:
        self._closed.set()
        if self._trying:
            self._trying.join(_LONGEST_ATTEMPT)
        self._let_go()

    def _before_fork(self) -> None:
        # SQLite does without locks in a child that was born with connections open: its log may be deleted under it.
        self._opening.acquire()
        self._let_go()

    def _after_fork(self) -> None:
        self._opening.release()

    def renew(self) -> None:
        """In a forked child. Connections that the parent was using are not ours to close: they are put out of reach."""
        self._closed, self._lock, self._opening = Event(), Lock(), Lock()
        self._trying = None
        for line in self._lines:
            self._left_to_parent.append(line.engine.pool)
            line.engine.dispose(close=False)

    def _let_go(self) -> None:
        for line in self._lines:
            line.engine.dispose()

    def _open(self, lines: tuple[Line, ...]) -> None:
        with self._opening:
            try:
                migrate(self._url)
            except JournalDown as down:
                if not all(line.why for line in self._lines):
                    log.error(f"journal: {down}")
                for line in self._lines:
                    line.why = str(down)
            else:
                for line in lines:
                    line.try_again()

    def _when_down(self, everywhere: str) -> None:
        """A thread tries again, never a caller: a server that hangs costs a call nothing."""
        for line in self._lines if everywhere else ():
            line.why = line.why or everywhere
        with self._lock:
            if not (self._trying and self._trying.is_alive()) and not self._closed.is_set():
                self._trying = Thread(target=self._try_again, name="journal", daemon=True)
                self._trying.start()

    def _try_again(self) -> None:
        while not self._closed.wait(self._cool_down) and (down := tuple(line for line in self._lines if line.why)):
            self._open(down)
