"""The app as it is served: below a path of the proxy's, counted, and in the log without anything of a launch."""

import logging
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
import structlog
from flask.testing import FlaskClient
from journal_examples import opened
from jsonschema import Draft202012Validator
from launches import begin, place
from msgspec import json
from prometheus_client.parser import text_string_to_metric_families
from sign_in import query_of

from ehr.look_up import LookUp
from ehr.trust import Trust
from plugin.app import create_app, note_launch
from plugin.logs import log_to
from smart_app.door import create_blueprint
from smart_app.sign_in.routes import PAGES

BELOW = "https://host.example/second-opinion"
INSIDE = "http://127.0.0.1:8000"  # as the proxy calls us, with the path taken off


@pytest.fixture
def log() -> Iterator[StringIO]:
    root = logging.getLogger()
    handlers, level, settings = root.handlers[:], root.level, structlog.get_config()
    stream = StringIO()
    log_to(stream, logging.INFO)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.configure(**settings)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[FlaskClient]:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal, closing(LookUp(0.35)) as look_up:
        pages = create_blueprint(Trust(BELOW), journal, look_up, launched=note_launch)
        yield create_app(BELOW, journal=journal, pages=[pages]).test_client()


def launches(client: FlaskClient) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [each for family in families for each in family.samples]
    return {each.labels["outcome"]: each.value for each in samples if each.name == "second_opinion_launches_total"}


def test_below_a_path_of_the_proxys_every_link_and_redirect_leads_there(served: FlaskClient) -> None:
    page = served.get("/leaflet", base_url=INSIDE)
    assert 'href="/second-opinion/assets/' in page.text
    with served.get("/assets/app.css", base_url=INSIDE) as asset:
        assert asset.status_code == 200
    moved = served.get("/review/abc", base_url=INSIDE, headers={"Host": "host.example"})
    assert moved.location == f"{BELOW}/review/abc/"


def test_a_launch_below_a_path_leads_to_its_page_there(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        browser = there.app.browser()
        asked = query_of(begin(browser, there.server.url).location)
        there.server.nonce = asked["nonce"]
        query = {"code": "code-1", "state": asked["state"]}
        back = browser.get("/callback", query_string=query, base_url="https://second-opinion.example/below")
    assert back.status_code == 303
    assert back.location.startswith("/below/review/")


def test_why_a_launch_came_to_nothing_is_counted_and_logged_in_a_word_of_ours(
    served: FlaskClient, log: StringIO
) -> None:
    before = launches(served)
    served.get("/launch?iss=https://stranger.example/fhir&launch=canary-77aa")
    (page,) = (page for page, times in launches(served).items() if times > before.get(page, 0))
    assert page in PAGES
    (line,) = (json.decode(each) for each in log.getvalue().splitlines() if "/launch" in each)
    assert (line["route"], line["status"], line["launch"]) == ("/launch", 403, page)
    assert "canary" not in log.getvalue() and "stranger" not in log.getvalue()


@pytest.mark.parametrize(
    "path", ["/launch", "/.well-known/jwks.json", "/fhir/Questionnaire/options-discussion", "/leaflet"]
)
def test_what_others_may_ask_of_the_app_is_described_as_it_is(served: FlaskClient, path: str) -> None:
    told = served.get("/openapi.json").get_json()["paths"][path]["get"]["responses"]
    answer = served.get(path)
    ((media, says),) = told[str(answer.status_code)]["content"].items()
    assert answer.mimetype == media
    Draft202012Validator(says["schema"]).validate(answer.get_json() if answer.is_json else answer.text)
