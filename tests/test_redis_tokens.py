"""Spent tokens in a real Redis: shared by servers, forgotten when they expire, and no card waits for it."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from ports import free_port
from redis import Redis
from redis.exceptions import RedisError

from journal.journal import Journal, open_journal
from journal.redis_tokens import RedisTokens
from plugin.app import create_app
from second_opinion.errors import SecondOpinionError

SECRET = "a secret of these tests, long enough"  # noqa: S105
EHR, NOW, CANARY = "https://ehr.example", 1_795_300_000, "Zebulon-Quackenbush"


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may be later than a call can wait."""
    monkeypatch.setattr("journal.redis_tokens._PATIENCE_SECONDS", 30.0)


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator[str]:
    """A server of our own, in memory only."""
    program = shutil.which("redis-server")
    assert program, "make redis"
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as said:
        server = subprocess.Popen([program, *arguments], stdout=said, stderr=said)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        with Redis.from_url(url) as client:
            until_it_answers(client)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def until_it_answers(client: Redis) -> None:
    for _ in range(2000):
        with suppress(RedisError):
            client.ping()
            return
        time.sleep(0.05)
    pytest.fail("Redis did not start")


@contextmanager
def opened(folder: Path, redis_url: str) -> Iterator[Journal]:
    journal = open_journal(f"sqlite:///{folder / 'journal.sqlite3'}", SECRET, redis_url=redis_url)
    try:
        yield journal
    finally:
        journal.close(5)


def client_of(journal: Journal) -> FlaskClient:
    return create_app("https://second-opinion.example", journal=journal).test_client()


def test_a_token_is_good_once_for_all_servers_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with redis_on(free_port(), tmp_path) as url, opened(tmp_path / "a", url) as a, opened(tmp_path / "b", url) as b:
        assert a.tokens.spend(EHR, CANARY, NOW + 300, NOW)
        assert not b.tokens.spend(EHR, CANARY, NOW + 300, NOW)
        assert b.tokens.spend("https://other.example", CANARY, NOW + 300, NOW)
        with Redis.from_url(url) as client:
            keys = client.keys("*")
            assert len(keys) == 2
            assert all(0 < client.ttl(key) <= 300 and CANARY.encode() not in key for key in keys)
        assert client_of(a).get("/readyz").json == {
            "status": "ready", "checks": {"knowledge": "ok", "database": "ok", "redis": "ok"},
        }  # fmt: skip


def test_while_redis_is_down_tokens_are_taken_once_by_each_process_and_readyz_says_so(tmp_path: Path) -> None:
    port = free_port()
    with opened(tmp_path, f"redis://:hidden-word@127.0.0.1:{port}/0") as journal:
        for jti in ("first", "second"):  # the second finds it known to be down
            assert journal.tokens.spend(EHR, jti, NOW + 300, NOW)
            assert not journal.tokens.spend(EHR, jti, NOW + 300, NOW)
        answer = client_of(journal).get("/readyz")
        assert answer.status_code == 503
        assert answer.json
        assert answer.json["checks"]["redis"].startswith("Redis cannot be used (ConnectionError). See that it runs")
        assert "hidden-word" not in answer.text


def test_it_is_asked_again_once_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journal.redis_tokens._COOL_DOWN_SECONDS", 0.0)
    port = free_port()
    with opened(tmp_path, f"redis://127.0.0.1:{port}/0") as journal:
        assert isinstance(journal.redis, RedisTokens)
        assert journal.tokens.spend(EHR, "0", NOW + 300, NOW)
        assert journal.tokens.spend(EHR, "1", NOW + 300, NOW)  # tried again, and said once
        assert journal.redis.why
        with redis_on(port, tmp_path):
            assert journal.tokens.spend(EHR, "2", NOW + 300, NOW)
            assert not journal.redis.why


def test_a_url_that_names_no_redis_stops_the_start_and_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SecondOpinionError, match="names no Redis") as raised:
        open_journal(f"sqlite:///{tmp_path / 'journal.sqlite3'}", SECRET, redis_url="http://hidden-word@host")
    assert "hidden-word" not in str(raised.value)
