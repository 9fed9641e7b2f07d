"""How the app shows an EHR who it is: by a secret, or by a key, read from PEM or JWK, that signs and is published."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey
from msgspec import DecodeError, Struct, json

from second_opinion.errors import KnowledgeError

_LIFE = 240  # seconds; SMART allows 300, and clocks differ
_BITS_LEAST = 2048
HOW_TO_MAKE_ONE = "Make one with: openssl ecparam -name secp384r1 -genkey -noout -out smart-key.pem"


class ClientKey:
    """EC P-384 signs with ES384, RSA with RS384."""

    def __init__(self, key: Key) -> None:
        if isinstance(key, ECKey) and key.curve_name == "P-384":
            self.algorithm = "ES384"
        elif isinstance(key, RSAKey) and key.raw_value.key_size >= _BITS_LEAST:
            self.algorithm = "RS384"
        else:
            raise ValueError(f"it is neither EC P-384 nor RSA of {_BITS_LEAST} bits or more")
        if not key.is_private:
            raise ValueError("it is a public key; the private one is needed")
        key.ensure_kid()
        self._key = key

    def __repr__(self) -> str:
        return "ClientKey(...)"

    @property
    def public(self) -> dict[str, Any]:
        """As it stands at /.well-known/jwks.json."""
        return dict(self._key.as_dict(private=False, use="sig", alg=self.algorithm, key_ops=["verify"]))

    def assertion(self, client_id: str, token_endpoint: str) -> str:
        """Who we are, signed, for one request of a token."""
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": token_endpoint, "iat": now, "exp": now + _LIFE}
        header = {"alg": self.algorithm, "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims | {"jti": str(uuid4())}, self._key, algorithms=[self.algorithm])


class Credentials(Struct, frozen=True):
    """How the app shows who it is: one of them, or neither, as the EHR's entry in the trust file says."""

    key: ClientKey | None = None
    secret: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


def read_client_key(path: Path) -> ClientKey:
    """Raises KnowledgeError naming the file and the remedy."""
    try:
        return ClientKey(_imported(path.read_bytes()))
    except OSError as error:
        why = f"{path} cannot be read ({error.strerror}). Name a PEM or JWK file"
        raise KnowledgeError(f"{why}. {HOW_TO_MAKE_ONE}") from None
    except ValueError as problem:
        raise KnowledgeError(f"{path} cannot be used: {problem}. {HOW_TO_MAKE_ONE}") from None


def _imported(content: bytes) -> Key:
    if content.lstrip().startswith(b"{"):
        try:
            return JWKRegistry.import_key(json.decode(content, type=dict[str, Any]))
        except (DecodeError, UnicodeDecodeError):
            raise ValueError("it is not JSON") from None
        except (JoseError, ValueError, TypeError):
            raise ValueError("it is no JWK that makes a key") from None
    for kind in ("EC", "RSA"):
        try:
            return JWKRegistry.import_key(content, kind)
        except (JoseError, ValueError, TypeError):
            continue
    raise ValueError("it is no private key in PEM without a password, and no JWK")
