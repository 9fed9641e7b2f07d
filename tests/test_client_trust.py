"""Who is let in: tokens of every kind, right and wrong, over HTTP; what a stranger learns, and what our log keeps."""

import hmac
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import json
from signing import BASE, ISS, KeyServer, Signer, jwks, key_server, segment, write_trust
from teaching_calls import hook_call
from werkzeug.test import TestResponse

from cds_hooks.client_trust import Gate
from cds_hooks.guard import caller
from cds_hooks.listeners import Listeners
from ehr.jwks import ALGORITHMS
from ehr.keys import ClientKeys
from ehr.trust import Trust
from ehr.trust_file import read_trust
from fixtures.teaching import teaching_patients
from journal.journal import open_journal
from plugin.app import create_app

TODAY = date(2026, 11, 22)
SIGN = "/cds-services/second-opinion-order-sign"
SELECT = "/cds-services/second-opinion-order-select"
DISCOVERY = "/cds-services"
NOW = 1_795_300_000
signer_of = partial(Signer, at=NOW)
ES, RS = signer_of("ES384", kid="es"), signer_of("RS384", kid="rs")
EVIL = signer_of("ES384", kid="es", name="evil")
CALL = hook_call(teaching_patients(TODAY)[0], "order-sign")
HOUR = 60 * 60


def gate_for(trust: Trust, folder: Path, **more: Any) -> Gate:
    journal = open_journal(f"sqlite:///{folder / 'journal.sqlite3'}", "a secret for the tests of this gate only")
    return Gate(trust, journal.tokens.spend, clock=lambda: NOW, **more)


class Service:
    """The service with a trust file, a server of its client's keys, and a list of what the gate was told."""

    def __init__(self, folder: Path, server: KeyServer, client: str = "") -> None:
        self.refusals: list[tuple[str, str]] = []
        self.server = server
        trust = read_trust(write_trust(folder, f'jku = "{server.jku}"\n{client}'))
        told = Listeners(refused=(lambda reason, client: self.refusals.append((reason, client)),))
        self.app: Flask = create_app(BASE, lambda: TODAY, gate=gate_for(trust, folder), listeners=told)

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    def send(self, authorization: dict[str, str], path: str = SIGN, call: Any = CALL) -> TestResponse:
        return self.http.post(path, json=call, headers=authorization)

    def reason(self, authorization: dict[str, str], path: str = SIGN) -> str:
        """Why it was refused; the answer itself says nothing of it."""
        self.refusals.clear()
        assert_refused(self.send(authorization, path))
        ((reason, _),) = self.refusals
        return reason


REFUSAL = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"login",'
    b'"diagnostics":"This needs a token that shows who is calling (CDS Hooks: Trusting CDS Clients)."}]}'
)


def assert_refused(response: TestResponse) -> None:
    """The same for every reason, byte for byte."""
    assert (response.status_code, response.data) == (401, REFUSAL)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.mimetype == "application/fhir+json"


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server(ES, RS) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, server: KeyServer) -> Service:
    return Service(tmp_path, server)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all that changes nothing."""
    with key_server(ES, RS) as running:
        yield Service(tmp_path_factory.mktemp("trust"), running)


# ---- let in


@pytest.mark.parametrize("signer", [ES, RS], ids=lambda signer: signer.algorithm)
def test_a_listed_client_gets_its_card(service: Service, signer: Signer) -> None:
    response = service.send(signer.bearer(SIGN))
    assert response.status_code == 200
    assert len(response.get_json()["cards"]) == 1
    assert service.refusals == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_that_can_be_listed_is_checked(tmp_path: Path, server: KeyServer, algorithm: str) -> None:
    signer = signer_of(algorithm)
    server.body = jwks(signer)
    service = Service(tmp_path, server, f'algorithms = ["{algorithm}"]')
    assert service.send(signer.bearer(SIGN)).status_code == 200
    forged = signer_of(algorithm, name="evil")
    assert service.reason(forged.bearer(SIGN)) == "bad signature"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [BASE + SIGN]},
        {"aud": ["https://other.example", BASE + SIGN]},
        {"nbf": 1, "sub": "client-id", "fhir": {"any": ["thing"]}},
        {"iat": NOW - 23 * HOUR},
        {"exp": NOW - 40, "iat": NOW - 400},
        {"iat": NOW + 40},
        {"exp": NOW + 300.5, "iat": NOW - 0.5, "nbf": None},
        {"tenant": "any"},
    ],
)
def test_what_the_specification_and_clients_in_the_field_send_is_taken(
    standing: Service, changes: dict[str, Any]
) -> None:
    assert standing.send(ES.bearer(SIGN, **changes)).status_code == 200


@pytest.mark.parametrize("header", [{"typ": "jwt"}, {"typ": ...}, {"unknown": 1}, {"jku": ""}])
def test_headers_of_no_harm_are_taken(standing: Service, header: dict[str, Any]) -> None:
    if "jku" in header:
        header = {"jku": standing.server.jku}
    assert standing.send(ES.bearer(SIGN, header)).status_code == 200


def test_the_scheme_is_known_in_any_case(standing: Service) -> None:
    assert standing.send({"Authorization": f"bearer {ES.token(SIGN)}"}).status_code == 200


def test_a_token_without_kid_will_do_while_one_key_fits(standing: Service) -> None:
    assert standing.send(ES.bearer(SIGN, {"kid": ...})).status_code == 200


def test_who_called_is_known_to_the_service(service: Service) -> None:
    with service.app.test_request_context(SIGN, method="POST", headers=ES.bearer(SIGN, tenant="north")):
        service.app.preprocess_request()
        known = caller()
        assert known and (known.iss, known.tenant, known.client.jku) == (ISS, "north", service.server.jku)
    with service.app.test_request_context(DISCOVERY):
        service.app.preprocess_request()
        assert caller() is None


# ---- claims


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "unknown issuer"),
        ({"iss": f"{ISS}/"}, "unknown issuer"),
        ({"iss": ...}, "malformed header or claims"),
        ({"aud": BASE + SELECT}, "another audience"),
        ({"aud": BASE}, "another audience"),
        ({"aud": BASE + SIGN + "/"}, "another audience"),
        ({"aud": f"https://evil.example{SIGN}"}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": [BASE + SELECT, SIGN]}, "another audience"),
        ({"aud": ...}, "malformed header or claims"),
        ({"aud": {"x": BASE + SIGN}}, "malformed header or claims"),
        ({"exp": NOW - 90, "iat": NOW - 400}, "expired"),
        ({"exp": ...}, "malformed header or claims"),
        ({"exp": str(NOW + 300)}, "malformed header or claims"),
        ({"exp": True}, "malformed header or claims"),
        ({"exp": None}, "malformed header or claims"),
        ({"iat": NOW + 90, "exp": NOW + 300}, "not valid yet"),
        ({"iat": ...}, "malformed header or claims"),
        ({"nbf": NOW + 90}, "not valid yet"),
        ({"nbf": "soon"}, "malformed header or claims"),
        ({"exp": NOW + 25 * HOUR}, "lifetime over a day"),
        ({"exp": 10**15}, "lifetime over a day"),
        ({"exp": 1e300}, "lifetime over a day"),
        ({"exp": 10**400, "iat": NOW - 0.5}, "malformed header or claims"),
        ({"iat": 0}, "lifetime over a day"),
        ({"iat": NOW + 30, "exp": NOW + 20}, "lifetime over a day"),
        ({"jti": ...}, "malformed header or claims"),
        ({"jti": ""}, "malformed header or claims"),
        ({"jti": 5}, "malformed header or claims"),
        ({"tenant": 5}, "malformed header or claims"),
    ],
)
def test_a_claim_that_is_missing_or_wrong_is_refused(standing: Service, changes: dict[str, Any], reason: str) -> None:
    assert standing.reason(ES.bearer(SIGN, **changes)) == reason


def test_numbers_that_are_none_do_not_outlive_their_day(standing: Service) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity"):
        claims = json.encode(ES.claims(SIGN) | {"exp": 0}).replace(b'"exp":0', b'"exp":' + number)
        signed = f"{segment(json.encode(ES.header()))}.{segment(claims)}"
        token = f"{signed}.{segment(ES.sign(signed.encode()))}"
        assert standing.reason({"Authorization": f"Bearer {token}"}) == "not a JWT"


def test_only_listed_tenants_are_let_in(tmp_path: Path, server: KeyServer) -> None:
    service = Service(tmp_path, server, 'tenants = ["north", "south"]')
    assert service.send(ES.bearer(SIGN, tenant="south")).status_code == 200
    for changes in ({"tenant": "east"}, {"tenant": "North"}, {"tenant": ""}, {"tenant": None}, {}):
        assert service.reason(ES.bearer(SIGN, **changes)) == "unlisted tenant"
    assert service.refusals == [("unlisted tenant", ISS)]


def test_each_tenant_of_a_shared_issuer_has_its_own_entry(tmp_path: Path, server: KeyServer) -> None:
    other = f'tenants = ["north"]\n[[cds_client]]\niss = "{ISS}"\njku = "{server.jku}"\ntenants = ["south"]\n'
    service = Service(tmp_path, server, f'{other}algorithms = ["RS384"]')
    assert service.send(ES.bearer(SIGN, tenant="north")).status_code == 200
    assert service.reason(ES.bearer(SIGN, tenant="south")) == "unlisted algorithm"
    assert service.send(RS.bearer(SIGN, tenant="south")).status_code == 200


# ---- signatures and headers


def test_a_public_key_is_no_secret(standing: Service) -> None:
    signed = f"{segment(json.encode(ES.header() | {'alg': 'HS256'}))}.{segment(json.encode(ES.claims(SIGN)))}"
    for secret in (ES.pem, json.encode(ES.jwk)):  # what everybody can read
        token = f"{signed}.{segment(hmac.digest(secret, signed.encode(), 'sha256'))}"
        assert standing.reason({"Authorization": f"Bearer {token}"}) == "unlisted algorithm"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS256", "HS384", "RS256", "ES256", "es384", "dir"])
def test_an_algorithm_that_is_not_listed_is_refused(standing: Service, algorithm: str) -> None:
    token = ES.token(SIGN, {"alg": algorithm})
    assert standing.reason({"Authorization": f"Bearer {token}"}) == "unlisted algorithm"
    unsigned = f"{token.rpartition('.')[0]}."
    assert standing.reason({"Authorization": f"Bearer {unsigned}"}) == "unlisted algorithm"


def test_a_signature_left_out_is_refused(standing: Service) -> None:
    token = ES.token(SIGN).rpartition(".")[0]
    assert standing.reason({"Authorization": f"Bearer {token}."}) == "bad signature"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": ...}, "not a JWT"),
        ({"alg": 5}, "malformed header or claims"),
        ({"alg": "RS384"}, "unknown key"),
        ({"kid": "rs"}, "unknown key"),
        ({"kid": "another"}, "unknown key"),
        ({"kid": ""}, "unknown key"),
        ({"kid": ["es"]}, "malformed header or claims"),
        ({"kid": "../../es"}, "unknown key"),
        ({"typ": "at+jwt"}, "not typed as JWT"),
        ({"typ": "JOSE"}, "not typed as JWT"),
        ({"typ": None}, "malformed header or claims"),
        ({"crit": ["exp"], "exp": 1}, "critical extension"),
        ({"crit": []}, "critical extension"),
        ({"crit": None}, "critical extension"),
        ({"crit": ["b64"], "b64": True}, "critical extension"),
        ({"b64": False}, "not a JWT"),
        ({"jku": 5}, "malformed header or claims"),
    ],
)
def test_a_header_that_is_wrong_is_refused(standing: Service, header: dict[str, Any], reason: str) -> None:
    assert standing.reason(ES.bearer(SIGN, header)) == reason


def test_the_key_must_be_the_clients_own(standing: Service) -> None:
    assert standing.reason(EVIL.bearer(SIGN)) == "bad signature"
    assert standing.reason(EVIL.bearer(SIGN, {"jwk": EVIL.jwk, "x5c": ["MII"]})) == "bad signature"


def test_another_clients_key_is_not_taken(tmp_path: Path, server: KeyServer) -> None:
    with key_server(EVIL) as others:
        other = f'[[cds_client]]\niss = "https://other.example"\njku = "{others.jku}"'
        service = Service(tmp_path, server, other)
        assert service.reason(EVIL.bearer(SIGN)) == "bad signature"
        assert service.reason(ES.bearer(SIGN, iss="https://other.example")) == "bad signature"
        assert service.send(EVIL.bearer(SIGN, iss="https://other.example")).status_code == 200


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_changed_anywhere_is_refused(standing: Service, part: int) -> None:
    parts = ES.token(SIGN).split(".")
    other = ES.token(SIGN, {"x": 1}, tenant="changed").split(".")
    parts[part] = other[part]
    assert standing.reason({"Authorization": f"Bearer {'.'.join(parts)}"}) == "bad signature"


def test_a_jku_that_is_not_listed_is_never_contacted(standing: Service) -> None:
    with key_server(EVIL) as evil:
        for signer in (EVIL, ES):
            for jku in (evil.jku, f"{standing.server.jku}?x", f"{standing.server.jku}/../", ""):
                assert standing.reason(signer.bearer(SIGN, {"jku": jku})) == "unlisted jku"
        assert evil.calls == []
    assert set(standing.server.calls) <= {"/jwks.json"}


def test_a_listed_jku_that_redirects_leads_nowhere(service: Service) -> None:
    with key_server(EVIL) as evil:
        service.server.status, service.server.headers = 302, {"Location": evil.jku}
        assert service.reason(EVIL.bearer(SIGN)) == "unknown key"
        assert evil.calls == []
    assert len(service.server.calls) == 1


def test_pinned_keys_need_no_server_and_follow_no_jku(tmp_path: Path, server: KeyServer) -> None:
    (tmp_path / "ehr.jwks.json").write_bytes(json.encode([RS.jwk]))
    trust = read_trust(write_trust(tmp_path, 'jwks_file = "ehr.jwks.json"'))
    client = create_app(BASE, lambda: TODAY, gate=gate_for(trust, tmp_path)).test_client()
    assert client.post(SIGN, json=CALL, headers=RS.bearer(SIGN)).status_code == 200
    assert_refused(client.post(SIGN, json=CALL, headers=ES.bearer(SIGN)))
    assert_refused(client.post(SIGN, json=CALL, headers=RS.bearer(SIGN, {"jku": server.jku})))
    assert server.calls == []


def test_callers_cannot_make_us_hammer_a_jku(service: Service) -> None:
    for number in range(60):
        assert service.reason(ES.bearer(SIGN, {"kid": f"made-up-{number}"})) == "unknown key"
    assert service.send(ES.bearer(SIGN)).status_code == 200
    assert len(service.server.calls) == 1


def test_a_key_rotated_in_is_taken_and_one_rotated_out_is_not(tmp_path: Path, server: KeyServer) -> None:
    at = [0.0]
    trust = read_trust(write_trust(tmp_path, f'jku = "{server.jku}"'))
    gate = gate_for(trust, tmp_path, keys=ClientKeys(trust.cds_clients, lambda: at[0]))
    client = create_app(BASE, lambda: TODAY, gate=gate).test_client()
    new = signer_of("ES384", kid="new", name="new")

    def status(signer: Signer) -> int:
        return client.post(SIGN, json=CALL, headers=signer.bearer(SIGN)).status_code

    assert (status(ES), status(new)) == (200, 401)
    server.body = jwks(new)
    at[0] += 15
    assert (status(new), status(ES)) == (200, 401)


# ---- replay


def test_a_token_works_once(standing: Service) -> None:
    token = ES.bearer(SIGN)
    assert standing.send(token).status_code == 200
    assert standing.reason(token) == "used before"


def test_of_a_token_sent_many_times_at_once_one_works(service: Service) -> None:
    token = ES.bearer(SIGN)
    with ThreadPoolExecutor(8) as threads:
        answers = Counter(threads.map(lambda _: service.send(token).status_code, range(24)))
    assert answers == {200: 1, 401: 23}


def test_a_token_that_was_refused_is_not_used_up(standing: Service) -> None:
    jti = "known-to-a-stranger"
    assert standing.reason(EVIL.bearer(SIGN, jti=jti)) == "bad signature"
    assert standing.send(ES.bearer(SIGN, jti=jti)).status_code == 200


def test_two_clients_may_use_the_same_jti(tmp_path: Path, server: KeyServer) -> None:
    service = Service(tmp_path, server, f'[[cds_client]]\niss = "https://other.example"\njku = "{server.jku}"')
    assert service.send(ES.bearer(SIGN, jti="1")).status_code == 200
    assert service.send(ES.bearer(SIGN, jti="1", iss="https://other.example")).status_code == 200


# ---- what is no token at all


HEAD, JWE_HEAD = segment(b'{"alg":"ES384"}'), segment(b'{"alg":"RSA-OAEP","enc":"A256GCM"}')


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer a.b.c.d.e",
        "Bearer {}",
        f"Bearer  {ES.token(SIGN)}",
        f"Bearer {ES.token(SIGN)} x",
        f"Bearer {ES.token(SIGN)}, Bearer {ES.token(SIGN)}",
        f"Bearer {ES.token(SIGN)}=",
        f"Bearer {segment(b'{')}.e30.e30",
        f"Bearer {segment(b'[]')}.e30.e30",
        f"Bearer {segment(b'5')}.e30.e30",
        f"Bearer {segment(b'null')}.e30.e30",
        f"Bearer {segment(json.encode(['alg', 'b64']))}.e30.e30",
        f"Bearer {segment(b'[' * 9000)}.e30.e30",
        f"Bearer {HEAD}.{segment(b'[' * 9000)}.e30",
        f"Bearer {HEAD}.{segment(bytes([255, 254]))}.e30",
        "Bearer \xe4\xf6\xfc.\xdf.\xff",
        f"Bearer {JWE_HEAD}.AAAA.AAAA.AAAA.AAAA",
    ],
)
def test_what_is_no_token_is_refused(standing: Service, authorization: str) -> None:
    assert_refused(standing.send({"Authorization": authorization}))


@pytest.mark.parametrize("size", [17_000, 200_000])
def test_a_token_of_absurd_size_is_refused(standing: Service, size: int) -> None:
    assert standing.reason(ES.bearer(SIGN, {"x": "x" * size})) == "not a bearer token"
    assert standing.reason({"Authorization": "Bearer " + "a." * size}) == "not a bearer token"


def test_a_token_with_a_long_header_is_taken(standing: Service) -> None:
    assert standing.send(ES.bearer(SIGN, {"x": "x" * 4000})).status_code == 200


LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"))
MEMBER = st.sampled_from([*"abc", "alg", "typ", "kid", "jku", "crit", "b64", "iss", "aud", "exp", "iat", "jti", "nbf"])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["ES384", ISS, BASE + SIGN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBER, inner, max_size=3),
)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)


@FUZZ
@given(LATIN)
def test_any_header_text_is_refused(standing: Service, text: str) -> None:
    assert_refused(standing.send({"Authorization": text}))
    assert_refused(standing.send({"Authorization": f"Bearer {text}"}))


@FUZZ
@given(st.dictionaries(MEMBER, VALUE), st.dictionaries(MEMBER, VALUE))
def test_any_members_signed_by_a_stranger_are_refused(
    standing: Service, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    assert_refused(standing.send(EVIL.bearer(SIGN, header, **claims)))


@FUZZ
@given(st.binary(), st.binary(), st.binary())
def test_any_bytes_in_three_parts_are_refused(standing: Service, header: bytes, claims: bytes, sign: bytes) -> None:
    token = f"{segment(header)}.{segment(claims)}.{segment(sign)}"
    assert_refused(standing.send({"Authorization": f"Bearer {token}"}))


# ---- what a stranger learns


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        SIGN,
        f"{SIGN}/feedback",
        "/cds-services/no-such-service",
        "/cds-services/",
        "/cds-services/a/b/c",
        "/cds-services/second%2Dopinion-order-sign",
        "/cds-services/%2e%2e/why",
    ],
)
def test_below_cds_services_a_stranger_learns_nothing(standing: Service, method: str, path: str) -> None:
    response = standing.http.open(path, method=method)
    assert response.status_code == 401
    assert response.data == (b"" if method == "HEAD" else REFUSAL)


@pytest.mark.parametrize("path", ["//cds-services/second-opinion-order-sign", "/CDS-SERVICES/x", "/cds-servicesx"])
def test_no_spelling_of_a_path_leads_past_the_gate(standing: Service, path: str) -> None:
    assert standing.http.post(path, json=CALL).status_code in (308, 401, 404)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {"Content-Type": "application/json"}),
        (b"", {}),
        (b"<x/>", {"Content-Type": "text/xml"}),
        (b" " * (33 * 2**20), {"Content-Type": "application/json"}),
    ],
)
def test_a_stranger_is_refused_before_the_body_is_judged(
    standing: Service, body: bytes, headers: dict[str, str]
) -> None:
    assert_refused(standing.http.post(SIGN, data=body, headers=headers))


def test_a_known_client_learns_what_is_wrong_with_its_call(standing: Service) -> None:
    unknown = "/cds-services/no-such-service"
    assert standing.send(ES.bearer(SIGN), call=[]).status_code == 400
    assert standing.send(ES.bearer(unknown), unknown).status_code == 404
    assert standing.http.put(SIGN, headers=ES.bearer(SIGN)).status_code == 405
    assert standing.http.post(SIGN, data=b"x", content_type="text/xml", headers=ES.bearer(SIGN)).status_code == 415
    assert standing.http.post(DISCOVERY, headers=ES.bearer(DISCOVERY)).status_code == 405


def test_discovery_needs_no_token_and_refuses_a_bad_one(standing: Service) -> None:
    assert standing.http.get(DISCOVERY).status_code == standing.http.head(DISCOVERY).status_code == 200
    assert standing.http.get(DISCOVERY, headers=ES.bearer(DISCOVERY)).status_code == 200
    assert_refused(standing.http.get(DISCOVERY, headers=EVIL.bearer(DISCOVERY)))
    assert_refused(standing.http.get(DISCOVERY, headers=ES.bearer(SIGN)))
    assert_refused(standing.http.get(DISCOVERY, headers={"Authorization": ""}))
    assert_refused(standing.http.post(DISCOVERY))


def test_the_page_behind_the_card_needs_no_token(standing: Service) -> None:
    assert standing.http.get("/why").status_code == 200
    assert standing.http.get("/nowhere").status_code == 404


# ---- browsers

ORIGIN = "https://ehr.example"


def asked_from(origin: str, **more: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
        **more,
    }


@pytest.fixture
def browsers(tmp_path: Path, server: KeyServer) -> Service:
    return Service(tmp_path, server, f'origins = ["{ORIGIN}", "http://[::1]:8080"]')


@pytest.mark.parametrize("path", [DISCOVERY, SIGN])
@pytest.mark.parametrize("origin", [ORIGIN, "http://[::1]:8080"])
def test_a_preflight_needs_no_token(browsers: Service, path: str, origin: str) -> None:
    response = browsers.http.options(path, headers=asked_from(origin))
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", f"{ORIGIN}.evil.example", f"{ORIGIN}:8443", "http://ehr.example", "null", "http://:", ""],
)
def test_other_origins_are_told_nothing(browsers: Service, origin: str) -> None:
    for response in (
        browsers.http.options(SIGN, headers=asked_from(origin)),
        browsers.http.post(SIGN, json=CALL, headers={"Origin": origin} | ES.bearer(SIGN)),
        browsers.http.post(SIGN, json=CALL, headers=ES.bearer(SIGN)),
    ):
        assert "Access-Control-Allow-Origin" not in response.headers


def test_errors_carry_the_headers_too(browsers: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    origin = {"Origin": ORIGIN}
    answers = [
        browsers.http.post(SIGN, headers=origin),
        browsers.http.post(SIGN, json=[], headers=origin | ES.bearer(SIGN)),
        browsers.http.put(SIGN, headers=origin | ES.bearer(SIGN)),
    ]
    monkeypatch.setattr("cds_hooks.door.read_call", broken)
    browsers.app.testing = False
    answers.append(browsers.http.post(SIGN, json=CALL, headers=origin | ES.bearer(SIGN)))
    assert [answer.status_code for answer in answers] == [401, 400, 405, 500]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {ORIGIN}


def test_without_origins_no_browser_is_told_anything(standing: Service) -> None:
    response = standing.http.options(SIGN, headers=asked_from(ORIGIN))
    assert response.status_code == 204
    assert "Access-Control-Allow-Origin" not in response.headers


# ---- the log


def test_nothing_of_a_token_is_logged_or_answered(
    tmp_path: Path, server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    trust = read_trust(write_trust(tmp_path, f'jku = "{server.jku}"'))
    told: list[tuple[str, str]] = []
    listeners = Listeners(refused=(lambda reason, client: told.append((reason, client)),))
    client = create_app(BASE, lambda: TODAY, gate=gate_for(trust, tmp_path), listeners=listeners).test_client()
    canary = "Quackenbush"
    said: dict[str, Any] = {"jti": canary, "sub": canary, "tenant": canary}
    good = ES.bearer(SIGN, {"x": canary}, **said)
    tokens = [
        good,
        good,
        EVIL.bearer(SIGN, {"kid": canary}, **said),
        ES.bearer(SIGN, {"jku": f"https://{canary}.example"}, **said),
        ES.bearer(SIGN, **said | {"iss": canary, "aud": canary}),
        {"Authorization": f"Bearer {canary}"},
        {"Authorization": canary},
    ]
    with caplog.at_level(logging.DEBUG):
        answers = [client.post(SIGN, json=CALL, headers=token) for token in tokens]
    assert [answer.status_code for answer in answers] == [200] + [401] * 6
    everything = f"{told}{caplog.text}" + "".join(f"{answer.text}{answer.headers}" for answer in answers)
    assert canary not in everything
    for token in tokens[:5]:
        assert all(part not in everything for part in token["Authorization"].split()[1].split("."))
    assert told == [
        ("used before", ISS),
        ("unknown key", ISS),
        ("unlisted jku", ISS),
        ("unknown issuer", ""),
        ("not a JWT", ""),
        ("not a bearer token", ""),
    ]
