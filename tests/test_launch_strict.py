"""A launch at a strict SMART EHR: what Inferno's client tests assert of each request, however we show who we are."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from launches import BASE, CLIENT_SECRET, Auth, Installation, installation, journal_at
from sign_in import CLIENT, query_of
from signing import key_for
from smart_ehr import DANIEL, RUTH, RunningEhr, smart_ehr
from werkzeug.test import TestResponse

from ehr.trust import SmartEhr, Trust
from journal.journal import Journal
from sandbox.smart.clients import Client

CALLBACK = f"{BASE}/callback"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUTHS: tuple[Auth, ...] = get_args(Auth)


@pytest.fixture(params=AUTHS)
def auth(request: pytest.FixtureRequest) -> Auth:
    found: Auth = request.param
    return found


@pytest.fixture
def ehr(sekmet: str, auth: Auth, algorithm: str) -> Iterator[RunningEhr]:
    keys = KeySet([key_for(algorithm, "app")]).as_dict()
    with smart_ehr(sekmet, lambda port: [Client(CLIENT, (CALLBACK,), auth, CLIENT_SECRET, keys)]) as running:
        yield running


@pytest.fixture
def algorithm() -> str:
    return "ES384"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with journal_at(f"sqlite:///{tmp_path}/journal.sqlite3") as made:
        yield made


@pytest.fixture
def app(journal: Journal, ehr: RunningEhr, auth: Auth, algorithm: str) -> Installation:
    trust = Trust(BASE, smart_ehrs=(SmartEhr(ehr.fhir_base, CLIENT, auth),))
    return installation(journal, trust, algorithm, time.time)


def opened(app: Installation, ehr: RunningEhr, browser: FlaskClient, patient: str = RUTH) -> str:
    """As an EHR opens its frame."""
    return follow(browser, ehr, browser.get(ehr.launch_url(f"{BASE}/launch", patient), base_url=BASE))


def follow(browser: FlaskClient, ehr: RunningEhr, begun: TestResponse) -> str:
    answered = ehr.http.request("GET", begun.location, redirect=False)
    page = browser.get(answered.headers["Location"], base_url=BASE)
    assert page.status_code == 303, page.text
    return page.location


def test_the_authorization_request_is_as_registered_and_hides_its_proof(app: Installation, ehr: RunningEhr) -> None:
    opened(app, ehr, app.browser())
    (seen,) = ehr.seen("authorize")
    asked = dict(seen.query)
    assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", CLIENT, CALLBACK)
    assert (asked["aud"], asked["code_challenge_method"]) == (ehr.fhir_base, "S256")
    assert asked.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "aud", "state", "nonce", "launch", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert len(seen.path) + len(urlencode(seen.query)) < 2000
    assert asked["launch"] and len(asked["state"]) >= 43 and len(asked["nonce"]) >= 43
    scopes = asked["scope"].split()
    assert {"launch", "openid", "fhirUser", "patient/ServiceRequest.crus"} <= set(scopes)
    assert "launch/patient" not in scopes and not any("*" in scope for scope in scopes)


def test_the_token_request_shows_who_we_are_in_the_registered_way(
    app: Installation, ehr: RunningEhr, auth: Auth
) -> None:
    browser = app.browser()
    opened(app, ehr, browser)
    (seen,) = ehr.seen("token")
    form, (asked,) = dict(seen.form), ehr.seen("authorize")
    assert (form["grant_type"], form["redirect_uri"]) == ("authorization_code", CALLBACK)
    assert "state" not in form and 43 <= len(form["code_verifier"]) <= 128
    assert (form.get("client_id") == CLIENT) is (auth == "public")
    assert ("Authorization" in seen.headers) is (auth == "client_secret")
    assert ("client_assertion" in form) is (auth == "private_key_jwt")
    assert dict(asked.query)["state"] not in str(form)


@pytest.mark.parametrize("auth", ["private_key_jwt"], indirect=True)
@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_each_assertion_is_signed_by_the_published_key_and_good_for_one_request(
    app: Installation, ehr: RunningEhr, algorithm: str
) -> None:
    browser = app.browser()
    launch = app.launch_of(browser, opened(app, ehr, browser))
    app.visits.renewed(launch)
    (key,) = browser.get("/.well-known/jwks.json", base_url=BASE).get_json()["keys"]
    once = set()
    for seen in ehr.seen("token"):
        assert dict(seen.form)["client_assertion_type"] == ASSERTION
        token = jwt.decode(dict(seen.form)["client_assertion"], key_for(algorithm, "app"), algorithms=[algorithm])
        assert token.header == {"alg": algorithm, "typ": "JWT", "kid": key["kid"]}
        assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == (CLIENT, CLIENT, ehr.token)
        assert 0 < token.claims["exp"] - token.claims["iat"] <= 300
        once.add(token.claims["jti"])
    assert len(once) == 2
    assert (key["alg"], key["use"]) == (algorithm, "sig") and "d" not in key


def test_a_refresh_uses_the_latest_token_once_and_says_who_we_are_again(
    app: Installation, ehr: RunningEhr, auth: Auth
) -> None:
    browser = app.browser()
    first = app.launch_of(browser, opened(app, ehr, browser))
    second = app.visits.renewed(first)
    third = app.visits.renewed(second)
    assert len({first.access_token, second.access_token, third.access_token}) == 3
    forms = [dict(seen.form) for seen in ehr.seen("token")[1:]]
    assert [form["grant_type"] for form in forms] == ["refresh_token", "refresh_token"]
    assert [form["refresh_token"] for form in forms] == [first.refresh_token, second.refresh_token]
    for seen in ehr.seen("token"):
        assert (dict(seen.form).get("client_id") == CLIENT) is (auth == "public")
        assert ("Authorization" in seen.headers) is (auth == "client_secret")
    assert (third.patient, third.id, third.form_key) == (RUTH, first.id, first.form_key)


def test_the_issued_token_opens_the_chart_and_the_users_own_resource(app: Installation, ehr: RunningEhr) -> None:
    browser = app.browser()
    launch = app.launch_of(browser, opened(app, ehr, browser))
    assert launch.user == "Practitioner/lena-ortiz"
    asked = ehr.seen("fhir")[-1]
    assert asked.path.endswith(launch.user)
    assert asked.headers["Authorization"] == f"Bearer {launch.access_token}"
    assert ehr.fhir("GET", f"Patient/{RUTH}", launch.access_token).status == 200


def test_what_the_ehr_granted_is_what_the_launch_may_do(app: Installation, ehr: RunningEhr) -> None:
    ehr.ehr.clients[CLIENT] = Client(
        CLIENT, (CALLBACK,), ehr.ehr.clients[CLIENT].auth, CLIENT_SECRET, ehr.ehr.clients[CLIENT].jwks,
        scopes="launch openid fhirUser patient/*.rs",
    )  # fmt: skip
    browser = app.browser()
    launch = app.launch_of(browser, opened(app, ehr, browser))
    assert launch.may("ServiceRequest", "r") and not launch.may("ServiceRequest", "c")
    assert launch.refresh_token == ""


@pytest.mark.parametrize("auth", ["public"], indirect=True)
def test_a_standalone_launch_lets_the_user_choose_the_patient(app: Installation, ehr: RunningEhr) -> None:
    browser = app.browser()
    choice = browser.get("/launch", base_url=BASE)
    assert ehr.fhir_base in choice.text
    begun = browser.get("/launch", query_string={"iss": ehr.fhir_base}, base_url=BASE)
    asked = query_of(begun.location)
    assert "launch/patient" in asked["scope"].split() and "launch" not in asked
    chosen = ehr.http.request(
        "POST", ehr.authorize, fields=asked | {"sandbox_patient": DANIEL}, encode_multipart=False, redirect=False
    )
    page = browser.get(chosen.headers["Location"], base_url=BASE)
    assert app.launch_of(browser, page.location).patient == DANIEL


@pytest.mark.parametrize("auth", ["public"], indirect=True)
def test_what_the_card_and_the_ehr_say_of_the_launch_arrives(app: Installation, ehr: RunningEhr) -> None:
    card = "0b0c7c3e-0d8b-4a44-9d0e-5a1f0e1d2c3b"
    browser = app.browser()
    address = ehr.launch_url(
        f"{BASE}/launch", RUTH, encounter="e1", intent="second-opinion-summary", tenant="north",
        app_context=f'{{"v":1,"card":"{card}","findings":["repeat_surgery"]}}', need_patient_banner=False,
        fhir_context=({"reference": "ServiceRequest/9"},), smart_style_url="https://ehr.example/style.json",
    )  # fmt: skip
    launch = app.launch_of(browser, follow(browser, ehr, browser.get(address, base_url=BASE)))
    assert (launch.card, launch.findings) == (card, ("repeat_surgery",))
    assert (launch.encounter, launch.intent, launch.tenant) == ("e1", "second-opinion-summary", "north")
    assert (launch.orders, launch.need_patient_banner) == (("ServiceRequest/9",), False)
    assert launch.style_url == "https://ehr.example/style.json"


@pytest.mark.parametrize("auth", ["public"], indirect=True)
def test_two_tabs_with_two_patients_never_mix(app: Installation, ehr: RunningEhr) -> None:
    browser = app.browser()
    address = f"{BASE}/launch"
    ruth = browser.get(ehr.launch_url(address, RUTH), base_url=BASE)
    daniel = browser.get(ehr.launch_url(address, DANIEL), base_url=BASE)
    page_of_daniel, page_of_ruth = follow(browser, ehr, daniel), follow(browser, ehr, ruth)
    assert app.launch_of(browser, page_of_ruth).patient == RUTH
    assert app.launch_of(browser, page_of_daniel).patient == DANIEL
    assert app.launch_of(browser, page_of_ruth).patient == RUTH
