"""A client's JWT: taken apart, its claims judged, its signature checked. Knows no client and no keys."""

from typing import Annotated, Any

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact
from joserfc.util import urlsafe_b64decode
from msgspec import UNSET, DecodeError, Meta, Struct, ValidationError, convert, json

from ehr.jwks import PublicKey

SKEW = 60  # seconds that clocks may differ
_LIFETIME = 24 * 60 * 60  # one client signs for a whole day (seen 2026); nobody needs longer
_LONGEST = 16 * 1024


class Refused(Exception):
    """A call without a token that we take. `reason` is one of few words; `iss` is given only if it is a listed one."""

    def __init__(self, reason: str, iss: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.iss = iss


class Header(Struct, frozen=True):
    alg: str
    typ: str = "JWT"  # required by the specification, and left out by some
    kid: str | None = None
    jku: str | None = None
    crit: Any = UNSET


class Claims(Struct, frozen=True):
    iss: str
    aud: str | list[str]
    exp: float
    iat: float
    jti: Annotated[str, Meta(min_length=1)]
    nbf: float | None = None
    tenant: str | None = None


class Token(Struct, frozen=True):
    """Nothing in it is believed before `is_signed`."""

    header: Header
    claims: Claims
    signed: bytes
    signature: bytes


_decode_claims = json.Decoder(Claims).decode


def read_token(authorization: str | None) -> Token:
    """The token of an Authorization header. Raises Refused."""
    if not authorization:
        raise Refused("no token")
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or len(text) > _LONGEST:
        raise Refused("not a bearer token")
    registry = JWSRegistry()
    registry.max_header_length = registry.max_signature_length = _LONGEST  # a jku and a kid can be long
    try:
        jws = extract_compact(text.encode(), registry=registry)
        signed, _, signature = text.encode().rpartition(b".")
        return Token(convert(jws.protected, Header), _decode_claims(jws.payload), signed, urlsafe_b64decode(signature))
    except ValidationError:
        raise Refused("malformed header or claims") from None
    except (JoseError, DecodeError, ValueError, TypeError, RecursionError):
        raise Refused("not a JWT") from None


def check_header(header: Header, algorithms: tuple[str, ...], jku: str | None) -> None:
    """A jku is only ever compared: where a token says that its keys are is no reason to look there."""
    if header.alg not in algorithms:
        raise Refused("unlisted algorithm")
    if header.typ.upper() != "JWT":
        raise Refused("not typed as JWT")
    if header.crit is not UNSET:
        raise Refused("critical extension")  # we know none
    if header.jku not in (None, jku):
        raise Refused("unlisted jku")


def check_claims(claims: Claims, audience: str, now: float) -> None:
    if audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
        raise Refused("another audience")
    if claims.exp <= now - SKEW:
        raise Refused("expired")
    if max(claims.iat, claims.nbf or 0) > now + SKEW:
        raise Refused("not valid yet")
    if not 0 < claims.exp - claims.iat <= _LIFETIME:
        raise Refused("lifetime over a day")


def is_signed(token: Token, key: PublicKey) -> bool:
    """With a key that may check the token's algorithm, and an algorithm the client's own list allows."""
    return JWSRegistry.algorithms[token.header.alg].verify(token.signed, token.signature, key.key)
