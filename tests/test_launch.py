"""A launch of the app, from the EHR's call to the page: what is sent, what is refused, and what is said then."""

import logging
import re
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from launches import BASE, COOKIE, FRAMES, Clock, Place, begin, installation, place
from sign_in import PATIENT, USER, query_of
from sqlalchemy import func, select
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from ehr.trust import SmartEhr, Trust
from journal.launches import Launches
from journal.tables import launches as table
from plugin.request_log import keep_request_log
from smart_app.sign_in.routes import PAGES

HOSTILE = "<script>alert(1)</script>"
CONFIGURATION = "/fhir/r4/.well-known/smart-configuration"
TOKEN = "/token"  # noqa: S105


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path) as made:
        yield made


def says(response: TestResponse, page: str) -> bool:
    """Whether it is this page, with its status, and nothing that came from outside."""
    told = PAGES[page]
    assert HOSTILE not in response.text
    return response.status_code == told.status and f"<h1>{told.title.replace(chr(39), '&#39;')}</h1>" in response.text


# ---- what is opened


def test_an_ehr_launch_leads_to_a_page_of_its_own(there: Place) -> None:
    launch = there.opened(there.app.browser())
    assert (launch.iss, launch.patient) == (there.server.url, PATIENT)
    assert (launch.user, launch.user_name) == (USER, "Ada Okafor")
    assert launch.may("ServiceRequest", "c") and not launch.may("Observation", "c")
    assert launch.expires_at == there.clock.now + 3600
    assert launch.need_patient_banner


def test_every_launch_has_its_own_id_form_key_state_and_nonce(there: Place) -> None:
    browser = there.app.browser()
    first, second = there.opened(browser), there.opened(browser)
    assert len({first.id, second.id, first.form_key, second.form_key}) == 4
    one, other = (query_of(begin(browser, there.server.url).location) for _ in range(2))
    for name in ("state", "nonce", "code_challenge"):
        assert one[name] != other[name] and len(one[name]) >= 43


def test_a_launch_may_come_as_a_form(there: Place) -> None:
    browser = there.app.browser()
    begun = browser.post("/launch", data={"iss": there.server.url, "launch": "xyz"}, base_url=BASE)
    assert query_of(begun.location)["launch"] == "xyz"


def test_without_iss_one_chooses_the_ehr(there: Place) -> None:
    page = there.app.browser().get("/launch", base_url=BASE)
    (address,) = re.findall(r'href="(/launch\?iss=[^"]+)"', page.text)
    begun = there.app.browser().get(address, base_url=BASE)
    assert query_of(begun.location)["aud"] == there.server.url


def test_where_no_ehr_is_trusted_the_page_says_so(there: Place) -> None:
    nobody = installation(there.journal, Trust(BASE))
    assert "No EHR is set up" in nobody.browser().get("/launch", base_url=BASE).text


def test_the_audience_is_the_iss_as_the_ehr_spells_it(there: Place) -> None:
    begun = begin(there.app.browser(), f"{there.server.url}/")
    assert query_of(begun.location)["aud"] == f"{there.server.url}/"
    assert there.opened(there.app.browser()).iss == there.server.url


def test_what_stands_in_the_authorization_address_already_is_kept(there: Place) -> None:
    there.server.config = {"authorization_endpoint": "auth?realm=north"}
    begun = begin(there.app.browser(), there.server.url)
    assert begun.location.startswith(f"{there.server.url}/auth?realm=north&")


def test_context_that_is_odd_is_passed_over(there: Place) -> None:
    there.server.answer = {
        "encounter": 7, "intent": ["x"], "tenant": "t" * 5000, "fhirContext": "x", "appContext": "not JSON",
        "smart_style_url": None, "need_patient_banner": "no", "expires_in": "soon", "patient": f"Patient/{PATIENT}",
        "refresh_token": ...,
    }  # fmt: skip
    launch = there.opened(there.app.browser())
    assert (launch.encounter, launch.intent, launch.tenant, launch.orders, launch.card) == ("", "", "", (), "")
    assert (launch.style_url, launch.need_patient_banner, launch.patient) == ("", True, PATIENT)
    assert (launch.refresh_token, launch.expires_at) == ("", there.clock.now + 300)


def test_where_the_ehr_tells_no_scopes_those_asked_for_were_granted(there: Place) -> None:
    there.server.answer = {"scope": ...}
    assert there.opened(there.app.browser()).may("Observation", "c")


def test_scopes_that_were_not_granted_are_not_taken_for_granted(there: Place) -> None:
    there.server.answer = {"scope": "openid patient/*.read"}
    launch = there.opened(there.app.browser())
    assert launch.may("Observation", "r") and not launch.may("ServiceRequest", "c")


def test_a_server_of_version_1_is_asked_in_its_own_words(there: Place) -> None:
    there.server.config = {"capabilities": ["launch-ehr", "permission-v1", "permission-offline"]}
    scopes = query_of(begin(there.app.browser(), there.server.url).location)["scope"].split()
    assert {"patient/ServiceRequest.read", "patient/ServiceRequest.write", "offline_access"} <= set(scopes)
    assert not any(scope.endswith((".rs", ".crus", ".c")) for scope in scopes)


def test_a_token_that_lasts_is_asked_for_only_where_there_is_one(there: Place) -> None:
    there.server.config = {"capabilities": ["permission-v2"]}
    scopes = query_of(begin(there.app.browser(), there.server.url).location)["scope"].split()
    assert not {"online_access", "offline_access"} & set(scopes)


# ---- whom we talk to


@pytest.mark.parametrize(
    "iss",
    [
        "http://127.0.0.1:{port}/fhir/r4/other",
        "http://127.0.0.1:{port}/fhir",
        "http://localhost:{port}/fhir/r4",
        "http://127.0.0.1:{port}/fhir/r4?x=1",
        "http://user@127.0.0.1:{port}/fhir/r4",
        HOSTILE,
    ],
)
def test_an_ehr_that_is_not_listed_is_refused_and_nothing_is_fetched(there: Place, iss: str) -> None:
    asked = begin(there.app.browser(), iss.format(port=there.server.server_port))
    assert says(asked, "unknown_ehr")
    assert there.server.paths == []


def test_the_configuration_is_asked_for_once_at_its_place_and_no_capability_statement(there: Place) -> None:
    for _ in range(3):
        begin(there.app.browser(), there.server.url)
    assert there.server.paths == [CONFIGURATION]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_configuration_elsewhere_or_none_is_said_to_be_missing(there: Place, status: int) -> None:
    elsewhere = f"http://localhost:{there.server.server_port}/elsewhere"
    there.server.way[CONFIGURATION] = lambda: (status, b"", {"Location": elsewhere})
    assert says(begin(there.app.browser(), there.server.url), "ehr_silent")
    assert there.server.paths.count("/elsewhere") == 0


def test_a_configuration_of_4_megabytes_is_not_taken(there: Place) -> None:
    there.server.config = {"padding": "x" * 4_000_000}
    assert says(begin(there.app.browser(), there.server.url), "ehr_silent")


def test_an_ehr_that_hangs_or_is_gone_does_not_hold_up_the_app(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smart_app.sign_in.configuration._SECONDS", 0.2)
    there.server.answering.clear()
    assert says(begin(there.app.browser(), there.server.url), "ehr_silent")


@pytest.mark.parametrize(
    "config",
    [
        {"authorization_endpoint": ...},
        {"token_endpoint": ...},
        {"token_endpoint": 7},
        {"token_endpoint": "http://ehr.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://169.254.169.254/latest"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_a_configuration_that_is_not_safe_to_use_is_refused(there: Place, config: dict[str, object]) -> None:
    there.server.config = config
    assert says(begin(there.app.browser(), there.server.url), "ehr_unfit")


def test_what_a_configuration_says_to_be_null_is_not_told(there: Place) -> None:
    there.server.config = {"capabilities": None, "code_challenge_methods_supported": None, "scopes_supported": None}
    assert query_of(begin(there.app.browser(), there.server.url).location)["code_challenge_method"] == "S256"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b"[" * 100_000, b'{"x":' + b"[" * 100_000])
def test_a_configuration_that_is_none_is_refused(there: Place, body: bytes) -> None:
    there.server.way[CONFIGURATION] = lambda: (200, body, {})
    assert says(begin(there.app.browser(), there.server.url), "ehr_unfit")


def test_relative_addresses_begin_at_the_fhir_server(there: Place) -> None:
    there.server.config = {"authorization_endpoint": "../../authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
    assert there.opened(there.app.browser()).user == USER


# ---- the way back


def test_a_state_works_once(there: Place) -> None:
    browser = there.app.browser()
    begun = begin(browser, there.server.url)
    assert there.returned(browser, begun).status_code == 303
    assert says(there.returned(browser, begun), "unknown")
    assert len(there.server.tokens) == 1


def test_a_state_is_over_after_ten_minutes(there: Place) -> None:
    browser = there.app.browser()
    begun = begin(browser, there.server.url)
    there.clock.now += 601
    assert says(there.returned(browser, begun), "unknown")


@pytest.mark.parametrize("state", [..., "", "x", HOSTILE])
def test_a_state_that_is_none_of_ours_is_refused(there: Place, state: object) -> None:
    assert says(there.launched(there.app.browser(), state=state), "unknown")
    assert there.server.tokens == []


def test_a_state_that_ends_while_it_is_looked_at_is_over(there: Place) -> None:
    class Hasty(Clock):
        def __call__(self) -> float:
            self.now += 300
            return self.now

    there.app = installation(there.journal, there.app.visits.trust, clock=Hasty())
    assert says(there.launched(there.app.browser()), "unknown")
    assert there.server.tokens == []


def test_of_two_answers_at_once_one_is_taken(there: Place) -> None:
    browser = there.app.browser()
    begun = begin(browser, there.server.url)
    asked = query_of(begun.location)
    there.server.nonce = asked["nonce"]
    cookie = browser.get_cookie(COOKIE, "second-opinion.example")
    assert cookie is not None

    def finish(_: int) -> int:
        tab = there.app.browser()
        tab.set_cookie(COOKIE, cookie.value, domain="second-opinion.example")
        return tab.get("/callback", query_string={"code": "c", "state": asked["state"]}, base_url=BASE).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(finish, range(4))) == [303, 400, 400, 400]
    assert len(there.server.tokens) == 1


def test_another_browser_gets_nothing_and_cannot_spoil_the_launch(there: Place) -> None:
    browser, other = there.app.browser(), there.app.browser()
    begun = begin(browser, there.server.url)
    begin(other, there.server.url)
    assert says(there.returned(other, begun), "other_browser")
    assert says(there.returned(there.app.browser(), begun), "no_cookie")
    assert there.server.tokens == []
    assert there.returned(browser, begun).status_code == 303


def test_a_browser_that_keeps_no_cookie_is_told_so_and_offered_a_window_of_its_own(there: Place) -> None:
    begun = begin(there.app.browser(), there.server.url)
    page = there.returned(there.app.browser(), begun)
    assert says(page, "no_cookie")
    (link,) = re.findall(r'href="(/launch[^"]+)" target="_blank" rel="noopener">Open in a new window<', page.text)
    again = there.app.browser().get(link, base_url=BASE)
    assert "launch/patient" in query_of(again.location)["scope"].split()


@pytest.mark.parametrize("cookie", ["", "x", "y" * 44, '"quoted"'])
def test_a_cookie_that_is_none_of_ours_is_no_cookie(there: Place, cookie: str) -> None:
    begun, browser = begin(there.app.browser(), there.server.url), there.app.browser()
    browser.set_cookie(COOKIE, cookie, domain="second-opinion.example")
    assert says(there.returned(browser, begun), "no_cookie")


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        ({"error": "access_denied", "error_description": HOSTILE}, "denied"),
        ({"error": "server_error", "error_description": HOSTILE, "code": "x"}, "ehr_error"),
        ({"error": HOSTILE}, "ehr_error"),
        ({"code": ...}, "ehr_error"),
        ({"code": ""}, "ehr_error"),
        ({"iss": "https://evil.example"}, "other_issuer"),
        ({"iss": HOSTILE}, "other_issuer"),
    ],
)
def test_an_answer_that_is_no_code_of_this_ehr_is_refused_in_words_of_ours(
    there: Place, answer: dict[str, Any], page: str
) -> None:
    sent = {"code": ...} | answer if "error" in answer else answer
    browser = there.app.browser()
    assert says(there.returned(browser, begin(browser, there.server.url), **sent), page)
    assert there.server.tokens == []


def test_an_answer_that_names_its_issuer_is_taken(there: Place) -> None:
    assert there.launched(there.app.browser(), iss=there.server.url).status_code == 303


def test_an_answer_must_name_its_issuer_where_the_ehr_says_that_it_does(there: Place) -> None:
    there.server.config = {"authorization_response_iss_parameter_supported": True}
    assert says(there.launched(there.app.browser()), "other_issuer")


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": ...},
        {"access_token": 7},
        {"access_token": "a\r\nb"},
        {"access_token": ""},
        {"refresh_token": 7},
        {"token_type": ...},
        {"token_type": "DPoP"},
        {"token_type": None},
    ],
)
def test_only_a_bearer_token_is_a_token(there: Place, answer: dict[str, object]) -> None:
    there.server.answer = answer
    assert says(there.launched(there.app.browser()), "no_token")


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b'{"error":"invalid_grant"}'), (401, b""), (200, b"<html>"), (200, b"[]"), (200, b"\xff"), (307, b"{}")],
)
def test_an_answer_without_tokens_is_no_launch_and_no_redirect_is_followed(
    there: Place, status: int, body: bytes
) -> None:
    elsewhere = f"http://localhost:{there.server.server_port}/elsewhere"
    there.server.way[TOKEN] = lambda: (status, body, {"Location": elsewhere})
    assert says(there.launched(there.app.browser()), "no_token")
    assert "/elsewhere" not in there.server.paths


def test_a_token_endpoint_that_hangs_is_given_up(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smart_app.launch._SECONDS", 0.2)
    begun = begin(browser := there.app.browser(), there.server.url)
    there.server.answering.clear()
    assert says(there.returned(browser, begun), "no_token")


@pytest.mark.parametrize("patient", [..., "", None, 7, "a b", HOSTILE, "x" * 65])
def test_a_token_without_a_patient_opens_nothing(there: Place, patient: object) -> None:
    there.server.answer = {"patient": patient}
    assert says(there.launched(there.app.browser()), "no_patient")


def test_a_standalone_launch_that_came_to_nothing_can_be_tried_again(there: Place) -> None:
    there.server.answer = {"patient": ...}
    page = there.launched(there.app.browser(), launch=None)
    (link,) = re.findall(r'<a class="button" href="([^"]+)"', page.text)
    assert query_of(there.app.browser().get(link, base_url=BASE).location)["aud"] == there.server.url


def test_a_launch_token_of_endless_length_is_refused(there: Place) -> None:
    assert says(begin(there.app.browser(), there.server.url, "x" * 4097), "unknown")


def test_an_ehr_that_is_no_longer_trusted_is_out(there: Place) -> None:
    browser = there.app.browser()
    page, begun = f"/review/{there.opened(browser).id}/", begin(browser, there.server.url)
    later = installation(there.journal, Trust(BASE), clock=there.clock).flask.test_client()
    later._cookies = browser._cookies
    assert says(there.returned(later, begun), "unknown_ehr")
    assert says(later.get(page, base_url=BASE), "ended")


# ---- the pages of a launch


def test_the_cookie_works_in_a_frame_of_another_site_and_nowhere_else(there: Place) -> None:
    begun = begin(there.app.browser(), there.server.url)
    name, *attributes = begun.headers["Set-Cookie"].split("; ")
    assert re.fullmatch(f"{COOKIE}=[A-Za-z0-9_-]{{43}}", name)
    assert set(attributes) == {"HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"}


def test_the_cookie_stays_the_same_for_all_tabs(there: Place) -> None:
    browser = there.app.browser()
    first, second = (begin(browser, there.server.url).headers["Set-Cookie"] for _ in range(2))
    assert first == second


def test_a_copied_link_does_not_open(there: Place) -> None:
    page = f"/review/{there.opened(there.app.browser()).id}/"
    other = there.app.browser()
    assert says(other.get(page, base_url=BASE), "ended")
    begin(other, there.server.url)
    assert says(other.get(page, base_url=BASE), "ended")


def test_a_page_of_no_launch_says_to_open_the_chart_again(there: Place) -> None:
    assert says(there.app.browser().get("/review/none/", base_url=BASE), "ended")


def test_a_form_is_taken_with_the_key_of_its_launch_only(there: Place) -> None:
    browser = there.app.browser()
    launch, other = there.opened(browser), there.opened(browser)
    page = f"/review/{launch.id}/"
    assert browser.post(page, data={"form_key": launch.form_key}, base_url=BASE).text == "taken"
    for form in ({"form_key": other.form_key}, {"form_key": "ä"}, {}):
        assert says(browser.post(page, data=form, base_url=BASE), "wrong_form")


def test_every_page_says_who_may_frame_it_and_is_kept_by_nobody(there: Place) -> None:
    browser = there.app.browser()
    other = SmartEhr("https://other.example/fhir", "c", "public", ("https://other.example",))
    ours = there.app.visits.trust.smart_ehrs
    app = installation(there.journal, Trust(BASE, smart_ehrs=(*ours, other)), clock=there.clock)
    there.app = app
    browser = app.browser()
    page = browser.get(f"/review/{there.opened(browser).id}/", base_url=BASE)
    ended = browser.get("/review/none/", base_url=BASE)
    for answer in (page, ended, begin(browser, there.server.url)):
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'self'", "base-uri 'none'", "object-src 'none'", "form-action 'self'"} < set(policy)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "X-Frame-Options" not in answer.headers
    assert f"frame-ancestors {' '.join(FRAMES)}" in page.headers["Content-Security-Policy"]
    assert "https://other.example" not in page.headers["Content-Security-Policy"]
    assert "https://other.example" in ended.headers["Content-Security-Policy"]


def test_where_nobody_may_frame_the_app_nobody_can(there: Place) -> None:
    nobody = installation(there.journal, Trust(BASE)).browser().get("/launch", base_url=BASE)
    assert "frame-ancestors 'none'" in nobody.headers["Content-Security-Policy"]


def test_the_style_of_a_page_may_be_kept(there: Place) -> None:
    with there.app.browser().get("/static/launch.css", base_url=BASE) as style:
        assert style.status_code == 200 and "no-store" not in style.headers.get("Cache-Control", "")


def test_our_public_keys_are_published_and_may_be_kept_for_minutes(there: Place) -> None:
    answer = there.app.browser().get("/.well-known/jwks.json", base_url=BASE)
    (key,) = answer.get_json()["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-384", "ES384", "sig")
    assert "d" not in key and "max-age" in answer.headers["Cache-Control"]


def test_no_secret_of_a_launch_is_in_a_cookie_an_address_a_page_or_a_file(there: Place, tmp_path: Path) -> None:
    browser = there.app.browser()
    launch = there.opened(browser)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    cookie = browser.get_cookie(COOKIE, "second-opinion.example")
    assert cookie is not None
    for secret in (launch.access_token, launch.refresh_token, launch.id, launch.patient, cookie.value):
        assert secret.encode() not in kept
    for secret in (launch.access_token, launch.refresh_token, launch.patient):
        assert secret not in cookie.value and secret not in launch.id


@pytest.fixture
def lines() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the log of requests gets, at every level."""
    was = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as captured:
        yield captured
    structlog.configure(**was)


def test_no_secret_of_a_launch_is_in_any_log(
    there: Place, caplog: pytest.LogCaptureFixture, lines: list[MutableMapping[str, Any]]
) -> None:
    keep_request_log(there.app.flask, lambda *_: None)
    browser = there.app.browser()
    with caplog.at_level(logging.DEBUG):
        begun = begin(browser, there.server.url, "a-launch-token")
        there.returned(browser, begun, code="a-code")
        (row,) = [line for line in lines if line["route"] == "/callback"]
        launch = there.opened(browser)
        there.app.visits.renewed(launch)
    assert (row["status"], lines[-1]["route"]) == (303, "/review/<launch_id>/")
    state = query_of(begun.location)["state"]
    form = there.server.tokens[-1].form
    for secret in (
        "a-launch-token", "a-code", state, launch.id, launch.access_token, launch.refresh_token, PATIENT, "Okafor",
        form["client_assertion"],
    ):  # fmt: skip
        assert secret not in f"{lines} {caplog.text}"


def test_while_the_database_cannot_be_reached_the_page_says_so(there: Place) -> None:
    there.journal.database.acknowledged.why = "it is away"
    assert says(begin(there.app.browser(), there.server.url), "not_now")


def test_what_is_said_of_a_launch_names_nothing_from_outside(there: Place) -> None:
    assert repr(there.opened(there.app.browser())) == "Launch(...)"


def test_what_a_flood_of_launches_leaves_behind_goes_a_few_hundred_at_a_time(there: Place) -> None:
    launches = Launches(there.journal.database, there.journal.keys)
    for number in range(450):
        launches.keep(f"pending {number}", "words", 0, 1)
    rows = []
    for _ in range(4):
        begin(there.app.browser(), there.server.url)
        rows.append(there.journal.database.reading.run(lambda it: it.execute(select(func.count(table.c.id))).scalar()))
    assert rows == [251, 52, 3, 4]
