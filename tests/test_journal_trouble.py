"""The journal in trouble: what was acknowledged is there, nobody waits long, and all arrives once it is over."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster
from journal_examples import DAY, EHR, PATIENCE, answer, ask, assessment, card_row, opened, until

from journal.answers import store_feedback
from journal.cards import answered_cards, card, orders_shown
from journal.errors import JournalDown
from journal.journal import Journal
from journal.writer import Writer

ROOT = Path(__file__).resolve().parent.parent
NOW = 1_800_000_000
LONG = 1.9  # nobody may wait as long for a database as an answer that is to be stored may


def count(url: str, table: str) -> int:
    ((found,),) = ask(url, f"SELECT count(*) FROM {table}")  # noqa: S608, the names are in this file
    return int(found)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def started(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A Python program in a process of its own, with the examples at hand."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE)


def said(process: subprocess.Popen[bytes]) -> str:
    return process.communicate(timeout=180)[0].decode()


def cards_come_and_feedback_is_refused(journal: Journal) -> None:
    """What must hold whatever happened to the database."""
    journal.writer.put(assessment(), card_row())
    jti = f"jti {time.monotonic_ns()}"
    with at_most(LONG):
        assert journal.tokens.spend(EHR, jti, NOW + 300, NOW)
    assert not journal.tokens.spend(EHR, jti, NOW + 300, NOW), "remembered in memory at least"
    with pytest.raises(JournalDown):
        store_feedback(journal.database, journal.keys, [answer()])
    with at_most(LONG), pytest.raises(JournalDown):
        store_feedback(journal.database, journal.keys, [answer()])
    assert journal.database.state()


def refusal(journal: Journal) -> str:
    with pytest.raises(JournalDown) as refused:
        store_feedback(journal.database, journal.keys, [answer()])
    return str(refused.value)


def all_is_well_again(journal: Journal, url: str, written: int = 1) -> None:
    until(lambda: journal.database.state() == "")
    assert store_feedback(journal.database, journal.keys, [answer()]) == 1
    assert journal.writer.flush(PATIENCE)
    assert (count(url, "assessments"), count(url, "cards")) == (written, written)


# ---- what was acknowledged is there


def test_feedback_is_there_after_kill_9(url: str) -> None:
    killed = started(
        """
        import os, signal, sys
        from journal_examples import *
        from journal.answers import store_feedback
        journal = open_journal(sys.argv[1], SECRET)
        stored = store_feedback(journal.database, journal.keys, [answer()], [decision()])
        os.write(1, b"%d stored" % stored)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        url,
    )
    assert said(killed) == "1 stored"
    assert killed.returncode == -signal.SIGKILL
    assert (count(url, "feedback"), count(url, "decisions")) == (1, 1)


def test_answers_stored_by_many_at_once_are_all_there(url: str) -> None:
    with opened(url):
        pass
    servers = [
        started(
            """
            import sys
            from concurrent.futures import ThreadPoolExecutor
            from journal_examples import *
            from journal.answers import store_feedback
            with opened(sys.argv[1]) as journal, ThreadPoolExecutor(8) as threads:
                def store(number):
                    answers = [answer(card=f"{sys.argv[2]} {number}"), answer(card="the same card")]
                    return store_feedback(journal.database, journal.keys, answers, [decision()])
                print(sum(threads.map(store, range(50))))
            """,
            url,
            str(server),
        )
        for server in range(4)
    ]
    assert sum(int(said(server)) for server in servers) == 201
    assert (count(url, "feedback"), count(url, "decisions")) == (201, 1)


# ---- the database is locked, read-only, missing, full


def test_a_locked_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.sqlite3"
    with opened(url) as journal:
        journal.writer.put(assessment(), card_row(uuid="card-1"))
        assert journal.writer.flush(PATIENCE)
        locking = started(
            """
            import sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("BEGIN EXCLUSIVE")
            print("locked", flush=True)
            input()
            """,
            str(tmp_path / "journal.sqlite3"),
        )
        assert locking.stdout and locking.stdout.readline() == b"locked\n"
        with ThreadPoolExecutor(8) as threads:
            refusals = list(threads.map(lambda _: refusal(journal), range(8)))
        assert all("locked" in why for why in refusals), "who waits behind one that fails is turned away with it"
        cards_come_and_feedback_is_refused(journal)
        assert "locked" in journal.database.state()
        assert card(journal.database, "card-1", EHR), "what was shown and answered before still counts"
        locking.kill()
        said(locking)
        all_is_well_again(journal, url, written=2)


def test_a_read_only_database(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        journal.writer.put(assessment(), card_row(uuid="card-1"))
    with opened(f"sqlite:///file:{tmp_path}/journal.sqlite3?mode=ro&uri=true") as journal:
        cards_come_and_feedback_is_refused(journal)
        assert "readonly" in journal.database.state()
        assert orders_shown(journal.database, EHR, "patient-hash", "user-hash", DAY) == {"order-hash"}
        assert journal.writer.flush(0.1) is False


def test_a_folder_that_is_missing_and_then_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later/journal.sqlite3"
    with opened(url) as journal:
        cards_come_and_feedback_is_refused(journal)
        assert "See that its folder exists" in journal.database.state()
        with pytest.raises(JournalDown, match="later"):
            answered_cards(journal.database, EHR, "patient-hash", DAY)
        (tmp_path / "later").mkdir()
        all_is_well_again(journal, url)


def test_a_table_that_is_gone_is_told_of_not_taken_for_no_answers(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        assert answered_cards(journal.database, EHR, "patient-hash", DAY) == []
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as other:
            other.execute("DROP TABLE decisions")
        with pytest.raises(JournalDown, match="no such table"):
            answered_cards(journal.database, EHR, "patient-hash", DAY)


def test_nothing_is_acknowledged_into_a_file_that_was_deleted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.sqlite3"
    with opened(url) as journal:
        assert store_feedback(journal.database, journal.keys, [answer()]) == 1
        for path in tmp_path.iterdir():
            path.unlink()
        cards_come_and_feedback_is_refused(journal)
        all_is_well_again(journal, url)


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.sqlite3"
    with opened(url) as journal:
        assert journal.database.state() == ""
    full = started(
        """
        import resource, sys
        from journal_examples import *
        from journal.answers import store_feedback
        from journal.errors import JournalDown
        from test_journal_trouble import cards_come_and_feedback_is_refused
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        with opened(sys.argv[1]) as journal:
            stored = 0
            try:
                while stored < 10_000:
                    stored += store_feedback(journal.database, journal.keys, [answer(card=str(stored))])
            except JournalDown as down:
                print(stored, down)
            cards_come_and_feedback_is_refused(journal)
            journal.writer.stop(0.1)
        """,
        url,
    )
    stored, _, why = said(full).partition(" ")
    assert full.returncode == 0 and "has room" in why
    assert count(url, "feedback") == int(stored) > 0


# ---- PostgreSQL stops, starts, hangs


def test_postgresql_stops_and_starts_again(postgresql: Cluster) -> None:
    url = postgresql.new_database()
    with opened(url) as journal:
        journal.writer.put(assessment(), card_row())
        assert journal.writer.flush(PATIENCE)
        postgresql.stop()
        try:
            cards_come_and_feedback_is_refused(journal)
            with pytest.raises(JournalDown):
                answered_cards(journal.database, EHR, "patient-hash", DAY)
            until(lambda: journal.writer.backlog == 1)
        finally:
            postgresql.start()
        all_is_well_again(journal, url, written=2)


def test_connections_that_died_while_nobody_used_them_are_not_noticed(postgresql: Cluster) -> None:
    with opened(postgresql.new_database()) as journal:
        store_feedback(journal.database, journal.keys, [answer()])
        answered_cards(journal.database, EHR, "patient-hash", DAY)
        postgresql.stop()
        postgresql.start()
        assert store_feedback(journal.database, journal.keys, [answer(), answer(card="another")]) == 1
        assert answered_cards(journal.database, EHR, "patient-hash", DAY) == []
        assert journal.database.state() == ""


def test_a_postgresql_that_hangs_holds_nobody_up(postgresql: Cluster) -> None:
    url = postgresql.new_database()
    with opened(url) as journal:
        store_feedback(journal.database, journal.keys, [answer(card="before")])
        journal.tokens.spend(EHR, "before", NOW + 300, NOW)
        with postgresql.frozen():
            with at_most(LONG), pytest.raises(JournalDown, match="no answer"):
                answered_cards(journal.database, EHR, "patient-hash", DAY)
            with at_most(LONG):
                assert journal.tokens.spend(EHR, "jti-1", NOW + 300, NOW)
            with at_most(LONG), pytest.raises(JournalDown, match="no answer"):
                store_feedback(journal.database, journal.keys, [answer()])
            cards_come_and_feedback_is_refused(journal)
        until(lambda: journal.database.state() == "")
        store_feedback(journal.database, journal.keys, [answer()])
        assert count(url, "feedback") == 2


def test_a_postgresql_that_cannot_be_reached_is_down(postgresql: Cluster) -> None:
    with opened(postgresql.new_database()) as journal:
        journal.database.reading.engine.dispose()
        postgresql.stop()
        try:
            with pytest.raises(JournalDown, match="See that the server runs"):
                answered_cards(journal.database, EHR, "patient-hash", DAY)
        finally:
            postgresql.start()
        until(lambda: journal.database.state() == "")
        assert answered_cards(journal.database, EHR, "patient-hash", DAY) == []


# ---- too much to do


def test_who_finds_no_free_connection_is_told_so_and_the_journal_is_not_down(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        line = journal.database.reading
        with ExitStack() as busy:
            for _ in range(8):
                busy.enter_context(line.engine.connect())
            with pytest.raises(JournalDown, match="too much to do"):
                answered_cards(journal.database, EHR, "patient-hash", DAY)
            with pytest.raises(JournalDown, match="too much to do"):
                orders_shown(journal.database, EHR, "patient-hash", "user-hash", DAY)
            line.why = "a test says so"
            line.try_again()
            assert line.why == "a test says so"
        line.try_again()
        assert journal.database.state() == ""


def test_the_writer_gives_up_the_oldest_rows_when_there_are_too_many(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later/journal.sqlite3"
    with opened(url) as journal:
        writer = Writer(journal.database, most=10)
        for number in range(30):
            writer.put(assessment(hook_instance=f"{number:02}"))
        until(lambda: writer.dropped + writer.backlog == 30)
        dropped = writer.dropped
        assert dropped >= 10
        (tmp_path / "later").mkdir()
        assert writer.stop(PATIENCE)
        assert writer.dropped == dropped
        assert count(url, "assessments") == 30 - dropped
        assert ask(url, "SELECT max(hook_instance) FROM assessments") == [("29",)]


def test_the_writer_writes_thousands_of_calls_in_batches(url: str) -> None:
    with opened(url) as journal, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: journal.writer.put(assessment(), card_row()), range(3000)))
        assert journal.writer.flush(PATIENCE)
        assert (journal.writer.backlog, journal.writer.dropped) == (0, 0)
        assert (count(url, "assessments"), count(url, "cards")) == (3000, 3000)


@pytest.mark.parametrize("wrong", [{"timing": {"total": object()}}, {"hook": None}], ids=["no JSON", "no hook"])
def test_a_row_that_cannot_be_stored_is_counted_and_the_others_are_kept(
    url: str, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with opened(url) as journal:
        for row in (assessment(), assessment(**wrong), assessment()):
            journal.writer.put(row)
        assert journal.writer.flush(PATIENCE)
        assert (count(url, "assessments"), journal.writer.dropped) == (2, 1)
        assert journal.database.state() == ""
    assert "could not be stored" in caplog.text


# ---- stopping and forking


def test_a_stop_writes_what_is_waiting(url: str) -> None:
    with opened(url) as journal:
        for _ in range(500):
            journal.writer.put(assessment())
        assert journal.writer.stop(PATIENCE)
        assert count(url, "assessments") == 500
        journal.writer.put(assessment())
        assert journal.writer.flush(PATIENCE), "a call that comes late starts the thread again"
        assert count(url, "assessments") == 501


def test_a_stop_while_the_database_is_down_says_what_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(f"sqlite:///{tmp_path}/missing/journal.sqlite3") as journal:
        journal.writer.put(assessment())
        assert journal.writer.stop(0.3) is False
        assert "1 calls not written" in caplog.text
        journal.writer.renew()


def test_a_journal_that_was_never_used_stops_at_once(url: str) -> None:
    with opened(url) as journal:
        assert journal.writer.stop(0.1)


def test_a_forked_server_has_connections_and_threads_of_its_own(url: str) -> None:
    forking = started(
        """
        import os, sys
        from journal_examples import *
        from journal.answers import store_feedback
        NOW = 1_800_000_000
        open_journal(sys.argv[1], SECRET).close(1)  # no longer in use when the server forks
        journal = open_journal(sys.argv[1], SECRET)
        def use(who):
            for _ in range(20):
                journal.writer.put(assessment(hook_instance=who))
            assert journal.tokens.spend(EHR, who, NOW + 300, NOW)
            assert store_feedback(journal.database, journal.keys, [answer(card=who)]) == 1
        use("before")
        journal.writer.put(assessment(hook_instance="before"))
        children = []
        for number in range(3):
            if (child := os.fork()) == 0:
                assert journal.writer.backlog == 0
                use(f"child {number}")
                assert not journal.tokens.spend(EHR, "before", NOW + 300, NOW)
                assert journal.close(PATIENCE)
                sys.exit(0)
            children.append(child)
        use("parent")
        print([os.waitpid(child, 0)[1] for child in children], journal.close(PATIENCE))
        """,
        url,
    )
    assert said(forking) == "[0, 0, 0] True\n"
    rows = ask(url, "SELECT hook_instance, count(*) FROM assessments GROUP BY hook_instance ORDER BY hook_instance")
    assert rows == [("before", 21), ("child 0", 20), ("child 1", 20), ("child 2", 20), ("parent", 20)]
    assert count(url, "feedback") == 5


def test_a_child_forked_while_the_database_is_down_finds_it_again_by_itself(tmp_path: Path) -> None:
    forking = started(
        """
        import os, pathlib, sys, time
        from journal_examples import *
        folder = pathlib.Path(sys.argv[1], "later")
        journal = open_journal(f"sqlite:///{folder}/journal.sqlite3", SECRET, cool_down=0.1)
        assert journal.database.state()
        if (child := os.fork()) == 0:
            folder.mkdir()
            deadline = time.monotonic() + PATIENCE
            while journal.database.state() and time.monotonic() < deadline:
                time.sleep(0.02)
            print(repr(journal.database.state()), flush=True)
            sys.exit(0)
        os.waitpid(child, 0)
        journal.close(1)
        """,
        str(tmp_path),
    )
    assert said(forking) == "''\n"
