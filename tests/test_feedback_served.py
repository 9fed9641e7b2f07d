"""Feedback to the real server: nothing acknowledged is ever lost, and a card needs no database."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from journal_examples import until
from teaching_calls import hook_call
from test_server import SIGN, Server, running

from fixtures.teaching import teaching_patients

Json = dict[str, Any]
FEEDBACK = f"{SIGN}/feedback"
CANARY = "Zebulon-Quackenbush"


def order_sign() -> Json:
    return hook_call(next(each for each in teaching_patients(date.today()) if each.id == "failed-fusion"), "order-sign")


def cards(server: Server, call: Json | None = None) -> list[Json]:
    response, answer = server.ask("POST", SIGN, call or order_sign())
    assert response.status == 200, answer
    found: list[Json] = answer["cards"]
    return found


def obtained(card: str) -> Json:
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
    return {"feedback": [entry | {"overrideReason": {"reason": {"code": "second-opinion-obtained"}}}]}


def stored(folder: Path, column: str = "card", table: str = "feedback") -> set[str]:
    with closing(sqlite3.connect(folder / "second-opinion.sqlite3")) as database:
        return {card for (card,) in database.execute(f"select {column} from {table}")}  # noqa: S608, our own names


def test_an_answer_acknowledged_just_before_a_kill_is_there_after_a_new_start(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--workers", "2") as server:
        (card,) = cards(server)
        until(lambda: stored(tmp_path, "uuid", "cards") == {card["uuid"]})  # by the other worker's queue, perhaps
        assert server.ask("POST", FEEDBACK, obtained(card["uuid"]))[0].status == 200
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, text=True)
        for pid in (server.process.pid, *map(int, listed.stdout.split())):
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
    assert stored(tmp_path) == {card["uuid"]}
    with running(tmp_path, "serve") as server:
        assert cards(server) == []


def test_two_hundred_answers_at_once_are_all_kept(tmp_path: Path) -> None:
    given = [f"card-{number}" for number in range(200)]
    with running(tmp_path, "serve", "--workers", "2") as server, ThreadPoolExecutor(40) as threads:

        def is_taken(card: str) -> bool:
            answer, _ = server.ask("POST", FEEDBACK, obtained(card))
            assert answer.status == 200 or (answer.status == 503 and answer.headers["Retry-After"])
            return answer.status == 200

        def send(card: str) -> None:
            until(lambda: is_taken(card))  # a slow disk may have it sent again

        list(threads.map(send, given))
    assert stored(tmp_path) == set(given)


@contextmanager
def locked(folder: Path) -> Iterator[str]:
    path = folder / "second-opinion.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield f"sqlite:///{path}"


@contextmanager
def missing(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'nowhere' / 'journal.sqlite3'}"


@contextmanager
def gone(_: Path) -> Iterator[str]:
    yield "postgresql://nobody:hidden-word@127.0.0.1:1/journal"


@pytest.mark.parametrize("trouble", [locked, missing, gone])
def test_cards_come_without_a_database_and_answers_are_not_taken(tmp_path: Path, trouble: Any) -> None:
    with trouble(tmp_path) as url, running(tmp_path, "serve", SECOND_OPINION_DATABASE_URL=url) as server:
        (card,) = cards(server)
        response, outcome = server.ask("POST", FEEDBACK, obtained(card["uuid"]))
        assert (response.status, outcome["resourceType"]) == (503, "OperationOutcome")
        assert int(response.headers["Retry-After"]) > 0
        response, ready = server.ask("GET", "/readyz")
        assert (response.status, ready["checks"]["knowledge"]) == (503, "ok")
        assert "cannot be used" in ready["checks"]["database"]
        assert any("cannot be used" in line and "journal" in line for line in server.said.splitlines())
        assert "hidden-word" not in server.said + str(ready)
        assert server.ask("GET", "/healthz")[0].status == 200


def test_the_database_names_nobody_and_holds_no_token(tmp_path: Path) -> None:
    with running(tmp_path, "serve") as server:
        call = order_sign()
        call["context"]["userId"] = f"Practitioner/{CANARY}"
        call |= {"fhirServer": f"https://{CANARY}.example", "hookInstance": str(uuid4())}
        call["fhirAuthorization"] = {"access_token": CANARY, "token_type": "Bearer", "expires_in": 300, "scope": "x",
                                     "subject": CANARY}  # fmt: skip
        call["prefetch"]["goals"] = {"resourceType": "OperationOutcome", "issue": [
            {"severity": "error", "code": "exception", "diagnostics": f"{CANARY} has no goals"}]}  # fmt: skip
        (card,) = cards(server, call)
        said = obtained(card["uuid"])
        said["feedback"][0]["overrideReason"]["userComment"] = f"{CANARY} told me"
        assert server.ask("POST", FEEDBACK, said)[0].status == 200
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("second-opinion.sqlite3*"))
    assert card["uuid"].encode() in kept
    assert CANARY.encode() not in kept
    assert call["context"]["patientId"].encode() not in kept
    assert CANARY not in server.said
