"""An EHR's sign-in on loopback: configuration, token and keys over real HTTP, wrong in every way a test wants.

It keeps what it was asked. Its strict counterpart is the sandbox's authorization server.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import Key
from signing import key_for

Json = dict[str, Any]
CLIENT = "second-opinion"
CAPABILITIES = ["launch-ehr", "launch-standalone", "sso-openid-connect", "permission-v2", "permission-online"]
PATIENT = "ruth-keller"
USER = "Practitioner/7"


class TokenRequest:
    """One request of a token: its form, and who it says it is by Basic."""

    def __init__(self, body: bytes, authorization: str) -> None:
        self.form = dict(parse_qsl(body.decode()))
        basic = b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ""
        self.basic = tuple(basic.split(":", 1)) if basic else ()


class SignIn(ThreadingHTTPServer):
    """`config`, `answer` and `claims` are laid over what is right; `...` leaves a member out.

    `way` answers a path in place of the server: (status, body, headers).
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/fhir/r4"
        self.config: Json = {}
        self.answer: Json = {}
        self.refreshed: Json = {}
        self.claims: Json = {}
        self.header: Json = {}
        self.key: Key = key_for("ES384", "ehr")
        self.published: list[Key] = [self.key]
        self.way: dict[str, Callable[[], tuple[int, bytes, Json]]] = {}
        self.paths: list[str] = []
        self.tokens: list[TokenRequest] = []
        self.authorized: list[str] = []  # the Authorization headers that FHIR requests carried
        self.nonce = ""
        self.answering = Event()  # cleared: it hangs
        self.answering.set()

    def configuration(self) -> Json:
        root = self.url.removesuffix("/fhir/r4")
        right: Json = {
            "issuer": self.url,
            "authorization_endpoint": f"{root}/authorize",
            "token_endpoint": f"{root}/token",
            "jwks_uri": f"{root}/keys",
            "capabilities": CAPABILITIES,
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code"],
        }
        return _laid_over(right, self.config)

    def token_answer(self, request: TokenRequest) -> Json:
        number = len(self.tokens)
        right: Json = {"access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 3600}
        if request.form["grant_type"] == "refresh_token":
            return _laid_over(right | {"refresh_token": f"refresh-{number}"}, self.refreshed)
        scope = "launch openid fhirUser patient/Patient.rs patient/ServiceRequest.crus"
        right |= {"patient": PATIENT, "scope": scope, "refresh_token": f"refresh-{number}", "id_token": self.id_token()}
        return _laid_over(right, self.answer)

    def id_token(self) -> str:
        now = int(time.time())
        right = {"iss": self.url, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 300, "nonce": self.nonce}
        claims = _laid_over(right | {"fhirUser": USER}, self.claims)
        header = _laid_over({"alg": "ES384", "kid": self.key.thumbprint()}, self.header)
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])

    def keys(self) -> Json:
        return {"keys": [key.as_dict(private=False, kid=key.thumbprint()) for key in self.published]}


class _Answer(BaseHTTPRequestHandler):
    server: SignIn

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        self.server.paths.append(self.path)
        self.server.answering.wait()
        status, content, headers = self.server.way.get(path, lambda: self._rightly(path, body))()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _rightly(self, path: str, body: bytes) -> tuple[int, bytes, Json]:
        if path == "/token":
            request = TokenRequest(body, self.headers.get("Authorization", ""))
            self.server.tokens.append(request)
            return _json(self.server.token_answer(request))
        if path == "/keys":
            return _json(self.server.keys())
        if path.endswith("/.well-known/smart-configuration"):
            return _json(self.server.configuration())
        self.server.authorized.append(self.headers.get("Authorization", ""))
        if path.endswith(f"/{USER}"):
            return _json({"resourceType": "Practitioner", "id": "7", "name": [{"family": "Okafor", "given": ["Ada"]}]})
        return 404, b"", {}

    def log_message(self, *_: Any) -> None:
        """Nothing: tests are silent."""


def _json(content: Json) -> tuple[int, bytes, Json]:
    return 200, json.dumps(content).encode(), {"Content-Type": "application/json"}


def _laid_over(right: Json, other: Json) -> Json:
    return {name: value for name, value in (right | other).items() if value is not ...}


@contextmanager
def sign_in() -> Iterator[SignIn]:
    server = SignIn()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()


def query_of(address: str) -> dict[str, str]:
    """Each parameter once: one sent twice fails."""
    values = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert all(len(each) == 1 for each in values.values()), values
    return {name: each[0] for name, each in values.items()}
