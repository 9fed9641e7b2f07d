"""What several test modules share: the two databases that the journal runs on, and a browser."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import smart_ehr
from chromium import chromium
from clusters import Cluster, running_cluster
from hypothesis import HealthCheck, settings
from msgspec.structs import replace
from playwright.sync_api import Browser

from journal.engines import READ_AND_SPEND

# Tests that a shell runs in the background ignore Ctrl+C, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are busy
settings.load_profile("ours")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that nobody has used yet; the test runs once with each kind.

    It is waited for longer than a call may wait: what is slow here is only the machine.
    """
    monkeypatch.setattr("journal.database.READ_AND_SPEND", replace(READ_AND_SPEND, seconds=30.0))
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.sqlite3"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.new_database()


@pytest.fixture(scope="session")
def sekmet() -> Iterator[str]:
    """The address of a third-party FHIR server with the teaching patients."""
    with smart_ehr.fhir_server() as base:
        yield base


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened
