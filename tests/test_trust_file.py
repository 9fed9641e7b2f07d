"""The trust file: read strictly, with file, line and remedy for all that is wrong; and whom it trusts with what."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from signing import ISS, Signer, jwks, write_trust

from ehr.jwks import ALGORITHMS
from ehr.trust import Trust, may_send_token_to
from ehr.trust_file import read_trust
from ehr.urls import one_spelling, origin, same_place
from second_opinion.errors import KnowledgeError

DESIGNED = """
base_url = "https://second-opinion.example"        # ours, as EHRs call it

[[cds_client]]                                      # who may call the CDS service
iss = "https://ehr.example"
jku = "https://ehr.example/.well-known/jwks.json"
algorithms = ["ES384", "RS384"]
tenants = []                                        # empty: any
fhir_servers = ["https://ehr.example/fhir/r4"]
origins = ["https://ehr.example"]                   # CORS

[[smart_ehr]]                                       # which EHRs may launch the app
iss = "https://ehr.example/fhir/r4"
client_id = "second-opinion"
auth = "private_key_jwt"
frame_ancestors = ["https://ehr.example"]
"""
JKU = 'jku = "https://ehr.example/jwks"'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trust.toml"


def trusted(file: Path, text: str) -> Trust:
    file.write_text(text, "utf-8")
    return read_trust(file)


def test_the_file_as_documented_is_read(file: Path) -> None:
    trust = trusted(file, DESIGNED)
    assert trust.base_url == "https://second-opinion.example"
    (client,) = trust.clients_called(ISS)
    assert (client.jku, client.algorithms) == ("https://ehr.example/.well-known/jwks.json", ("ES384", "RS384"))
    assert (client.jwks_file, client.pinned, client.tenants) == (None, (), ())
    assert trust.origins == trust.frame_ancestors == ("https://ehr.example",)
    ehr = trust.smart_ehr("https://EHR.example:443/fhir/r4/")
    assert ehr and (ehr.client_id, ehr.auth) == ("second-opinion", "private_key_jwt")
    assert trust.smart_ehr("https://ehr.example/fhir") is None
    assert trust.clients_called("https://ehr.example/") == ()


def test_the_documented_file_is_one_that_can_be_read(file: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "trust.md").read_text("utf-8")
    for part in page.split("```toml\n")[1:]:
        text = part.partition("```")[0]
        (file.parent / "ehr.jwks.json").write_bytes(jwks(Signer("RS256")))
        assert trusted(file, text if "base_url" in text else f'base_url = "https://x.example"\n{text}')


def test_algorithms_are_es384_and_rs384_unless_said(tmp_path: Path) -> None:
    (client,) = read_trust(write_trust(tmp_path, JKU)).cds_clients
    assert client.algorithms == ("ES384", "RS384")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_with_a_key_pair_can_be_listed(tmp_path: Path, algorithm: str) -> None:
    (client,) = read_trust(write_trust(tmp_path, f'{JKU}\nalgorithms = ["{algorithm}"]')).cds_clients
    assert client.algorithms == (algorithm,)


# ---- what is wrong


@pytest.mark.parametrize(
    ("client", "line", "says"),
    [
        ("", 3, "needs one of jku (keys fetched there) and jwks_file (keys pinned), not both"),
        (f'{JKU}\njwks_file = "k.json"', 3, "needs one of jku"),
        (f"{JKU}\nkeys = 5", 6, "unknown field keys; docs/trust.md shows"),
        ("jku = 5", 5, "Expected str | null, got int"),
        (f"{JKU}\ntenants = [5]", 6, "Expected str, got int"),
        (f'{JKU}\ntenants = [""]', 6, "docs/trust.md shows"),
        (f'{JKU}\nalgorithms = ["HS256"]', 6, "HS256 is no algorithm we take: only those with a key pair"),
        (f'{JKU}\nalgorithms = ["ES384", "none"]', 6, "none is no algorithm we take"),
        (f'{JKU}\nalgorithms = ["ES999"]', 6, "Choose from ES256, ES384"),
        (f"{JKU}\nalgorithms = []", 6, 'no algorithm is listed. Write ["ES384", "RS384"], or leave it out'),
        (f'{JKU}\nalgorithms = "ES384"', 6, "Expected array, got str"),
        ('jku = "http://ehr.example/jwks"', 5, "could be read and changed on its way. Use https"),
        ('jku = "ehr.example/jwks"', 5, "is no address we take. Write it like"),
        ('jku = "file:///etc/passwd"', 5, "is no address we take"),
        (f'{JKU}\nfhir_servers = ["https://me@ehr.example/"]', 6, "is no address we take"),
        (f'{JKU}\nfhir_servers = ["https://ehr.example/fhir?x=1"]', 6, "is no address we take"),
        (f'{JKU}\nfhir_servers = ["https://ehr.example:99999/"]', 6, "no host and port that there can be"),
        (f'{JKU}\nfhir_servers = ["https://[::g]/"]', 6, "is no address we take"),
        (f'{JKU}\nfhir_servers = ["https://[:::]/"]', 6, "no host and port that there can be"),
        (f'{JKU}\norigins = ["https://ehr.example/app"]', 6, "more than an origin. Write it without a path"),
        (f'{JKU}\norigins = ["*"]', 6, "is no address we take"),
        (f'{JKU}\n[[cds_client]]\niss = "{ISS}"\n{JKU}', 7, "listed twice for any tenant. Keep one"),
        (
            f'{JKU}\ntenants = ["a"]\n[[cds_client]]\niss = "{ISS}"\n{JKU}\ntenants = ["b", "a"]',
            8,
            "listed twice for tenant a. Keep one, or give each tenants of its own",
        ),
        (f'{JKU}\n[[cds_client]]\niss = "https://other"\njku = "http://x.example"', 8, "Use https"),
        (f'{JKU}\n[[smart_ehr]]\niss = "https://e.example"\nauth = "public"', 6, "missing required field client_id"),
        (
            f'{JKU}\n[[smart_ehr]]\niss = "https://e.example"\nclient_id = "x"\nauth = "secret"',
            9,
            "Invalid enum value 'secret'",
        ),
        (
            f'{JKU}\n[[smart_ehr]]\niss = "https://e.example"\nclient_id = "x"\nauth = "public"\n'
            '[[smart_ehr]]\niss = "https://e.example/"\nclient_id = "x"\nauth = "public"\n',
            11,
            "listed twice. Keep one",
        ),
        (
            f'{JKU}\n[[smart_ehr]]\niss = "https://e.example"\nclient_id = "x"\nauth = "public"\n'
            'frame_ancestors = ["https://e.example; script-src *"]\n',
            10,
            "is no address we take",
        ),
    ],
)
def test_whatever_is_wrong_names_file_line_and_remedy(tmp_path: Path, client: str, line: int, says: str) -> None:
    path = write_trust(tmp_path, client)
    with pytest.raises(KnowledgeError) as problem:
        read_trust(path)
    assert str(problem.value).startswith(f"{path}, line {line}: ")
    assert says in str(problem.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("base_url = ", "not TOML: "),
        ("", "missing required field base_url"),
        ('base_url = "https://x.example"', "nobody is trusted. Add a [[cds_client]] or a [[smart_ehr]]"),
        (DESIGNED.replace("https://second", "http://second"), "line 2: 'http://second-opinion.example' could be read"),
        ('cds_client = [{jku = "https://x"}, {}]\nbase_url = "https://x"', "line 1: Object missing required field iss"),
        (f"{DESIGNED}\n[smart]\nx = 1", "line 18: Object contains unknown field smart"),
    ],
)
def test_a_file_wrong_as_a_whole_says_so(file: Path, text: str, says: str) -> None:
    with pytest.raises(KnowledgeError) as problem:
        trusted(file, text)
    assert str(file) in str(problem.value) and says in str(problem.value)


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    for path in (tmp_path / "nowhere.toml", tmp_path / "binary", tmp_path):
        with pytest.raises(KnowledgeError, match=r"cannot be read \(.*docs/trust.md shows how to write a trust file"):
            read_trust(path)


# ---- pinned keys


def test_pinned_keys_are_read_from_beside_the_trust_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ehr.jwks.json").write_bytes(jwks(Signer(), Signer("RS384", kid="b"), Signer("ES256", kid="c")))
    path = write_trust(tmp_path, 'jwks_file = "ehr.jwks.json"')
    monkeypatch.chdir("/")
    (client,) = read_trust(path).cds_clients
    assert [key.kid for key in client.pinned] == ["a", "b"]  # ES256 is not listed
    assert client.jwks_file == str(tmp_path / "ehr.jwks.json")


PRIVATE = {**Signer().jwk, "d": "x"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"", "it is not JSON"),
        (b"-----BEGIN PUBLIC KEY-----", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"5", "it is no JSON Web Key Set"),
        (b'{"kid": "a"}', "it is no JSON Web Key Set"),
        (b'{"keys": []}', "no key in it fits the algorithms"),
        (jwks(Signer("ES256")), "no key in it fits the algorithms"),
        (b'{"keys": [5]}', "key 1: it is no key: Expected `object`, got `int`"),
        (json.encode({"keys": [Signer().jwk | {"kid": 5}]}), "key 1: it is no key"),
        (json.encode(PRIVATE), "holds a secret key. Keep only public keys in it, and have that key changed"),
        (json.encode([Signer().jwk, {"kty": "oct", "k": "x"}]), "holds a secret key"),
        (json.encode([PRIVATE | {"use": "enc"}]), "holds a secret key"),
    ],
)
def test_pinned_keys_that_cannot_be_used_are_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "k.json").write_bytes(content)
    path = write_trust(tmp_path, 'jwks_file = "k.json"')
    with pytest.raises(KnowledgeError) as problem:
        read_trust(path)
    assert str(problem.value).startswith(f"{path}, line 5: {tmp_path / 'k.json'} ")
    assert says in str(problem.value)


@pytest.mark.parametrize("shape", ["a set", "a bare list", "one key"])
def test_a_bare_list_of_keys_or_one_key_will_do(tmp_path: Path, shape: str) -> None:
    jwk: dict[str, Any] = Signer().jwk
    content = {"a set": {"keys": [jwk]}, "a bare list": [jwk], "one key": jwk}[shape]
    (tmp_path / "k.json").write_bytes(json.encode(content))
    (client,) = read_trust(write_trust(tmp_path, 'jwks_file = "k.json"')).cds_clients
    assert [key.kid for key in client.pinned] == ["a"]


# ---- where tokens may be sent

SERVER = "https://ehr.example/fhir/r4"


@pytest.mark.parametrize(
    "same",
    [SERVER, f"{SERVER}/", "HTTPS://EHR.EXAMPLE/fhir/r4", "https://ehr.example:443/fhir/r4"],
)
def test_a_listed_server_is_known_in_each_spelling(file: Path, same: str) -> None:
    (client,) = trusted(file, DESIGNED).cds_clients
    assert may_send_token_to(client, same)


@pytest.mark.parametrize(
    "other",
    [
        "",
        "https://ehr.example",
        "https://ehr.example/fhir",
        f"{SERVER}/Patient",
        f"{SERVER}x",
        f"{SERVER}?x=1",
        f"{SERVER}#x",
        f"{SERVER}/../../evil",
        f"{SERVER}/%2e%2e",
        f"{SERVER} ",
        f"{SERVER}\n",
        f"\t{SERVER}",
        "http://ehr.example/fhir/r4",
        "https://ehr.example:8443/fhir/r4",
        "https://ehr.example:/fhir/r4",
        "https://ehr.example./fhir/r4",
        "https://ehr.example/FHIR/r4",
        "https://ehr.example\\@evil.example/fhir/r4",
        "https://ehr.example@evil.example/fhir/r4",
        "https://user:word@ehr.example/fhir/r4",
        "https://ehr.example.evil.example/fhir/r4",
        "https://evil.example/https://ehr.example/fhir/r4",
        "//ehr.example/fhir/r4",
        "ftp://ehr.example/fhir/r4",
        "https://ehr.examp\u212ae/fhir/r4",
    ],
)
def test_nowhere_else_may_a_token_be_sent(file: Path, other: str) -> None:
    (client,) = trusted(file, DESIGNED).cds_clients
    assert not may_send_token_to(client, other)


def test_a_client_without_servers_may_have_its_token_sent_nowhere(tmp_path: Path) -> None:
    (client,) = read_trust(write_trust(tmp_path, JKU)).cds_clients
    assert not may_send_token_to(client, SERVER)


@given(st.text())
def test_any_text_for_an_address_is_answered(text: str) -> None:
    assert same_place(text, text) in (True, False)
    assert not same_place(text, SERVER) or text.lower().startswith("https://ehr.example")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "LOCALHOST:8080"])
def test_plain_http_is_taken_for_this_machine(host: str) -> None:
    assert one_spelling(f"http://{host}/fhir/") == f"http://{host.lower()}/fhir"


@pytest.mark.parametrize("host", ["10.0.0.1", "[::2]", "localhost.example", "2130706433", "127.1", "0x7f.1"])
def test_plain_http_is_taken_for_no_other(host: str) -> None:
    with pytest.raises(ValueError, match="Use https; http is for this machine only"):
        one_spelling(f"http://{host}/fhir")


def test_origins_are_spelled_as_browsers_spell_them() -> None:
    assert origin("HTTPS://Ehr.Example:443/") == "https://ehr.example"
    assert origin("http://[::1]:80") == "http://[::1]"
    assert origin("https://ehr.example:8443") == "https://ehr.example:8443"


def test_one_issuer_may_serve_several_organisations_each_a_client_of_its_own(tmp_path: Path) -> None:
    trust = read_trust(
        write_trust(tmp_path, f'{JKU}\ntenants = ["a"]\n[[cds_client]]\niss = "{ISS}"\n{JKU}\ntenants = ["b"]')
    )
    assert [client.tenants for client in trust.clients_called(ISS)] == [("a",), ("b",)]
