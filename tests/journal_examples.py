"""Rows to keep, and a journal to keep them in, for the tests of the journal."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import psycopg
from msgspec.structs import replace
from sqlalchemy.engine import make_url

from journal.journal import Journal, open_journal
from journal.rows import AssessmentRow, CardRow, DecisionRow, FeedbackRow, KeptFinding, KeptLane

SECRET = "a secret of the tests, long enough"  # noqa: S105
EHR = "https://ehr.example"
DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATIENCE = 60.0


@contextmanager
def opened(url: str) -> Iterator[Journal]:
    journal = open_journal(url, SECRET, cool_down=0.1)
    try:
        yield journal
    finally:
        journal.close(0.1 if journal.database.state() else PATIENCE)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


def assessment(**changes: Any) -> AssessmentRow:
    row = AssessmentRow(
        id=str(uuid4()),
        at=NOON,
        as_of=DAY,
        client=EHR,
        hook="order-sign",
        hook_instance="d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        patient="patient-hash",
        user="user-hash",
        kind="fusion",
        regions=("lumbar",),
        by="code",
        orders=("order-hash",),
        indicator="warning",
        findings=(KeptFinding("repeat_surgery", "concern", "on"),),
        lanes={"procedures": KeptLane("complete", 7), "conditions": KeptLane("unavailable", 0, "HTTP 403")},
        versions={"software": "0.1.0"},
        timing={"total": 12.5, "look_up": 8.0},
    )
    return replace(row, **changes)


def card_row(**changes: Any) -> CardRow:
    row = CardRow(
        uuid=str(uuid4()),
        assessment="an-assessment",
        client=EHR,
        patient="patient-hash",
        user="user-hash",
        at=NOON,
        as_of=DAY,
        orders=("order-hash",),
        kind="fusion",
        regions=("lumbar",),
        raised=("repeat_surgery",),
        suggestions={"a-suggestion": "second_opinion"},
    )
    return replace(row, **changes)


def answer(**changes: Any) -> FeedbackRow:
    row = FeedbackRow(
        card="a-card",
        client=EHR,
        outcome="overridden",
        reason="urgent",
        comment="Motor deficit since this morning",
        outcome_at="2026-11-22T12:00:00Z",
        received_at=NOON,
    )
    return replace(row, **changes)


def decision(**changes: Any) -> DecisionRow:
    row = DecisionRow(card="a-card", client=EHR, reason="urgent", since=DAY, until=date(2027, 2, 20))
    return replace(row, **changes)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What stands in the database, asked past the journal."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("SET TIME ZONE 'UTC'")
        cursor = server.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
