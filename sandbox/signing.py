"""Signs this EHR's hook calls, as the CDS Hooks specification asks of a client; this alone holds its key."""

import time
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, KeySetSerialization

ALGORITHM = "ES384"
_SECONDS = 300


class Signer:
    """`service` is the CDS service's address as a token's `aud` has it; `iss` is ours."""

    def __init__(self, iss: str, service: str) -> None:
        self.iss, self.service = iss, service
        self.jku = f"{iss}/jwks.json"
        self._key = ECKey.generate_key("P-384", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)

    @property
    def jwks(self) -> KeySetSerialization:
        return {"keys": [self._key.as_dict(private=False)]}

    def authorization(self, path: str, tenant: str) -> str:
        """The header of one call; its token is good once."""
        now = int(time.time())
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid, "jku": self.jku}
        claims = {
            "iss": self.iss,
            "aud": f"{self.service}{path}",
            "iat": now,
            "exp": now + _SECONDS,
            "jti": str(uuid4()),
            "tenant": tenant,
        }
        return f"Bearer {jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])}"
