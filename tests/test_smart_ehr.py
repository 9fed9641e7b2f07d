"""The sandbox's SMART EHR is as strict as the strictest real one, over real HTTP, on a third-party FHIR server."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet, KeySetSerialization
from msgspec import json
from signing import Signer, jwks
from smart_ehr import DANIEL, RUTH, VERIFIER, Json, RunningEhr, challenge, query_of, read, smart_ehr
from urllib3 import BaseHTTPResponse

from fixtures.teaching import PATIENTS
from sandbox.smart.clients import Client
from sandbox.smart.ehr import SandboxEhr

CALLBACK = "http://localhost:9/callback"
SCOPES = "launch openid fhirUser offline_access patient/*.cruds"
SIGNERS = {name: Signer(name, kid=name, iss="signing-app") for name in ("ES384", "RS384")}
JWKS = json.decode(jwks(*SIGNERS.values()), type=KeySetSerialization)
CLIENTS = [
    Client("public-app", (CALLBACK,)),
    Client("narrow-app", (CALLBACK,), scopes="launch patient/Procedure.rs patient/ServiceRequest.cruds"),
    Client("secret-app", (CALLBACK,), "client_secret", secret="a-long-secret"),  # noqa: S106
    Client("signing-app", (CALLBACK,), "private_key_jwt", jwks=JWKS),
]


@pytest.fixture
def ehr(sekmet: str) -> Iterator[RunningEhr]:
    with smart_ehr(sekmet, lambda port: CLIENTS) as running:
        yield running


def asked(ehr: RunningEhr, **changed: str | None) -> dict[str, str]:
    """An authorization request as it should be, but for what is changed; None leaves out."""
    right: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "public-app",
        "redirect_uri": CALLBACK,
        "scope": SCOPES,
        "state": "a-state-of-122-bits",
        "aud": ehr.fhir_base,
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
        "nonce": "n-1",
    }
    if "launch" not in changed:
        right["launch"] = ehr.launch_token(RUTH)
    return {name: value for name, value in (right | changed).items() if value is not None}


def authorize(ehr: RunningEhr, **changed: str | None) -> BaseHTTPResponse:
    return sent_by(ehr, "GET", asked(ehr, **changed))


def sent_by(ehr: RunningEhr, method: str, sent: dict[str, str]) -> BaseHTTPResponse:
    if method == "GET":
        return ehr.http.request("GET", f"{ehr.authorize}?{urlencode(sent)}", redirect=False)
    return ehr.http.request("POST", ehr.authorize, fields=sent, encode_multipart=False, redirect=False)


def code_of(ehr: RunningEhr, **changed: str | None) -> str:
    answer = authorize(ehr, **changed)
    assert answer.status == 302, answer.data
    return query_of(answer.headers["Location"])["code"]


def exchange(ehr: RunningEhr, code: str, **changed: str) -> BaseHTTPResponse:
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "public-app",
    } | changed
    return ehr.http.request("POST", ehr.token, fields=sent, encode_multipart=False)


def refresh(ehr: RunningEhr, token: str, **changed: str) -> BaseHTTPResponse:
    sent = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "public-app"} | changed
    return ehr.http.request("POST", ehr.token, fields=sent, encode_multipart=False)


def tokens(ehr: RunningEhr, **changed: str | None) -> Json:
    answer = exchange(ehr, code_of(ehr, **changed))
    assert answer.status == 200, answer.data
    return read(answer)


# ---- the way it goes


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_launch_ends_in_a_token_with_the_patient_that_reads_the_chart(ehr: RunningEhr, method: str) -> None:
    said = query_of(sent_by(ehr, method, asked(ehr)).headers["Location"])
    assert (said["state"], said["iss"]) == ("a-state-of-122-bits", ehr.fhir_base)
    token = read(exchange(ehr, said["code"]))
    assert (token["patient"], token["token_type"], token["expires_in"]) == (RUTH, "Bearer", 300)
    chart = read(ehr.fhir("GET", f"Procedure?patient={RUTH}", token["access_token"]))
    assert len(chart["entry"]) == 12
    assert [seen.status for seen in ehr.recorded] == [302, 200, 200]
    assert [len(ehr.seen(kind)) for kind in ("authorize", "token", "fhir", "other")] == [1, 1, 1, 0]


def test_the_token_comes_with_all_that_the_ehr_said_at_launch(ehr: RunningEhr) -> None:
    order = {"reference": "ServiceRequest/ruth-order-22633"}
    launch = ehr.launch_token(
        RUTH, encounter="ruth-encounter-1", app_context="card-7", intent="second-opinion-summary", tenant="north",
        fhir_context=(order,), need_patient_banner=False, smart_style_url=f"{ehr.ehr.origin}/style.json",
    )  # fmt: skip
    token = tokens(ehr, launch=launch)
    said = ("patient", "encounter", "appContext", "intent", "tenant", "fhirContext", "need_patient_banner")
    assert [token[name] for name in said] == [
        RUTH, "ruth-encounter-1", "card-7", "second-opinion-summary", "north", [order], False,
    ]  # fmt: skip
    assert token["smart_style_url"].endswith("/style.json")
    bare = tokens(ehr)
    assert not {"encounter", "appContext", "intent", "tenant", "fhirContext", "need_patient_banner"} & bare.keys()


def test_the_id_token_can_be_checked_with_the_keys_that_are_published(ehr: RunningEhr) -> None:
    configuration = read(ehr.fhir("GET", ".well-known/smart-configuration"))
    openid = read(ehr.fhir("GET", ".well-known/openid-configuration"))
    assert {openid[name] for name in ("issuer", "jwks_uri")} == {ehr.fhir_base, configuration["jwks_uri"]}
    keys = KeySet.import_key_set(json.decode(ehr.http.request("GET", openid["jwks_uri"]).data))
    token = tokens(ehr)
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ehr.fhir_base, "public-app", "n-1")
    assert claims["exp"] > claims["iat"]
    who = claims["fhirUser"].removeprefix(f"{ehr.fhir_base}/")
    assert read(ehr.fhir("GET", who, token["access_token"]))["name"] == [{"text": "Dr. Lena Ortiz"}]


def test_who_is_signed_in_is_said_only_where_it_was_asked_for(ehr: RunningEhr) -> None:
    assert "id_token" not in tokens(ehr, scope="launch patient/*.rs")
    plain = tokens(ehr, scope="launch openid patient/*.rs", nonce=None)
    claims = json.decode(b64(plain["id_token"].split(".")[1]))
    assert not {"fhirUser", "nonce"} & claims.keys()


def b64(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_what_the_server_says_it_can_do_is_where_smart_looks_for_it(ehr: RunningEhr) -> None:
    said = read(ehr.fhir("GET", ".well-known/smart-configuration"))
    assert (said["authorization_endpoint"], said["token_endpoint"]) == (ehr.authorize, ehr.token)
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-ehr", "launch-standalone", "client-confidential-asymmetric"} <= set(said["capabilities"])


# ---- what is refused on the way to a code


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code_challenge": None}, "PKCE"),
        ({"code_challenge_method": None}, "PKCE"),
        ({"code_challenge_method": "plain"}, "Unsupported 'code_challenge_method'"),
        ({"code_challenge": "short"}, "Invalid 'code_challenge'"),
        ({"state": None}, "state"),
        ({"aud": None}, "aud must be"),
        ({"aud": "http://127.0.0.1:9/fhir"}, "aud must be"),
        ({"launch": "never-given"}, "This launch is unknown"),
        ({"scope": "patient/*.rs"}, "needs the scope 'launch'"),
        ({"launch": None}, "No patient"),
        ({"launch": None, "scope": "patient/*.rs"}, "No patient"),
    ],
)
def test_a_request_that_is_not_as_smart_wants_it_goes_back_with_an_error(
    ehr: RunningEhr, changed: dict[str, str | None], said: str
) -> None:
    answer = authorize(ehr, **changed)
    back = query_of(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    assert (back["error"], back["iss"], "code" in back) == ("invalid_request", ehr.fhir_base, False)
    assert said in back["error_description"]
    assert back.get("state") == asked(ehr, **changed).get("state")


@pytest.mark.parametrize("scope", ["made-up patient/Observation.rs?category=vital-signs", "patient/Procedure.x", ""])
def test_scopes_of_which_none_can_be_given_are_an_error(ehr: RunningEhr, scope: str) -> None:
    assert query_of(authorize(ehr, scope=scope).headers["Location"])["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": f"{CALLBACK}?more=1"},
        {"redirect_uri": "http://localhost:9/elsewhere"},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": None},
    ],
)
def test_nobody_is_sent_on_to_an_address_that_is_not_registered(
    ehr: RunningEhr, changed: dict[str, str | None]
) -> None:
    answer = authorize(ehr, **changed)
    assert answer.status in (400, 401)
    assert "Location" not in answer.headers


def test_another_response_type_goes_back_with_an_error(ehr: RunningEhr) -> None:
    back = query_of(authorize(ehr, response_type="token").headers["Location"])
    assert back["error"] == "unsupported_response_type"


def test_a_launch_opens_one_app_once(ehr: RunningEhr) -> None:
    launch = ehr.launch_token(RUTH)
    code_of(ehr, launch=launch)
    assert query_of(authorize(ehr, launch=launch).headers["Location"])["error"] == "invalid_request"


def test_of_two_who_come_with_one_launch_at_the_same_time_one_gets_a_code(ehr: RunningEhr) -> None:
    launch = ehr.launch_token(RUTH)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: authorize(ehr, launch=launch), range(8)))
    assert sum("code=" in answer.headers.get("Location", "") for answer in answers) == 1


def test_scopes_are_narrowed_to_what_the_app_registered_and_the_app_is_told(ehr: RunningEhr) -> None:
    wanted = "launch openid patient/Procedure.cruds patient/Condition.rs patient/ServiceRequest.write user/Procedure.rs"
    code = code_of(ehr, client_id="narrow-app", scope=wanted)
    token = read(exchange(ehr, code, client_id="narrow-app"))
    assert token["scope"] == "launch patient/Procedure.rs patient/ServiceRequest.write"
    assert "id_token" not in token
    assert "refresh_token" not in token


# ---- what is refused on the way to a token


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": "short"},
        {"code_verifier": ""},
        {"redirect_uri": "http://localhost:9/elsewhere"},
        {"redirect_uri": ""},
        {"client_id": "narrow-app"},
        {"client_id": "nobody"},
        {"grant_type": "password"},
        {"code": "made-up"},
    ],
)
def test_a_code_is_worth_nothing_without_what_belongs_to_it(ehr: RunningEhr, changed: dict[str, str]) -> None:
    code = code_of(ehr)
    answer = exchange(ehr, changed.pop("code", code), **changed)
    assert answer.status in (400, 401)
    assert "access_token" not in read(answer)


def test_a_code_that_was_shown_with_the_wrong_verifier_is_spent(ehr: RunningEhr) -> None:
    code = code_of(ehr)
    assert read(exchange(ehr, code, code_verifier="w" * 64))["error"] == "invalid_grant"
    assert read(exchange(ehr, code))["error"] == "invalid_grant"


def test_a_code_used_twice_takes_its_tokens_with_it(ehr: RunningEhr) -> None:
    code = code_of(ehr)
    token = read(exchange(ehr, code))
    assert ehr.fhir("GET", f"Patient/{RUTH}", token["access_token"]).status == 200
    assert read(exchange(ehr, code))["error"] == "invalid_grant"
    assert ehr.fhir("GET", f"Patient/{RUTH}", token["access_token"]).status == 401
    assert refresh(ehr, token["refresh_token"]).status == 400


def test_a_code_is_good_for_a_minute(ehr: RunningEhr) -> None:
    code = code_of(ehr)
    ehr.pass_seconds(61)
    assert read(exchange(ehr, code))["error"] == "invalid_grant"


def test_a_launch_is_good_for_five_minutes(ehr: RunningEhr) -> None:
    launch = ehr.launch_token(RUTH)
    ehr.pass_seconds(301)
    assert query_of(authorize(ehr, launch=launch).headers["Location"])["error"] == "invalid_request"


# ---- who the app is


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def confidential(ehr: RunningEhr, client: str, headers: dict[str, str], **sent: str) -> BaseHTTPResponse:
    fields = {
        "grant_type": "authorization_code", "code": code_of(ehr, client_id=client), "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }  # fmt: skip
    return ehr.http.request("POST", ehr.token, fields=fields | sent, encode_multipart=False, headers=headers)


def test_an_app_with_a_secret_says_it_in_the_header(ehr: RunningEhr) -> None:
    assert confidential(ehr, "secret-app", basic("secret-app", "a-long-secret")).status == 200
    assert confidential(ehr, "secret-app", basic("secret-app", "another")).status == 401
    assert confidential(ehr, "secret-app", {}, client_id="secret-app").status == 401
    in_the_body = {"client_id": "secret-app", "client_secret": "a-long-secret"}
    assert confidential(ehr, "secret-app", {}, **in_the_body).status == 401


def assertion(ehr: RunningEhr, signer: Signer = SIGNERS["ES384"], **changed: Any) -> dict[str, str]:
    """As it should be, but for what is changed; ... leaves out."""
    signed = signer.token("", **({"sub": "signing-app", "aud": ehr.token} | changed))
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return {"client_assertion_type": kind, "client_assertion": signed}


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_an_app_with_a_key_signs_who_it_is(ehr: RunningEhr, algorithm: str) -> None:
    assert confidential(ehr, "signing-app", {}, **assertion(ehr, SIGNERS[algorithm])).status == 200


def test_what_an_app_signed_is_taken_once(ehr: RunningEhr) -> None:
    signed = assertion(ehr)
    assert confidential(ehr, "signing-app", {}, **signed).status == 200
    assert read(confidential(ehr, "signing-app", {}, **signed))["error"] == "invalid_client"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "http://127.0.0.1:9/token"},
        {"iss": "public-app"},
        {"sub": "nobody"},
        {"exp": 1},
        {"exp": 9_999_999_999},
        {"jti": ...},
        {"header": {"typ": ...}},
        {"header": {"kid": "another"}},
        {"header": {"kid": ...}},
        {"signer": Signer("RS256", kid="RS384", iss="signing-app")},
        {"signer": Signer("ES384", kid="ES384", iss="signing-app", name="another key")},
    ],
)
def test_an_app_that_signs_wrongly_gets_nothing(ehr: RunningEhr, wrong: Json) -> None:
    answer = read(confidential(ehr, "signing-app", {}, **assertion(ehr, **wrong)))
    assert answer["error"] == "invalid_client"


def test_keys_of_an_app_are_fetched_where_it_publishes_them(sekmet: str) -> None:
    def published(ehr: SandboxEhr) -> Flask:
        app = Flask("an app")
        app.add_url_rule("/jwks.json", view_func=lambda: JWKS)
        return app

    def clients(port: int) -> list[Client]:
        app = f"http://127.0.0.1:{port}"
        return [
            Client("signing-app", (CALLBACK,), "private_key_jwt", jwks_url=f"{app}/jwks.json"),
            Client("keyless-app", (CALLBACK,), "private_key_jwt", jwks_url=f"{app}/nothing"),
        ]

    with smart_ehr(sekmet, clients, published) as ehr:
        assert confidential(ehr, "signing-app", {}, **assertion(ehr)).status == 200
        nothing = assertion(ehr, iss="keyless-app", sub="keyless-app")
        assert "No keys of keyless-app" in read(confidential(ehr, "keyless-app", {}, **nothing))["error_description"]


# ---- refreshing


def test_a_refresh_gives_a_new_pair_with_the_same_patient(ehr: RunningEhr) -> None:
    first = tokens(ehr)
    ehr.expire_tokens()
    assert ehr.fhir("GET", f"Patient/{RUTH}", first["access_token"]).status == 401
    second = read(refresh(ehr, first["refresh_token"]))
    assert second["patient"] == RUTH
    assert not {second["access_token"], second["refresh_token"]} & {first["access_token"], first["refresh_token"]}
    assert ehr.fhir("GET", f"Patient/{RUTH}", second["access_token"]).status == 200


def test_a_refresh_token_used_twice_ends_all_that_came_from_it(ehr: RunningEhr) -> None:
    first = tokens(ehr)
    second = read(refresh(ehr, first["refresh_token"]))
    assert read(refresh(ehr, first["refresh_token"]))["error"] == "invalid_grant"
    assert ehr.fhir("GET", f"Patient/{RUTH}", second["access_token"]).status == 401
    assert read(refresh(ehr, second["refresh_token"]))["error"] == "invalid_grant"


def test_a_refresh_may_ask_for_less_and_never_for_more(ehr: RunningEhr) -> None:
    first = tokens(ehr, scope="launch offline_access patient/Procedure.rs patient/Condition.rs")
    second = read(refresh(ehr, first["refresh_token"], scope="patient/Procedure.rs"))
    assert second["scope"] == "patient/Procedure.rs"
    assert ehr.fhir("GET", "Condition", second["access_token"]).status == 403
    assert read(refresh(ehr, second["refresh_token"], scope="patient/Goal.rs"))["error"] == "invalid_scope"


def test_a_refresh_token_is_good_for_its_own_app_only(ehr: RunningEhr) -> None:
    assert refresh(ehr, tokens(ehr)["refresh_token"], client_id="narrow-app").status == 400


def test_access_ends_when_it_was_said_to(sekmet: str) -> None:
    with smart_ehr(sekmet, lambda port: CLIENTS, access_seconds=2) as ehr:
        token = tokens(ehr)
        assert token["expires_in"] == 2
        ehr.pass_seconds(2)
        answer = ehr.fhir("GET", f"Patient/{RUTH}", token["access_token"])
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert read(answer)["resourceType"] == "OperationOutcome"


# ---- pages


STANDALONE: dict[str, str | None] = {"launch": None, "scope": "launch launch/patient patient/*.rs"}


def test_an_app_opened_by_itself_has_its_patient_chosen_on_a_page(ehr: RunningEhr) -> None:
    page = authorize(ehr, **STANDALONE)
    html = page.data.decode()
    assert page.status == 200
    assert all(name in html for name in ("Ruth Keller", "Daniel Osei", "Sofia Brandt"))
    assert f"form-action {ehr.ehr.origin} http://localhost:9" in page.headers["Content-Security-Policy"]
    chosen = sent_by(ehr, "POST", asked(ehr, **STANDALONE) | {"sandbox_patient": DANIEL})
    token = read(exchange(ehr, query_of(chosen.headers["Location"])["code"]))
    assert (token["patient"], token["scope"]) == (DANIEL, "launch/patient patient/*.rs")


@pytest.mark.parametrize("wrong", ["nobody", "../metadata", ""])
def test_a_patient_that_there_is_not_is_asked_for_again(ehr: RunningEhr, wrong: str) -> None:
    again = sent_by(ehr, "POST", asked(ehr, **STANDALONE) | {"sandbox_patient": wrong})
    assert (again.status, "Choose a patient" in again.data.decode()) == (200, True)


def test_names_of_patients_are_never_taken_for_html(ehr: RunningEhr) -> None:
    for number, name in enumerate([[{"text": "<script>"}], [{"family": "Ng", "given": ["A", "B"]}], [{"use": "old"}]]):
        body = {"resourceType": "Patient", "id": f"odd-{number}", "name": name}
        ehr.own("PUT", f"fhir/Patient/odd-{number}", body)
    html = authorize(ehr, **STANDALONE).data.decode()
    assert all(shown in html for shown in ("&lt;script&gt;", "A B Ng", ">odd-2<"))
    assert "<script>" not in html


def test_an_app_that_reads_as_its_user_needs_no_patient(ehr: RunningEhr) -> None:
    token = tokens(ehr, launch=None, scope="openid user/Patient.rs")
    assert "patient" not in token
    found = read(ehr.fhir("GET", "Patient?_count=200", token["access_token"]))
    assert len(found["entry"]) == len(PATIENTS)


def test_where_it_asks_first_somebody_may_say_no(sekmet: str) -> None:
    with smart_ehr(sekmet, lambda port: CLIENTS, asks_first=True) as ehr:
        launch = ehr.launch_token(RUTH)
        page = authorize(ehr, launch=launch).data.decode()
        assert "Allow Second Opinion?" in page
        assert "<code>patient/*.cruds</code>" in page
        no = sent_by(ehr, "POST", asked(ehr, launch=launch) | {"sandbox_answer": "no"})
        assert query_of(no.headers["Location"])["error"] == "access_denied"
        yes = sent_by(ehr, "POST", asked(ehr, launch=launch) | {"sandbox_answer": "yes"})
        assert read(exchange(ehr, query_of(yes.headers["Location"])["code"]))["patient"] == RUTH
        alone = sent_by(ehr, "POST", asked(ehr, **STANDALONE) | {"sandbox_patient": DANIEL}).data.decode()
        assert f'name="sandbox_patient" value="{DANIEL}"' in alone
