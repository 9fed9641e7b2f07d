"""`second-opinion trust check`: says what a trust file allows, and what is wrong with it or its keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec import json
from signing import KeyServer, Signer, jwks, key_server, write_trust

from plugin import settings
from plugin.cli import main
from second_opinion.errors import KnowledgeError

APP = """
[[smart_ehr]]
iss = "https://ehr.example/fhir/r4"
client_id = "second-opinion"
auth = "private_key_jwt"
frame_ancestors = ["https://frames.example"]
"""


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server(Signer(kid="new-key"), Signer("ES256", kid="other")) as running:
        yield running


def check(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, ["trust", "check", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done


def report(*arguments: str | Path) -> dict[str, Any]:
    decoded: dict[str, Any] = json.decode(check("--json", *arguments).stdout)
    return decoded


def words_of(done: Result) -> str:
    """What it says, without the line breaks that a narrow terminal needs."""
    return " ".join(done.stdout.split())


def test_it_says_who_may_do_what(tmp_path: Path, server: KeyServer) -> None:
    client = 'tenants = ["north"]\nfhir_servers = ["https://ehr.example/fhir/r4/"]\norigins = ["https://ehr.example"]'
    done = check(write_trust(tmp_path, f'jku = "{server.jku}"\n{client}\n{APP}'))
    assert done.exit_code == 0
    for words in (
        "https://second-opinion.example/cds-services/second-opinion-order-sign",
        f"Keys fetched from: {server.jku}",
        "Signs with: ES384, RS384",
        "Tenants: north",
        "Its access tokens may be sent to: https://ehr.example/fhir/r4",
        "Browsers may call from: https://ehr.example",
        "new-key EC P-384 ES384",
        "Of no use: other (EC P-256): none of ES384, RS384",
        "We are registered there as: second-opinion",
        "To register there: launch address: https://second-opinion.example/launch",
        "To register there: redirect address: https://second-opinion.example/callback",
        "To register there: address of our public keys: https://second-opinion.example/.well-known/jwks.json",
        "STILL MISSING: SECOND_OPINION_SMART_KEY is not set",
        "The app may be framed by: https://frames.example",
        "Warning: its keys come over plain http.",
    ):
        assert words in words_of(done)
    assert "WRONG" not in done.stdout and done.stdout.count("Warning") == 1


def test_what_is_wide_open_or_weak_gets_a_warning(tmp_path: Path) -> None:
    (tmp_path / "k.json").write_bytes(jwks(Signer("RS256", kid=None)))
    done = check(write_trust(tmp_path, 'jwks_file = "k.json"\nalgorithms = ["RS256"]'))
    assert done.exit_code == 0
    for words in (
        f"Keys pinned in: {tmp_path / 'k.json'}",
        "(no kid) RSA 2048 RS256",
        "Tenants: any",
        "Its access tokens may be sent to: nowhere",
        "Browsers may call from: none",
        "Warning: calls of any tenant are taken.",
        "Warning: RS256 is allowed; CDS Hooks recommends ES384 and RS384.",
        "Warning: no fhir_servers: what prefetch leaves out cannot be looked up",
        "Warning: a key has no kid",
    ):
        assert words in words_of(done)


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b'{"keys": []}', 200, ""),
        (jwks(Signer("ES256")), 200, "none of ES384, RS384"),
        (b"<html>", 200, "it is not JSON"),
        (b"", 404, "it answered 404, not 200"),
    ],
)
def test_a_jku_without_keys_for_us_is_wrong_and_says_why(
    tmp_path: Path, server: KeyServer, body: bytes, status: int, why: str
) -> None:
    server.body, server.status = body, status
    done = check(write_trust(tmp_path, f'jku = "{server.jku}"'))
    assert done.exit_code == 1
    assert "WRONG: it has no key that we can use, so every call is refused." in words_of(done)
    assert why in words_of(done)


def test_offline_nothing_is_fetched(tmp_path: Path, server: KeyServer) -> None:
    path = write_trust(tmp_path, f'jku = "{server.jku}"')
    done = check("--offline", path)
    assert done.exit_code == 0
    assert "Its keys were not looked at (--offline)." in words_of(done)
    assert report("--offline", path)["cds_clients"][0]["keys"] is None
    assert server.calls == []


def test_where_nothing_is_wide_open_there_is_no_warning(tmp_path: Path) -> None:
    client = 'jku = "https://ehr.example/jwks"\ntenants = ["north"]\nfhir_servers = ["https://ehr.example/fhir"]'
    assert "Warning" not in check("--offline", write_trust(tmp_path, client)).stdout


def test_what_the_app_has_been_given_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(f'base_url = "https://second-opinion.example"\n{APP.replace("private_key_jwt", "client_secret")}')
    monkeypatch.setenv("SECOND_OPINION_CLIENT_SECRET", "a-secret")
    said = words_of(check(path))
    assert "STILL MISSING" not in said and "a-secret" not in said
    assert "public keys" not in said


def test_the_server_does_not_start_without_what_an_ehr_wants_of_us(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(f'base_url = "https://second-opinion.example"\n{APP}', "utf-8")
    with pytest.raises(KnowledgeError, match="SECOND_OPINION_SMART_KEY is not set"):
        settings.production({"SECOND_OPINION_TRUST": str(path), "SECOND_OPINION_SECRET_KEY": "x" * 32})


def test_machines_get_json(tmp_path: Path, server: KeyServer) -> None:
    told = report(write_trust(tmp_path, f'jku = "{server.jku}"\norigins = ["https://ehr.example"]\n{APP}'))
    (client,) = told["cds_clients"]
    assert client["keys"] == [{"kid": "new-key", "kind": "EC P-384", "algorithms": ["ES384"]}]
    assert client["left_out"] == ["other (EC P-256): none of ES384, RS384"]
    assert (told["origins"], told["frame_ancestors"]) == (["https://ehr.example"], ["https://frames.example"])
    assert told["smart_ehrs"][0]["client_id"] == "second-opinion"


def test_a_file_for_the_app_alone_lets_nobody_call(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(f'base_url = "https://second-opinion.example"\n{APP}', "utf-8")
    done = check(path)
    assert done.exit_code == 0
    assert "No [[cds_client]]: nobody may call the CDS service." in words_of(done)


def test_a_file_that_is_wrong_or_not_there_is_said_with_its_place(tmp_path: Path) -> None:
    path = write_trust(tmp_path, 'jku = "http://ehr.example/jwks"')
    done = check(path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {path}, line 5: ") and "Use https" in done.stderr
    done = check(tmp_path / "nowhere.toml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nowhere.toml cannot be read" in done.stderr


def test_the_example_in_the_help_is_a_trust_file(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["trust", "check", "--help"], terminal_width=200)
    example = done.stdout[done.stdout.index("base_url") : done.stdout.index("docs/trust.md")]
    path = tmp_path / "trust.toml"
    path.write_text(example, "utf-8")
    assert check("--offline", path).exit_code == 0


def test_settings_name_the_file_and_the_secret(tmp_path: Path) -> None:
    path = write_trust(tmp_path, 'jku = "https://ehr.example/jwks"')
    environment = {"SECOND_OPINION_TRUST": str(path), "SECOND_OPINION_SECRET_KEY": "x" * 32}
    assert settings.trust(environment).base_url == "https://second-opinion.example"
    assert settings.secret_key(environment) == "x" * 32
    with pytest.raises(KnowledgeError, match="fewer than 32 characters"):
        settings.secret_key({"SECOND_OPINION_SECRET_KEY": "x" * 31})
