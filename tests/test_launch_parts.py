"""What a launch is made of: the scopes it asks for, the key it signs with, the hints that come with a token."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OctKey
from launches import Clock
from sign_in import SignIn, sign_in
from signing import key_for

from ehr.trust import SmartEhr, Trust
from ehr.wire import Wire
from plugin import settings
from second_opinion.data_needs import smart_scopes
from second_opinion.errors import KnowledgeError
from smart_app.errors import LaunchFailed
from smart_app.sign_in.configuration import Configurations, endpoint
from smart_app.sign_in.credentials import ClientKey, Credentials, read_client_key
from smart_app.sign_in.registration import REGISTRATION
from smart_app.sign_in.scopes import data_scopes, scopes_for
from smart_app.sign_in.token_answer import Hints, banner_of, hints_of, orders_of
from smart_app.sign_in.tokens import Tokens, new_request

CARD = "0b0c7c3e-0d8b-4a44-9d0e-5a1f0e1d2c3b"
_SHORT = 1024
VERSION_2 = ["permission-v2"]


# ---- scopes


def test_what_is_asked_for_covers_what_the_rules_read_and_the_pages_write_and_is_never_everything() -> None:
    scopes = scopes_for(VERSION_2, [])
    for needed in smart_scopes():
        kind = needed.removesuffix("rs")
        assert any(scope.startswith(kind) and {"r", "s"} <= set(scope.rpartition(".")[2]) for scope in scopes)
    assert {"patient/ServiceRequest.crus", "patient/Observation.crus", "patient/Procedure.crus"} <= set(scopes)
    assert not any("*" in scope for scope in scopes)
    assert len(set(scopes)) == len(scopes)


@pytest.mark.parametrize(
    ("capabilities", "known", "later"),
    [
        (["permission-online", "permission-offline"], [], ["online_access"]),
        (["permission-offline"], [], ["offline_access"]),
        ([], ["offline_access", "online_access"], ["online_access"]),
        ([], [], []),
    ],
)
def test_access_lasts_while_the_user_is_there_if_the_ehr_has_such(
    capabilities: list[str], known: list[str], later: list[str]
) -> None:
    asked = scopes_for([*VERSION_2, *capabilities], known)
    assert [scope for scope in asked if scope.endswith("_access")] == later


def test_a_server_that_knows_both_versions_is_asked_in_the_second() -> None:
    assert scopes_for(["permission-v1", *VERSION_2], []) == scopes_for([], [])
    assert set(data_scopes()) <= set(scopes_for([], []))
    assert {"patient/Procedure.read", "patient/Procedure.write"} <= set(scopes_for(["permission-v1"], []))
    assert "patient/Goal.write" not in scopes_for(["permission-v1"], [])


def test_the_registration_names_our_addresses_and_the_known_sandboxes() -> None:
    assert (REGISTRATION.paths.launch, REGISTRATION.paths.redirect) == ("/launch", "/callback")
    assert REGISTRATION.paths.jwks == "/.well-known/jwks.json"
    assert all(sandbox.fhir_version == "R4" for sandbox in REGISTRATION.sandboxes)


# ---- hints


@pytest.mark.parametrize(
    ("written", "hints"),
    [
        (json.dumps({"v": 1, "card": CARD, "findings": ["repeat_surgery"]}), Hints(CARD, ("repeat_surgery",))),
        ({"card": CARD, "findings": ["unknown", "indication", 7]}, Hints(CARD, ("indication",))),
        (json.dumps({"v": 1, "card": "<script>", "findings": "repeat_surgery"}), Hints()),
        (json.dumps({"v": 2, "card": CARD}), Hints()),
        ("[]", Hints()),
        ("not JSON", Hints()),
        ("\ud800", Hints()),
        ("[" * 4000, Hints()),
        (json.dumps({"card": CARD, "padding": "x" * 5000}), Hints()),
        (None, Hints()),
        (7, Hints()),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, str) else ascii(value[:40]),
)
def test_a_cards_link_is_followed_as_far_as_it_is_understood(written: Any, hints: Hints) -> None:
    assert hints_of(written) == hints


@pytest.mark.parametrize(
    ("written", "orders"),
    [
        ([{"reference": "ServiceRequest/9"}, {"reference": "Appointment/2", "role": "launch"}],
         ("ServiceRequest/9", "Appointment/2")),
        ([{"reference": "ServiceRequest/9"}] * 3, ("ServiceRequest/9",)),
        ([{"reference": "ServiceRequest/9", "role": "https://other.example"}], ()),
        ([{"reference": "ImagingStudy/9"}, {"reference": 7}, {"canonical": "x"}, "x", {"reference": "ServiceRequest/"}],
         ()),
        ([{"reference": "Patient/1"}] * 30 + [{"reference": "ServiceRequest/9"}], ()),
        ({"reference": "ServiceRequest/9"}, ()),
        (["ServiceRequest/9", "Patient/1", "https://other.example/ServiceRequest/9"], ("ServiceRequest/9",)),
    ],
)  # fmt: skip
def test_orders_that_the_ehr_points_to_are_those_about_this_launch(written: Any, orders: tuple[str, ...]) -> None:
    assert orders_of(written) == orders


@pytest.mark.parametrize(
    ("said", "is_needed"),
    [(True, True), (None, True), ("no", True), (0, True), ({}, True), (False, False), ("false", False)],
)
def test_who_the_patient_is_is_shown_unless_the_ehr_says_that_it_does(said: Any, is_needed: bool) -> None:
    assert banner_of(said) is is_needed


# ---- the key


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_the_key_may_be_pem_or_jwk_and_has_one_name(tmp_path: Path, algorithm: str) -> None:
    key = key_for(algorithm, "app")
    (tmp_path / "key.pem").write_bytes(_pem(algorithm, private=True))
    (tmp_path / "key.json").write_text(json.dumps(key.as_dict(private=True)))
    pem, jwk = read_client_key(tmp_path / "key.pem"), read_client_key(tmp_path / "key.json")
    assert pem.algorithm == jwk.algorithm == algorithm
    assert pem.public["kid"] == jwk.public["kid"]


def test_a_jwks_name_for_the_key_is_kept(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(json.dumps(key_for("ES384", "app").as_dict(private=True, kid="2026-11")))
    assert read_client_key(tmp_path / "key.json").public["kid"] == "2026-11"


def _pem(algorithm: str, private: bool) -> bytes:
    key = key_for(algorithm, "app")
    assert not isinstance(key, OctKey)
    return key.as_pem(private=private)


def _short_rsa() -> bytes:
    key = rsa.generate_private_key(65537, key_size=_SHORT)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(
    "content",
    [
        b"nonsense",
        b"",
        b"{",
        b'{"a": 1}',
        b'{"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQ"}',
        b'{"kty": "EC", "crv": "P-384", "x": "x", "y": "y"}',
        _pem("ES256", private=True),
        _pem("ES384", private=False),
        _short_rsa(),
    ],
    ids=range(9),
)
def test_a_file_that_is_no_key_of_ours_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KnowledgeError, match=r"key cannot be used: .+\. Make one with: openssl"):
        read_client_key(tmp_path / "key")


def test_a_file_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"cannot be read \(No such file or directory\)\. Name a PEM or JWK file"):
        read_client_key(tmp_path / "key")


def test_nothing_secret_is_shown_by_accident() -> None:
    key = ClientKey(key_for("ES384", "app"))
    asked = new_request("https://ehr.example", "https://second-opinion.example/callback", "openid", "xyz")
    shown = f"{key} {Credentials(key, 'a-secret')} {Tokens('an-access-token', 'a-refresh-token', {})} {asked}"
    assert shown == "ClientKey(...) Credentials(...) Tokens(...) Asked(...)"


# ---- settings


def trusting(*ways: Any) -> Trust:
    ehrs = tuple(SmartEhr(f"https://{way}.example".replace("_", "-"), "c", way) for way in ways)
    return Trust("https://second-opinion.example", smart_ehrs=ehrs)


@pytest.mark.parametrize(
    ("way", "variable"),
    [("private_key_jwt", "SECOND_OPINION_SMART_KEY"), ("client_secret", "SECOND_OPINION_CLIENT_SECRET")],
)
def test_what_an_ehr_wants_of_us_and_is_not_there_is_named(way: str, variable: str) -> None:
    with pytest.raises(KnowledgeError, match=f"{variable} is not set, and https://.* wants {way}"):
        settings.credentials(trusting(way), {})
    assert settings.credentials(trusting("public"), {}) == Credentials()


def test_key_and_secret_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(_pem("ES384", private=True))
    environment = {"SECOND_OPINION_SMART_KEY": str(tmp_path / "key.pem"), "SECOND_OPINION_CLIENT_SECRET": "a-secret"}
    found = settings.credentials(trusting("private_key_jwt", "client_secret"), environment)
    assert found.key and found.key.algorithm == "ES384" and found.secret == "a-secret"  # noqa: S105


# ---- what an EHR says of itself


@pytest.fixture
def server() -> Iterator[SignIn]:
    with sign_in() as started:
        yield started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def configurations(clock: Clock) -> Iterator[Configurations]:
    wire = Wire(2)
    yield Configurations(wire, clock)
    wire.close()


def _is_down(server: SignIn) -> None:
    server.way["/fhir/r4/.well-known/smart-configuration"] = lambda: (503, b"", {})


def test_what_was_read_is_good_for_ten_minutes_and_while_the_ehr_is_down_for_a_day(
    configurations: Configurations, server: SignIn, clock: Clock
) -> None:
    first = configurations.of(server.url)
    server.config = {"token_endpoint": "https://ehr.example/new"}
    assert configurations.of(server.url) == first
    clock.now += 601
    second = configurations.of(server.url)
    assert second.token_endpoint == "https://ehr.example/new"  # noqa: S105
    _is_down(server)
    clock.now += 23 * 60 * 60
    assert configurations.of(server.url) == second
    clock.now += 2 * 60 * 60
    with pytest.raises(LaunchFailed):
        configurations.of(server.url)


def test_an_ehr_that_is_down_is_asked_every_ten_seconds_and_believed_when_it_is_back(
    configurations: Configurations, server: SignIn, clock: Clock
) -> None:
    _is_down(server)
    for _ in range(5):
        with pytest.raises(LaunchFailed):
            configurations.of(server.url)
    asked = len(server.paths)
    server.way.clear()
    with pytest.raises(LaunchFailed):
        configurations.of(server.url)
    assert len(server.paths) == asked
    clock.now += 10
    assert configurations.of(server.url).issuer == server.url


@pytest.mark.parametrize("written", ["https://127.0.0.1/token", "https://localhost:8443/token", "https://[::1]/token"])
def test_an_ehrs_word_on_its_sign_in_leads_to_no_service_of_this_machine(written: str) -> None:
    assert endpoint("https://127.0.0.1/fhir", written) == written  # unless the EHR is one itself
    with pytest.raises(ValueError, match="not the EHR's"):
        endpoint("https://ehr.example/fhir", written)
