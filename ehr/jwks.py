"""Reads a JSON Web Key Set; alone knows which keys may check a signature, and with which algorithms."""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.util import urlsafe_b64decode
from msgspec import DecodeError, Struct, ValidationError, convert, json

# Asymmetric ones only: with a shared secret whoever can check a token could make one.
ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA")
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA", "Ed448": "EdDSA"}
_PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_SECRET = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_BITS_LEAST, _BITS_MOST = 2048, 8192


class PublicKey(Struct, frozen=True):
    """`algorithms`: those that it may check. `kind` says what it is, as 'EC P-384'."""

    kid: str | None
    kind: str
    algorithms: tuple[str, ...]
    key: Key


class KeySet(Struct, frozen=True):
    """`left_out` says of each key that is of no use to us why; `secrets` counts those nobody should have sent."""

    keys: tuple[PublicKey, ...] = ()
    left_out: tuple[str, ...] = ()
    secrets: int = 0


class _Jwk(Struct):
    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    key_ops: list[str] | None = None
    crv: str = ""
    n: str = ""
    e: str = ""
    x: str = ""
    y: str = ""


def read_jwks(body: bytes) -> KeySet:
    """A JWKS, a bare list of keys, or one key. Raises ValueError if it is none of them."""
    try:
        given = json.decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("it is not JSON") from None
    if isinstance(given, dict):
        given = [given] if "kty" in given else given.get("keys")
    if not isinstance(given, list):
        raise ValueError('it is no JSON Web Key Set, {"keys": [...]}')
    keys, left_out = [], []
    for number, each in enumerate(given, start=1):
        try:
            keys.append(_read_key(each))
        except ValueError as why:
            left_out.append(f"key {number}: {why}")
    secrets = sum(1 for each in given if isinstance(each, dict) and _SECRET & each.keys())
    return KeySet(tuple(keys), tuple(left_out), secrets)


def fitting(keys: tuple[PublicKey, ...], kid: str | None, algorithm: str) -> PublicKey | None:
    """The key of this name; without a name, the only one there is for the algorithm."""
    able = [key for key in keys if algorithm in key.algorithms and kid in (None, key.kid)]
    return able[0] if able and (kid is not None or len(able) == 1) else None


def _read_key(given: Any) -> PublicKey:
    try:
        jwk = convert(given, _Jwk)
    except ValidationError as error:
        raise ValueError(f"it is no key: {error}") from None
    if _SECRET & given.keys():
        raise ValueError("it holds a secret (a private or symmetric key)")
    if jwk.kty not in _PARTS:
        raise ValueError(f"its kty {jwk.kty!r} is none of {', '.join(_PARTS)}")
    if jwk.use not in (None, "sig") or (jwk.key_ops is not None and "verify" not in jwk.key_ops):
        raise ValueError("it is not meant for checking signatures (use, key_ops)")
    able = tuple(name for name in _able(jwk) if jwk.alg in (None, name))
    if not able:
        raise ValueError(f"no algorithm fits it ({' '.join(filter(None, (jwk.kty, jwk.crv, jwk.alg)))})")
    bits = _bits(jwk.n) if jwk.kty == "RSA" else 0
    if jwk.kty == "RSA" and not _BITS_LEAST <= bits <= _BITS_MOST:
        raise ValueError(f"it has {bits} bits; at least {_BITS_LEAST} and at most {_BITS_MOST} are taken")
    try:
        key = JWKRegistry.import_key({"kty": jwk.kty} | {part: getattr(jwk, part) for part in _PARTS[jwk.kty]})
    except (JoseError, ValueError):
        raise ValueError("its numbers make no key") from None
    return PublicKey(jwk.kid, f"{jwk.kty} {jwk.crv or bits}", able, key)


def _able(jwk: _Jwk) -> tuple[str, ...]:
    if jwk.kty == "RSA":
        return _RSA
    algorithm = _OF_CURVE.get(jwk.crv, "")
    return (algorithm,) if algorithm.startswith("ES") == (jwk.kty == "EC") and algorithm else ()


def _bits(number: str) -> int:
    try:
        return int.from_bytes(urlsafe_b64decode(number.encode())).bit_length()
    except ValueError:
        return 0
