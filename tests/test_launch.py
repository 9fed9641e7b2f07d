"""A launch of the app, from the EHR's call to the page: what we send, what we refuse, what we say then."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from launches import Clock, Installation, installation, journal_in, opened, trusting
from sign_in import PATIENT, USER, SignIn, sign_in

from journal.journal import Journal


@pytest.fixture
def server() -> Iterator[SignIn]:
    with sign_in() as started:
        yield started


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with journal_in(tmp_path) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(journal: Journal, server: SignIn, clock: Clock) -> Installation:
    return installation(journal, trusting(server), clock=clock)


def test_an_ehr_launch_leads_to_a_page_of_its_own(app: Installation, server: SignIn, clock: Clock) -> None:
    browser = app.browser()
    page = opened(browser, server)
    launch = app.launch_of(browser, page)
    assert page == f"/review/{launch.id}/"
    assert (launch.iss, launch.patient, launch.user, launch.user_name) == (server.url, PATIENT, USER, "Ada Okafor")
    assert launch.may("ServiceRequest", "c") and not launch.may("Observation", "c")
    assert launch.expires_at == clock.now + 3600
