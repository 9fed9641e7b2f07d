"""Authorization by fhirclient, mended where it falls short of SMART 2.2; alone knows fhirclient and its habits."""

import logging
import re
from base64 import b64encode
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from fhirclient.auth import FHIRAuth, FHIROAuth2Auth
from fhirclient.client import FHIRClient
from fhirclient.server import FHIRServer
from msgspec import DecodeError, json

from ehr.trust import SmartEhr
from ehr.wire import NoAnswer, Wire
from smart_app.sign_in.configuration import Configuration
from smart_app.sign_in.credentials import Credentials
from smart_app.sign_in.tokens import LIFE, Asked, NoToken, Tokens, new_request

_TOKEN = re.compile(r"[\x21-\x7e]+")  # it goes into a header
_SECONDS = 10.0
_BYTES_MOST = 256 * 1024
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
for _name in ("auth", "client", "server"):  # they write states, codes and what came with a token
    logging.getLogger(f"fhirclient.{_name}").addFilter(lambda record: False)


class _Auth(FHIROAuth2Auth):
    """With a nonce; `client_id` from public clients only; a signed assertion of its own for each request of a token."""

    nonce: str
    ehr: SmartEhr
    credentials: Credentials

    def _authorize_params(self, server: Any) -> dict[str, Any]:
        params: dict[str, Any] = super()._authorize_params(server)
        return params | {"nonce": self.nonce}

    def _code_exchange_params(self, code: str) -> dict[str, Any]:
        return self._as_whom(super()._code_exchange_params(code))

    def _reauthorize_params(self) -> dict[str, Any]:
        return self._as_whom(super()._reauthorize_params())

    def _as_whom(self, params: dict[str, Any]) -> dict[str, Any]:
        params.pop("state", None)
        if self.ehr.auth == "public":
            return params
        del params["client_id"]
        if self.credentials.key is None or self.ehr.auth == "client_secret":
            return params
        assertion = self.credentials.key.assertion(self.ehr.client_id, self._token_uri)
        return params | {"client_assertion_type": _ASSERTION, "client_assertion": assertion}


class _Server(FHIRServer):
    """Requests of tokens go over our own wire: with a deadline, a limit, no redirect, and never twice."""

    wire: Wire

    def post_as_form(self, url: str, formdata: dict[str, str], auth: tuple[str, str] | None = None) -> "_Answer":
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if auth:
            headers["Authorization"] = f"Basic {_basic(*auth)}"
        body = urlencode(formdata).encode()
        try:
            answer = self.wire.ask("POST", url, headers, monotonic() + _SECONDS, _BYTES_MOST, body)
        except NoAnswer:
            raise NoToken("no answer") from None
        try:
            said = json.decode(answer.body)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            said = None
        if answer.status != 200 or not isinstance(said, dict):
            raise NoToken(f"answered {answer.status}")
        return _Answer(said)


class _Answer:
    """As fhirclient reads it: only what it can read."""

    def __init__(self, said: dict[str, Any]) -> None:
        access, refresh = said.get("access_token"), said.get("refresh_token")
        if not isinstance(access, str) or not _TOKEN.fullmatch(access) or not isinstance(refresh, str | None):
            raise NoToken("no access token")
        if not isinstance(said.get("token_type"), str) or said["token_type"].lower() != "bearer":
            raise NoToken("no bearer token")
        self._said = {LIFE if name == "expires_in" else name: value for name, value in said.items()}

    def json(self) -> dict[str, Any]:
        return self._said


class Authorization:
    """One EHR's authorization server, as this app is registered there; made for one request, shared by none."""

    def __init__(self, ehr: SmartEhr, found: Configuration, credentials: Credentials, wire: Wire) -> None:
        self._ehr, self._found, self._credentials, self._wire = ehr, found, credentials, wire

    def address(self, asked: Asked) -> str:
        """Where the browser is sent."""
        return str(self._client(asked).authorize_url)

    def exchange(self, asked: Asked, code: str) -> Tokens:
        """Raises NoToken."""
        server = self._client(asked).server
        return _tokens(server, server.handle_callback("?" + urlencode({"code": code, "state": asked.state})))

    def refresh(self, refresh_token: str) -> Tokens:
        """Raises NoToken."""
        server = self._client(new_request(self._ehr.iss, "", "", None), refresh_token).server
        return _tokens(server, server.reauthorize())

    def _client(self, asked: Asked, refresh_token: str = "") -> Any:
        """Made from a state: it asks for no CapabilityStatement, and never takes a server for an open one."""
        secret = self._credentials.secret if self._ehr.auth == "client_secret" else ""
        auth = {
            "app_id": self._ehr.client_id, "app_secret": secret, "aud": asked.aud, "redirect_uri": asked.redirect_uri,
            "authorize_uri": self._found.authorization_endpoint, "token_uri": self._found.token_endpoint,
            "auth_state": asked.state, "code_verifier": asked.verifier, "refresh_token": refresh_token,
        }  # fmt: skip
        base = {"base_uri": f"{self._ehr.iss}/", "auth_type": "oauth2", "auth": auth}
        client = FHIRClient(
            state={
                "app_id": self._ehr.client_id,
                "scope": asked.scopes,
                "redirect": asked.redirect_uri,
                "launch_token": asked.launch,
                "server": base,
            }
        )
        client.server = _Server(client, state=base)
        client.server.wire = self._wire
        auth = client.server.auth
        auth.nonce, auth.ehr, auth.credentials = asked.nonce, self._ehr, self._credentials
        return client


FHIRAuth.auth_classes["oauth2"] = _Auth


def _tokens(server: Any, said: dict[str, Any]) -> Tokens:
    return Tokens(server.auth.access_token, server.auth.refresh_token or "", said)


def _basic(client_id: str, secret: str) -> str:
    # As SMART shows it, and EHRs read it (2026): without the encoding of forms that OAuth asks for before.
    return b64encode(f"{client_id}:{secret}".encode()).decode()
