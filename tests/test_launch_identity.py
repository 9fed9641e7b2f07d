"""Who signed in: an id_token is believed only if the EHR signed it, for this app and this sign-in."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import Key, OctKey
from launches import Clock, Place, place
from sign_in import CLIENT, USER, SignIn, sign_in
from signing import key_for, segment

from ehr.wire import Wire
from smart_app.errors import LaunchFailed
from smart_app.sign_in.configuration import Configuration
from smart_app.sign_in.identity import Identities, User

NONCE = "n-1"


@pytest.fixture
def server() -> Iterator[SignIn]:
    with sign_in() as started:
        started.nonce = NONCE
        yield started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identities(clock: Clock) -> Iterator[Identities]:
    wire = Wire(2)
    yield Identities(wire, clock)
    wire.close()


def found(server: SignIn, **more: Any) -> Configuration:
    told = server.configuration()
    known = {name: told[name] for name in ("authorization_endpoint", "token_endpoint", "issuer", "jwks_uri")}
    return Configuration(**(known | more))


def user_of(identities: Identities, server: SignIn, token: str | None = None, **config: Any) -> User:
    id_token = server.id_token() if token is None else token
    return identities.user_of(id_token, found(server, **config), CLIENT, NONCE, server.url)


def is_refused(identities: Identities, server: SignIn, token: str | None = None, **config: Any) -> bool:
    with pytest.raises(LaunchFailed) as failed:
        user_of(identities, server, token, **config)
    return failed.value.page == "wrong_identity"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "PS256", "ES256", "ES384"])
def test_a_good_token_names_the_user(identities: Identities, server: SignIn, algorithm: str) -> None:
    server.key = key_for("RS" if algorithm[0] in "RP" else algorithm, "ehr")
    server.published, server.header = [server.key], {"alg": algorithm}
    assert user_of(identities, server) == User(USER)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": ...},
        {"aud": "another-app"},
        {"aud": ...},
        {"aud": ["another-app"]},
        {"aud": [CLIENT, "another-app"]},
        {"aud": [CLIENT, "another-app"], "azp": "another-app"},
        {"exp": -120},
        {"exp": ...},
        {"exp": "soon"},
        {"nonce": "another"},
        {"nonce": ...},
        {"nbf": 600},
    ],
    ids=str,
)
def test_a_token_for_another_app_time_or_sign_in_is_refused(
    identities: Identities, server: SignIn, claims: dict[str, Any]
) -> None:
    """Times are seconds from now."""
    now = int(time.time())
    server.claims = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    assert is_refused(identities, server)


@pytest.mark.parametrize("claims", [{"aud": [CLIENT]}, {"aud": [CLIENT, "another-app"], "azp": CLIENT}], ids=str)
def test_a_token_may_name_several_audiences(identities: Identities, server: SignIn, claims: dict[str, Any]) -> None:
    server.claims = claims
    assert user_of(identities, server) == User(USER)


def test_nothing_unsigned_and_nothing_that_we_could_have_signed_is_believed(
    identities: Identities, server: SignIn
) -> None:
    _, claims, signature = server.id_token().split(".")
    unsigned = segment(b'{"alg":"none"}')
    public = key_for("ES384", "ehr").as_dict(private=False)
    shared = OctKey.import_key(str(public))
    now = {"iss": server.url, "aud": CLIENT, "exp": int(time.time()) + 300, "nonce": NONCE}
    symmetric = jwt.encode({"alg": "HS256", "kid": server.key.thumbprint()}, now, shared, algorithms=["HS256"])
    for token in (f"{unsigned}.{claims}.", f"{unsigned}.{claims}.{signature}", symmetric):
        assert is_refused(identities, server, token)


@pytest.mark.parametrize("token", ["not.a.jwt", "x", "..", "é", "[]" * 10_000, "a.b.c.d.e"])
def test_what_is_no_token_is_refused(identities: Identities, server: SignIn, token: str) -> None:
    assert is_refused(identities, server, token)


def test_a_token_signed_by_somebody_else_is_refused(identities: Identities, server: SignIn) -> None:
    header, claims, _ = server.id_token().split(".")
    server.key = key_for("ES384", "somebody else")
    assert is_refused(identities, server)
    server.header = {"kid": server.published[0].thumbprint()}
    assert is_refused(identities, server)
    assert is_refused(identities, server, f"{header}.{claims}.{segment(b'x' * 96)}")


def test_an_algorithm_that_the_ehr_does_not_list_is_refused(identities: Identities, server: SignIn) -> None:
    assert is_refused(identities, server, id_token_signing_alg_values_supported=("RS256",))
    assert user_of(identities, server, id_token_signing_alg_values_supported=("ES384", "HS256")) == User(USER)


def test_keys_are_fetched_once_and_a_new_one_is_found(identities: Identities, server: SignIn, clock: Clock) -> None:
    for _ in range(3):
        user_of(identities, server)
    assert server.paths == ["/keys"]
    later: Key = key_for("ES384", "ehr, later")
    server.key, server.published = later, [later]
    clock.now += 16
    assert user_of(identities, server) == User(USER)
    assert server.paths == ["/keys", "/keys"]


@pytest.mark.parametrize("config", [{"jwks_uri": ""}, {"issuer": ""}])
def test_where_nothing_is_published_to_judge_a_token_by_nobody_is_named(
    identities: Identities, server: SignIn, config: dict[str, Any]
) -> None:
    assert user_of(identities, server, "not.a.jwt", **config) == User()


def test_without_a_token_nobody_is_named(identities: Identities, server: SignIn) -> None:
    assert user_of(identities, server, "") == User()


@pytest.mark.parametrize(
    ("fhir_user", "reference"),
    [
        ("{iss}/Practitioner/7", USER),
        ("Practitioner/7", USER),
        ("PractitionerRole/a.b-c", "PractitionerRole/a.b-c"),
        ("https://other.example/fhir/Practitioner/7", "https://other.example/fhir/Practitioner/7"),
        ("{iss}/other/Practitioner/7", "{iss}/other/Practitioner/7"),
        ("Practitioner/7?x=1", ""),
        ("Practitioner/../Patient/1", ""),
        ("{iss}/../Practitioner/7", "{iss}/../Practitioner/7"),
        ("Organization/7", ""),
        ("javascript:alert(1)//Practitioner/7", ""),
        ("Practitioner/7\n", ""),
        ("https://x.example/" + "x" * 500 + "/Practitioner/7", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_fhir_user_is_a_reference_or_nothing(
    identities: Identities, server: SignIn, fhir_user: Any, reference: str
) -> None:
    told = fhir_user.format(iss=server.url) if isinstance(fhir_user, str) else fhir_user
    server.claims = {"fhirUser": told}
    assert user_of(identities, server).reference == reference.format(iss=server.url)


# ---- the name


def test_the_name_is_read_with_the_token_and_from_our_server_only(identities: Identities, server: SignIn) -> None:
    assert identities.name_of(User(USER), server.url, "token-1") == "Ada Okafor"
    assert server.authorized == ["Bearer token-1"]
    elsewhere = User(f"http://localhost:{server.server_port}/other/Practitioner/7", "Dr. A")
    assert identities.name_of(elsewhere, server.url, "token-1") == "Dr. A"
    assert identities.name_of(User("", "Dr. A"), server.url, "token-1") == "Dr. A"
    assert server.authorized == ["Bearer token-1"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": [{"text": "Dr.  Ada\\nOkafor"}]}', "Dr. Ada Okafor"),
        (b'{"name": [{}, {"prefix": ["Dr."], "given": ["Ada", 7], "family": "Okafor"}]}', "Dr. Ada Okafor"),
        (b'{"name": [{"given": "Ada"}, 7]}', "as told"),
        (b'{"name": {"text": "Ada"}}', "as told"),
        (b"[]", "as told"),
        (b"<html>", "as told"),
    ],
)
def test_a_name_is_read_leniently(identities: Identities, server: SignIn, body: bytes, name: str) -> None:
    server.way[f"/fhir/r4/{USER}"] = lambda: (200, body, {})
    assert identities.name_of(User(USER, "as told"), server.url, "token-1") == name


def test_a_name_that_cannot_be_had_is_not_waited_for(
    identities: Identities, server: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smart_app.sign_in.identity._SECONDS", 0.2)
    server.way[f"/fhir/r4/{USER}"] = lambda: (403, b"", {})
    assert identities.name_of(User(USER, "as told"), server.url, "token-1") == "as told"
    server.answering.clear()
    assert identities.name_of(User(USER, "as told"), server.url, "token-1") == "as told"


# ---- in a launch


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path) as made:
        yield made


def test_a_launch_with_a_token_that_does_not_hold_opens_nothing(there: Place) -> None:
    there.server.claims = {"nonce": "another"}
    page = there.launched(there.app.browser())
    assert page.status_code == 502 and "does not hold" in page.text
    assert there.server.authorized == []


def test_a_launch_without_a_token_opens_for_a_user_without_a_name(there: Place) -> None:
    there.server.answer = {"id_token": ...}
    launch = there.opened(there.app.browser())
    assert (launch.user, launch.user_name) == ("", "")


def test_where_the_server_does_not_tell_the_name_that_of_the_token_is_taken(there: Place) -> None:
    there.server.claims = {"name": "Ada Okafor, MD"}
    there.server.way[f"/fhir/r4/{USER}"] = lambda: (403, b"", {})
    assert there.opened(there.app.browser()).user_name == "Ada Okafor, MD"
