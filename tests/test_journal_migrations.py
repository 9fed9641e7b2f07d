"""The journal's tables come to be, once, whoever starts first; and which databases are refused."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from journal_examples import answer, ask, opened

from journal.answers import store_feedback
from journal.database import Database
from journal.engines import MIGRATION, database_url, open_engine
from journal.errors import JournalDown
from journal.migrate import migrate, migration_context
from journal.tables import metadata
from second_opinion.errors import SecondOpinionError

OPEN = "import sys; from journal.database import Database; print(Database(sys.argv[1]).state())"


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(url: str) -> None:
    migrate(database_url(url))
    engine = open_engine(database_url(url), MIGRATION)
    with engine.connect() as connection:
        context = migration_context(connection, compare_type=True, compare_server_default=True)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_database_that_is_up_to_date_is_left_alone(url: str) -> None:
    with opened(url) as journal:
        store_feedback(journal.database, journal.keys, [answer()])
    with opened(url) as journal:
        assert journal.database.state() == ""
    assert ask(url, "SELECT count(*) FROM feedback") == [(1,)]


def test_several_servers_that_start_at_once_make_the_tables_once(url: str) -> None:
    command = [sys.executable, "-c", OPEN, url]
    servers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(5)]
    assert [server.communicate(timeout=180)[0] for server in servers] == [b"\n"] * 5
    assert ask(url, "SELECT count(*) FROM journal_version") == [(1,)]


def test_the_journal_of_a_newer_release_is_refused_and_left_alone(url: str) -> None:
    migrate(database_url(url))
    ask(url, "UPDATE journal_version SET version_num = '9999'")
    with opened(url) as journal:
        assert "newer release" in journal.database.state() and "9999" in journal.database.state()
        with pytest.raises(JournalDown, match="Install that release again"):
            store_feedback(journal.database, journal.keys, [answer()])
    assert ask(url, "SELECT count(*) FROM feedback") == [(0,)]
    assert ask(url, "SELECT version_num FROM journal_version") == [("9999",)]


def test_a_migration_that_fails_leaves_nothing_half_done(url: str) -> None:
    ask(url, "CREATE TABLE feedback (another_applications TEXT)")
    with opened(url) as journal:
        assert "already exists" in journal.database.state()
    with pytest.raises(Exception, match="assessments"):
        ask(url, "SELECT * FROM assessments")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "canary-word",
        "mysql://user:canary-word@host/database",
        "postgresql://user:canary-word@host:canary-word/database",
        "postgresql://user:canary-word@host",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_what_is_no_url_of_ours_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SecondOpinionError, match="SECOND_OPINION_DATABASE_URL") as refused:
        Database(url)
    assert "canary-word" not in str(refused.value)


def test_the_password_is_in_no_message(caplog: pytest.LogCaptureFixture) -> None:
    database = Database("postgres://canary-user:canary-word@127.0.0.1:1/journal")
    assert "127.0.0.1" in database.state() and "SECOND_OPINION_DATABASE_URL" in database.state()
    assert "canary-word" not in database.state() + caplog.text
    database.close()
