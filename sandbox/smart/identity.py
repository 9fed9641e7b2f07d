"""Who is signed in, as an id_token says it; this alone holds the key that it is signed with."""

import time
from functools import cached_property
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from sandbox.smart.store import Granted

Json = dict[str, Any]
_SECONDS = 300


class Identity:
    """One issuer and its key, made when first needed."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    @cached_property
    def _key(self) -> RSAKey:
        return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)

    @property
    def jwks(self) -> Json:
        return {"keys": [self._key.as_dict(private=False)]}

    def id_token(self, granted: Granted) -> str:
        now = int(time.time())
        claims: Json = {
            "iss": self.issuer,
            "aud": granted.client_id,
            "sub": granted.launch.user.replace("/", "-"),
            "iat": now,
            "exp": now + _SECONDS,
        }
        if granted.nonce:
            claims["nonce"] = granted.nonce
        if {"fhirUser", "profile"} & set(granted.scope.split()):
            claims["fhirUser"] = f"{self.issuer}/{granted.launch.user}"
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key, algorithms=["RS256"])
