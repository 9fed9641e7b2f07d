"""The app's launching, served to a test's browsers, and the steps of a launch; shared by the tests of launching."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sign_in import CLIENT, SignIn, query_of
from signing import key_for
from werkzeug.test import TestResponse

from ehr.trust import SmartEhr, Trust
from journal.journal import Journal, open_journal
from smart_app.credentials import ClientKey, Credentials
from smart_app.launch_routes import add_launch_routes
from smart_app.launches import Launch
from smart_app.visits import Visits, check_form

BASE = "https://second-opinion.example"
SECRET = "a secret of the tests, long enough"  # noqa: S105
CLIENT_SECRET = "s/e+c r:e%t"  # noqa: S105
FRAMES = ("https://ehr.example",)
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


def installation(
    journal: Journal, trust: Trust, algorithm: str = "ES384", clock: Callable[[], float] = time.time
) -> Installation:
    credentials = Credentials(ClientKey(key_for(algorithm, "app")), CLIENT_SECRET)
    visits = Visits(trust, journal, credentials, clock)
    door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
    add_launch_routes(door, visits)
    app = Flask("tests")

    @door.get("/review/<launch_id>/")
    def page(launch_id: str) -> str:
        app.extensions["seen"] = visits.launch_of(launch_id)
        return "a page of this launch"

    @door.post("/review/<launch_id>/")
    def form(launch_id: str) -> str:
        check_form(visits.launch_of(launch_id))
        return "taken"

    app.register_blueprint(door)
    return Installation(visits, app)


def trusting(server: SignIn, auth: Auth = "private_key_jwt", base_url: str = BASE) -> Trust:
    return Trust(base_url, smart_ehrs=(SmartEhr(server.url, CLIENT, auth, FRAMES),))


@contextmanager
def journal_in(folder: Path) -> Iterator[Journal]:
    journal = open_journal(f"sqlite:///{folder}/journal.sqlite3", SECRET)
    yield journal
    journal.close(5)


def begin(browser: FlaskClient, iss: str, launch: str | None = "xyz") -> TestResponse:
    query = {"iss": iss} | ({"launch": launch} if launch is not None else {})
    return browser.get("/launch", query_string=query, base_url=BASE)


def finish(browser: FlaskClient, server: SignIn, begun: TestResponse, **answer: Any) -> TestResponse:
    """The EHR sends the browser back, with what a test lays over code and state."""
    asked = query_of(begun.location)
    server.nonce = asked["nonce"]
    query = {"code": "code-1", "state": asked["state"]} | answer
    return browser.get("/callback", query_string={k: v for k, v in query.items() if v is not ...}, base_url=BASE)


def opened(browser: FlaskClient, server: SignIn, launch: str | None = "xyz") -> str:
    """The path of the page that a launch leads to."""
    response = finish(browser, server, begin(browser, server.url, launch))
    assert response.status_code == 303, response.text
    return response.location
