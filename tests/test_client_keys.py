"""The keys behind a jku: which are of use, how long they are believed, and how seldom they are asked for."""

import gzip
import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from signing import ISS, KeyServer, Signer, jwks, key_server, segment

from ehr import keys as ehr_keys
from ehr.jwks import fitting, read_jwks
from ehr.keys import ClientKeys, fetch_jwks
from ehr.trust import CdsClient

A, B = Signer(), Signer(kid="b", name="b")
MINUTE, DAY = 60, 24 * 60 * 60


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server(A) as running:
        yield running


class Client:
    """A client whose keys are at a server, and a clock to move."""

    def __init__(self, jku: str) -> None:
        self.clock = Clock()
        self.client = CdsClient(iss=ISS, jku=jku)
        self.keys = ClientKeys([self.client], self.clock)

    def knows(self, kid: str | None = "a", algorithm: str = "ES384") -> bool:
        return self.keys.key_for(self.client, kid, algorithm) is not None

    def later(self, seconds: float) -> None:
        self.clock.now += seconds


@pytest.fixture
def client(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    """It waits for each fetch to its end, however busy the machine is: what is counted depends on it."""
    monkeypatch.setattr(ehr_keys, "_TIMEOUT", 60.0)
    monkeypatch.setattr(ehr_keys, "_WAIT_WITH_OLD_KEYS", 60.0)
    return Client(server.jku)


# ---- how often


def test_nothing_is_fetched_before_a_token_needs_it_and_then_once(client: Client, server: KeyServer) -> None:
    assert server.calls == []
    assert all(client.knows() for _ in range(50))
    assert server.calls == ["/jwks.json"]


def test_unknown_kids_make_us_ask_once_in_fifteen_seconds(client: Client, server: KeyServer) -> None:
    assert not any(client.knows(f"made-up-{number}") for number in range(200))
    assert len(server.calls) == 1
    client.later(14)
    assert not client.knows("made-up")
    assert len(server.calls) == 1
    client.later(1)
    assert not any(client.knows(f"made-up-{number}") for number in range(200))
    assert len(server.calls) == 2


def test_callers_at_once_share_one_fetch(client: Client, server: KeyServer) -> None:
    server.seconds = 0.3
    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(lambda _: client.knows(), range(20)))
    assert len(server.calls) == 1


def test_clients_with_the_same_jku_share_its_keys(server: KeyServer) -> None:
    clients = [CdsClient(iss=ISS, jku=server.jku, tenants=(tenant,)) for tenant in "ab"]
    keys = ClientKeys(clients, Clock())
    assert all(keys.key_for(client, "a", "ES384") for client in clients)
    assert len(server.calls) == 1


# ---- rotation


def test_a_new_key_works_within_a_minute(client: Client, server: KeyServer) -> None:
    assert client.knows()
    server.body = jwks(A, B)
    client.later(15)
    assert client.knows("b")


def test_a_removed_key_stops_working_at_the_next_refresh(client: Client, server: KeyServer) -> None:
    assert client.knows()
    server.body = jwks(B)
    client.later(10 * MINUTE)
    assert client.knows()
    client.later(1)
    assert not client.knows() and client.knows("b")
    server.body = b'{"keys": []}'
    client.later(10 * MINUTE + 1)
    assert not client.knows("b")


@pytest.mark.parametrize("failure", ["500", "redirect", "not JSON", "gone"])
def test_while_a_jku_cannot_be_had_its_keys_go_on_being_used_for_a_day(
    client: Client, server: KeyServer, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.knows()
    server.status = {"500": 500, "redirect": 302, "gone": 404}.get(failure, 200)
    server.body = b"<html>"
    for _ in range(24):
        client.later(59 * MINUTE)
        assert client.knows()
    client.later(24 * MINUTE + 1)
    assert not client.knows()
    assert len(server.calls) == 26
    assert f"the keys at {server.jku} could not be read" in caplog.text
    server.status, server.body = 200, jwks(A)
    client.later(15)
    assert client.knows()


def test_a_jku_that_hangs_holds_up_nobody_whose_key_we_have(
    client: Client, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ehr_keys, "_WAIT_WITH_OLD_KEYS", 0.25)
    assert client.knows()
    server.answering.clear()
    server.body = jwks(A, B)
    client.later(11 * MINUTE)
    assert all(client.knows() for _ in range(3))
    server.answering.set()
    assert client.knows("b"), "nobody had waited for the end of this fetch"
    assert len(server.calls) == 2


def test_a_jku_that_was_down_at_the_start_is_asked_again(client: Client, server: KeyServer) -> None:
    server.status = 503
    assert not client.knows()
    server.status = 200
    assert not client.knows()
    client.later(15)
    assert client.knows()


# ---- what is not taken


def test_a_redirect_is_not_followed(client: Client, server: KeyServer) -> None:
    with key_server(A) as elsewhere:
        server.status, server.headers = 302, {"Location": elsewhere.jku}
        assert not client.knows()
        with pytest.raises(ValueError, match="it answered 302, not 200"):
            fetch_jwks(server.jku)
        assert elsewhere.calls == []


def test_the_proxy_that_the_environment_names_is_asked_but_for_this_machine_and_exceptions(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with key_server(A) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert len(fetch_jwks("http://keys.example/jwks.json").keys) == 1
        assert proxy.calls == ["http://keys.example/jwks.json"]
        fetch_jwks(server.jku)
        monkeypatch.setenv("no_proxy", "localhost")
        with pytest.raises(ValueError, match="NewConnectionError"):
            fetch_jwks("http://localhost:1/jwks.json")
        assert len(proxy.calls) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_too_long_is_not_taken_also_when_packed_small(server: KeyServer, packed: bool) -> None:
    long = jwks(A) + b" " * 300_000
    server.body = gzip.compress(long) if packed else long
    server.headers = {"Content-Encoding": "gzip"} if packed else {}
    with pytest.raises(ValueError, match="longer than 262144 bytes"):
        fetch_jwks(server.jku)


def test_an_answer_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ehr_keys, "_TIMEOUT", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as slow, ThreadPoolExecutor(1) as threads:

        def trickle() -> None:
            connection, _ = slow.accept()
            with closing(connection):
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                try:
                    for _ in range(40):
                        connection.sendall(b" ")
                        time.sleep(0.05)
                except OSError:
                    pass  # it has hung up on us

        threads.submit(trickle)
        with pytest.raises(ValueError, match="it took longer than"):
            fetch_jwks(f"http://127.0.0.1:{slow.getsockname()[1]}/")


def test_a_server_that_is_not_there_or_speaks_no_http_says_so(server: KeyServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ValueError, match="NewConnectionError"):
        fetch_jwks(f"http://127.0.0.1:{port}/")
    with pytest.raises(ValueError, match="SSLError"):
        fetch_jwks(f"https://127.0.0.1:{server.port}/")


def test_a_fetch_that_fails_logs_the_jku_and_no_more(
    client: Client, server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 500
    with caplog.at_level(logging.DEBUG, "second_opinion"):
        assert not client.knows("made-up-kid")
    assert caplog.messages == [f"the keys at {server.jku} could not be read: it answered 500, not 200"]


# ---- which keys are of use


@pytest.mark.parametrize(
    ("jwk", "why"),
    [
        ({"kty": "oct", "k": "c2VjcmV0"}, "it holds a secret"),
        (A.jwk | {"d": "AA"}, "it holds a secret"),
        ({"kty": "oct"}, "its kty 'oct' is none of RSA, EC, OKP"),
        (A.jwk | {"use": "enc"}, "it is not meant for checking signatures"),
        (A.jwk | {"key_ops": ["encrypt"]}, "it is not meant for checking signatures"),
        (A.jwk | {"key_ops": []}, "it is not meant for checking signatures"),
        (A.jwk | {"alg": "ES256"}, "no algorithm fits it (EC P-384 ES256)"),
        (A.jwk | {"alg": "HS256"}, "no algorithm fits it"),
        (A.jwk | {"crv": "secp256k1"}, "no algorithm fits it"),
        (A.jwk | {"crv": "Ed25519"}, "no algorithm fits it"),
        (Signer("EdDSA").jwk | {"crv": "P-384"}, "no algorithm fits it"),
        (Signer("EdDSA").jwk | {"crv": "X25519"}, "no algorithm fits it"),
        (A.jwk | {"x": "AA"}, "its numbers make no key"),
        (A.jwk | {"x": "???"}, "its numbers make no key"),
        (Signer("EdDSA").jwk | {"x": "AA"}, "its numbers make no key"),
        (Signer("RS384").jwk | {"e": "AA"}, "its numbers make no key"),
        (Signer("RS384").jwk | {"n": "???"}, "it has 0 bits"),
        (
            {"kty": "RSA", "e": "AQAB", "n": segment(b"\xff" * 128)},
            "it has 1024 bits; at least 2048",
        ),
        (Signer("RS384").jwk | {"n": "_" * 2000}, "at most 8192 are taken"),
    ],
)
def test_a_key_of_no_use_is_left_out_with_why_and_the_others_stay(jwk: dict[str, Any], why: str) -> None:
    read = read_jwks(json.encode({"keys": [jwk, B.jwk]}))
    assert [key.kid for key in read.keys] == ["b"]
    assert len(read.left_out) == 1 and read.left_out[0].startswith("key 1: ") and why in read.left_out[0]


def test_what_a_key_says_of_its_use_is_kept_to() -> None:
    signing = {"use": "sig", "key_ops": ["verify"], "alg": "RS384", "x5c": ["ignored"]}
    (key,) = read_jwks(json.encode([Signer("RS384").jwk | signing])).keys
    assert (key.algorithms, key.kind) == (("RS384",), "RSA 2048")


def test_a_token_without_kid_gets_the_only_key_that_fits(client: Client, server: KeyServer) -> None:
    server.body = jwks(A, Signer("RS384", kid=None))
    assert client.knows(None, "ES384") and client.knows(None, "RS384")
    assert not client.knows("b", "RS384") and not client.knows(None, "ES512")
    two = read_jwks(jwks(A, B)).keys
    assert fitting(two, None, "ES384") is None
    assert fitting(two, "b", "ES384") == two[1]


MEMBERS = st.sampled_from(["keys", "kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"])
VALUES = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "AQAB", "sig"]) | st.text() | st.integers()
JSON = st.recursive(VALUES | st.none(), lambda inner: st.lists(inner) | st.dictionaries(MEMBERS, inner))


@given(JSON | st.dictionaries(MEMBERS, VALUES))
def test_whatever_a_server_sends_is_keys_or_an_error_of_ours(content: Any) -> None:
    try:
        read = read_jwks(json.encode(content))
    except ValueError as problem:
        assert str(problem).startswith("it is no")
    else:
        assert all(key.algorithms for key in read.keys)
