"""Keys, tokens as EHRs sign them (and as nobody should), a trust file, and a server of keys that counts its calls."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from joserfc.jwk import JWKRegistry, Key, OctKey
from joserfc.jws import JWSRegistry
from msgspec import json

Json = dict[str, Any]
BASE = "https://second-opinion.example"
ISS = "https://ehr.example"
_KINDS = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


@cache
def key_for(algorithm: str, name: str = "a") -> Key:
    """One key pair a kind and name, made once: RSA keys take their time."""
    kind = "OKP" if algorithm == "EdDSA" else "EC" if algorithm.startswith("ES") else "RSA"
    return JWKRegistry.generate_key(kind, _KINDS.get(algorithm, 2048))


@dataclass(frozen=True)
class Signer:
    """A client's key pair and what it writes into its tokens; a member overridden with `...` is left out."""

    algorithm: str = "ES384"
    kid: str | None = "a"
    iss: str = ISS
    name: str = "a"
    at: int | None = None  # the time it believes it is; by default it is right

    @property
    def key(self) -> Key:
        return key_for("RS" if self.algorithm[0] in "RP" else self.algorithm, self.name)

    @property
    def jwk(self) -> Json:
        return {**self.key.as_dict(private=False), **({"kid": self.kid} if self.kid else {})}

    @property
    def pem(self) -> bytes:
        key = self.key
        assert not isinstance(key, OctKey)
        return key.as_pem(private=False)

    def header(self) -> Json:
        return {"alg": self.algorithm, "typ": "JWT", **({"kid": self.kid} if self.kid else {})}

    def claims(self, path: str) -> Json:
        now = int(time.time()) if self.at is None else self.at
        return {"iss": self.iss, "aud": BASE + path, "iat": now, "exp": now + 300, "jti": str(uuid4())}

    def token(self, path: str, header: Json | None = None, **claims: Any) -> str:
        header = stated(self.header() | (header or {}))
        signed = f"{segment(json.encode(header))}.{segment(json.encode(stated(self.claims(path) | claims)))}"
        return f"{signed}.{segment(self.sign(signed.encode()))}"

    def sign(self, signed: bytes) -> bytes:
        return JWSRegistry.algorithms[self.algorithm].sign(signed, self.key)

    def bearer(self, path: str, header: Json | None = None, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(path, header, **claims)}"}


def stated(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not ...}


def segment(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def jwks(*signers: Signer) -> bytes:
    return json.encode({"keys": [signer.jwk for signer in signers]})


def write_trust(folder: Path, client: str, base_url: str = BASE, iss: str = ISS) -> Path:
    """A trust file with one client; `client` is what else stands below [[cds_client]]."""
    path = folder / "trust.toml"
    path.write_text(f'base_url = "{base_url}"\n\n[[cds_client]]\niss = "{iss}"\n{client}\n', "utf-8")
    return path


def served_settings(folder: Path, *signers: Signer) -> dict[str, str]:
    """What `serve` needs in its environment: a trust file with one client whose keys are pinned, and a secret."""
    folder.mkdir(exist_ok=True)
    (folder / "ehr.jwks.json").write_bytes(jwks(*signers))
    trust = write_trust(folder, 'jwks_file = "ehr.jwks.json"\norigins = ["https://ehr.example"]')
    return {"SECOND_OPINION_TRUST": str(trust), "SECOND_OPINION_SECRET_KEY": "a secret of the tests, long enough"}


@dataclass
class KeyServer:
    """Answers every path with `body`; `calls` are the paths asked for. It hangs while `answering` is cleared."""

    port: int = 0
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    calls: list[str] = field(default_factory=list)
    answering: Event = field(default_factory=Event)

    @property
    def jku(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"


@contextmanager
def key_server(*signers: Signer) -> Iterator[KeyServer]:
    """On loopback, with the signers' public keys to begin with."""
    served = KeyServer(body=jwks(*signers))
    served.answering.set()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.calls.append(self.path)
            served.answering.wait()
            time.sleep(served.seconds)
            self.send_response(served.status)
            for name, value in {"Content-Length": str(len(served.body)), **served.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, *_: Any) -> None:
            """Nothing: tests are silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    served.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
