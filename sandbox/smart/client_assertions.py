"""private_key_jwt: an app signs who it is with its own key, once."""

import time
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from msgspec import DecodeError, json
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from sandbox.smart.clients import Client
from sandbox.smart.store import Store

ALGORITHMS = ["ES384", "RS384"]
_LONGEST = 300  # seconds ahead that a token may expire
_LEEWAY = 60


class ClientAssertions(JWTBearerClientAssertion):
    """Checked by Authlib, with what SMART asks beyond it."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, token_url: str, store: Store) -> None:
        super().__init__(leeway=_LEEWAY)
        self._token_url, self._store, self._pools = token_url, store, PoolManager(maxsize=1)

    def get_audiences(self) -> list[str]:
        return [self._token_url]

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        return self._store.is_new(claims["sub"], jti)

    def resolve_client_public_key(self, client: Client) -> KeySet:
        try:
            return KeySet.import_key_set(client.jwks or self._fetched(client.jwks_url))
        except (HTTPError, DecodeError, JoseError, KeyError, TypeError, ValueError):
            raise InvalidClientError(description=f"No keys of {client.client_id} can be had.") from None

    def _fetched(self, url: str) -> KeySetSerialization:
        return json.decode(self._pools.request("GET", url, timeout=5, retries=False).data, type=KeySetSerialization)

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise InvalidClientError(description=f"The client_assertion does not hold: {error}") from None
        if token.header.get("typ") != "JWT" or "kid" not in token.header:
            raise InvalidClientError(description="The client_assertion needs typ JWT and a kid.")
        self.verify_claims(token.claims)
        if token.claims["exp"] > time.time() + _LONGEST + _LEEWAY:
            raise InvalidClientError(description="The client_assertion may be good for five minutes at most.")
        return dict(token.claims)
