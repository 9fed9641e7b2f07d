"""What the app answers where it has no page: readable for people, kept by nobody, and no other site's business."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Blueprint
from flask.testing import FlaskClient
from journal_examples import opened
from msgspec import json
from sign_in import CLIENT, SignIn, query_of, sign_in

from cds_hooks.client_trust import Gate
from ehr.look_up import LookUp
from ehr.trust import CdsClient, SmartEhr, Trust
from plugin.app import create_app
from smart_app.door import create_blueprint
from smart_app.sign_in.routes import PAGES

BASE = "http://localhost"
ORIGIN = "https://ehr.example"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Origin": ORIGIN}
PATIENT = {"resourceType": "Patient", "id": "ruth-keller", "birthDate": "1960-04-02", "name": [{"text": "Ruth"}]}
OUTSIDE = [
    ("GET", "/review/", "no_page"), ("GET", "/review/x/nothing", "no_page"), ("GET", "/leaflet/x", "no_page"),
    ("GET", "/assets/nothing.js", "no_page"), ("DELETE", "/review/x/", "no_way"), ("POST", "/callback", "no_way"),
    ("PUT", "/launch", "no_way"),
]  # fmt: skip


@pytest.fixture
def ehr() -> Iterator[SignIn]:
    with sign_in() as server:
        server.way["/fhir/r4/Patient/ruth-keller"] = lambda: (200, json.encode(PATIENT), {})
        yield server


@pytest.fixture
def browser(ehr: SignIn, tmp_path: Path) -> Iterator[FlaskClient]:
    """Of the whole application, as `serve` puts it together."""
    client = CdsClient(ORIGIN, jku=f"{ORIGIN}/jwks", origins=(ORIGIN,))
    trust = Trust(BASE, (client,), (SmartEhr(ehr.url, CLIENT, "public", (ORIGIN,)),))
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        look_up = LookUp(2.0)
        pages = create_blueprint(trust, journal, look_up)
        yield create_app(BASE, gate=Gate(trust, journal.tokens.spend), journal=journal, pages=[pages]).test_client()
        look_up.close()


def open_launch(browser: FlaskClient, ehr: SignIn) -> str:
    """The address of its review page."""
    asked = query_of(browser.get("/launch", query_string={"iss": ehr.url, "launch": "xyz"}).location)
    ehr.nonce = asked["nonce"]
    return str(browser.get("/callback", query_string={"code": "c", "state": asked["state"]}).location)


@pytest.mark.parametrize(("method", "path", "page"), OUTSIDE)
def test_where_there_is_no_page_a_browser_is_told_so_in_words(
    browser: FlaskClient, method: str, path: str, page: str
) -> None:
    answer = browser.open(path, method=method, headers=BROWSER, buffered=True)
    assert (answer.status_code, answer.mimetype) == (PAGES[page].status, "text/html")
    assert PAGES[page].title in answer.text
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {ORIGIN}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("accept", ["application/fhir+json", "*/*", "application/json", ""])
def test_whoever_asks_for_no_page_gets_an_operation_outcome(browser: FlaskClient, accept: str) -> None:
    answer = browser.get("/review/x/nothing", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, "application/fhir+json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_an_error_below_the_service_for_ehrs_stays_an_outcome_for_a_browser_too(browser: FlaskClient) -> None:
    assert browser.get("/cds-services/nothing", headers=BROWSER).mimetype == "application/fhir+json"


def test_what_breaks_is_a_page_that_gives_nothing_away(
    browser: FlaskClient, ehr: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("canary-1f")

    page = open_launch(browser, ehr)
    monkeypatch.setattr("smart_app.review.routes.timeline_of", broken)
    answer = browser.get(page, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert PAGES["broken"].title in answer.text
    assert "canary" not in answer.text and "Ruth" not in answer.text
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {ORIGIN}")


@pytest.mark.parametrize(
    "path", ["/launch", "/callback", "/leaflet", "/review/x/", "/review/x/none", "/review/x/refer"]
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_page_of_the_app_may_be_read_by_another_sites_scripts(browser: FlaskClient, path: str, method: str) -> None:
    asked = {"Access-Control-Request-Method": "GET"} if method == "OPTIONS" else {}
    answer = browser.open(path, method=method, headers=BROWSER | asked)
    assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]
    assert browser.get("/nothing", headers=BROWSER).headers["Access-Control-Allow-Origin"] == ORIGIN


def test_nor_may_a_page_of_the_mock_ehr() -> None:
    pages = Blueprint("mock", __name__)
    pages.add_url_rule("/sandbox/patients", "patients", lambda: "names")
    demo = create_app(BASE, demo=[pages]).test_client()
    assert "Access-Control-Allow-Origin" not in demo.get("/sandbox/patients", headers=BROWSER).headers
    assert demo.get("/cds-services", headers=BROWSER).headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("path", ["/review/x/refer", "/review/x/undo/y", "/launch"])
def test_a_form_of_megabytes_is_not_read(browser: FlaskClient, path: str) -> None:
    answer = browser.post(path, data={"form_key": "k", "questions": "x" * 2_000_000}, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (413, "text/html")
    assert PAGES["too_large"].title in answer.text


def test_a_form_of_a_thousand_parts_is_not_read(browser: FlaskClient) -> None:
    parts = (
        "".join(f'--x\r\nContent-Disposition: form-data; name="n{n}"\r\n\r\nv\r\n' for n in range(1100)) + "--x--\r\n"
    )
    answer = browser.post("/review/x/refer", data=parts, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413


def test_an_iss_of_endless_length_is_refused_though_it_is_the_same_place(browser: FlaskClient, ehr: SignIn) -> None:
    answer = browser.post("/launch", data={"iss": ehr.url + "/" * 20_000, "launch": "xyz"})
    assert answer.status_code == 403
    assert PAGES["unknown_ehr"].title in answer.text
