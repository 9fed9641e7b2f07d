"""The app's launching, served to a test's browsers, and the steps of a launch; shared by the tests of launching."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sign_in import CLIENT, SignIn, query_of, sign_in
from signing import key_for
from werkzeug.test import TestResponse

from ehr.trust import SmartEhr, Trust
from journal.journal import Journal, open_journal
from smart_app.launches import Launch
from smart_app.sign_in.credentials import ClientKey, Credentials
from smart_app.sign_in.routes import add_launch_routes
from smart_app.sign_in.visits import Visits, check_form

BASE = "https://second-opinion.example"
SECRET = "a secret of the tests, long enough"  # noqa: S105
CLIENT_SECRET = "s/e+c r:e%t"  # noqa: S105
FRAMES = ("https://ehr.example", "https://portal.example")
COOKIE = "__Host-second-opinion"
Auth = Literal["private_key_jwt", "client_secret", "public"]


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Installation:
    """The app as one worker serves it."""

    visits: Visits
    flask: Flask

    def browser(self) -> FlaskClient:
        return self.flask.test_client()

    def launch_of(self, browser: FlaskClient, page: str) -> Launch:
        """As a page of the app gets it."""
        response = browser.get(page, base_url=BASE)
        assert response.status_code == 200, response.text
        found: Launch = self.flask.extensions["seen"]
        return found


@dataclass
class Place:
    """One EHR, and one installation that trusts it."""

    app: Installation
    server: SignIn
    clock: Clock
    journal: Journal

    def opened(self, browser: FlaskClient, launch: str | None = "xyz") -> Launch:
        """What a launch leads to."""
        response = self.launched(browser, launch)
        assert response.status_code == 303, response.text
        return self.app.launch_of(browser, response.location)

    def launched(self, browser: FlaskClient, launch: str | None = "xyz", **answer: Any) -> TestResponse:
        """A whole launch; `answer` as in `returned`."""
        return self.returned(browser, begin(browser, self.server.url, launch), **answer)

    def returned(self, browser: FlaskClient, begun: TestResponse, **answer: Any) -> TestResponse:
        """The EHR sends the browser back, with what a test lays over code and state; `...` leaves a member out."""
        assert begun.status_code == 302, begun.text
        asked = query_of(begun.location)
        self.server.nonce = asked["nonce"]
        query = {"code": "code-1", "state": asked["state"]} | answer
        sent = {name: value for name, value in query.items() if value is not ...}
        return browser.get("/callback", query_string=sent, base_url=BASE)


@contextmanager
def place(folder: Path, auth: Auth = "private_key_jwt", url: str = "") -> Iterator[Place]:
    """`url` is the journal's, if it is not to be a new one in SQLite."""
    with sign_in() as server, journal_at(url or f"sqlite:///{folder}/journal.sqlite3") as journal:
        clock = Clock()
        trust = Trust(BASE, smart_ehrs=(SmartEhr(server.url, CLIENT, auth, FRAMES),))
        yield Place(installation(journal, trust, clock=clock), server, clock, journal)


@contextmanager
def journal_at(url: str) -> Iterator[Journal]:
    journal = open_journal(url, SECRET)
    yield journal
    journal.close(5)


def installation(
    journal: Journal, trust: Trust, algorithm: str = "ES384", clock: Callable[[], float] = time.time
) -> Installation:
    visits = Visits(trust, journal, Credentials(ClientKey(key_for(algorithm, "app")), CLIENT_SECRET), clock)
    door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
    add_launch_routes(door, visits)
    app = Flask("tests", static_folder=None)

    @door.get("/review/<launch_id>/")
    def page(launch_id: str) -> str:
        app.extensions["seen"] = visits.launch_of(launch_id)
        return "a page of this launch"

    @door.post("/review/<launch_id>/")
    def form(launch_id: str) -> str:
        check_form(visits.launch_of(launch_id))
        visits.launch_of(launch_id)
        return "taken"

    app.register_blueprint(door)
    return Installation(visits, app)


def begin(browser: FlaskClient, iss: str, launch: str | None = "xyz") -> TestResponse:
    query = {"iss": iss} | ({"launch": launch} if launch is not None else {})
    return browser.get("/launch", query_string=query, base_url=BASE)
