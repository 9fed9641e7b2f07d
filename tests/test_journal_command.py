"""`second-opinion journal`: old rows go, all rows move; what is wrong is said in one line."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from journal.answers import store_feedback
from journal.journal import open_journal
from journal.rows import FeedbackRow
from plugin.cli import main
from plugin.settings import DATABASE_URL


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A journal with an answer of today and one that is 200 days old."""
    url = f"sqlite:///{tmp_path / 'journal.sqlite3'}"
    journal = open_journal(url, "a secret of these tests, long enough")
    for days in (0, 200):
        at = datetime.now(UTC) - timedelta(days)
        row = FeedbackRow(card=str(days), client="", outcome="accepted", outcome_at="", received_at=at)
        store_feedback(journal.database, journal.keys, [row])
    journal.close(5)
    return url


def run(url: str, *arguments: str, answer: str = "") -> tuple[int, str]:
    ran = CliRunner().invoke(main, ["journal", *arguments], input=answer, env={DATABASE_URL: url})
    return ran.exit_code, ran.output


def test_what_is_older_is_deleted_when_it_is_confirmed(url: str) -> None:
    code, said = run(url, "prune", "--older-than", "99 days", answer="n\n")
    assert (code, "feedback" in said) == (1, False)
    before = date.today()
    code, said = run(url, "prune", "--older-than", "99 days", answer="y\n")
    assert any(str(day - timedelta(99)) in said for day in (before, date.today()))
    assert (code, "feedback: 1 deleted" in said) == (0, True)
    assert "feedback: 0 deleted" in run(url, "prune", "--older-than", "99 days", "--yes")[1]


def test_a_span_that_is_none_says_how_to_write_one(url: str) -> None:
    code, said = run(url, "prune", "--older-than", "6w")
    assert (code, "Not a duration: '6w'. Write it like '6 weeks'" in said) == (2, True)


def test_a_journal_is_copied_and_what_is_there_already_is_left_alone(url: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'other.sqlite3'}"
    assert "feedback: 2 copied" in run(url, "copy", target)[1]
    assert "feedback: 0 copied" in run(url, "copy", target)[1]


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    code, said = run(
        f"sqlite:///{tmp_path / 'missing' / 'journal.sqlite3'}", "prune", "--older-than", "1 year", "--yes"
    )
    assert (code, "missing/journal.sqlite3 cannot be used" in said) == (1, True)
