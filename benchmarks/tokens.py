"""What checking a client's token costs (joserfc, signature and claims), since the services are compared without."""

import time
from functools import partial

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

_TIMES, _ROUNDS = 50, 5
_ISS, _AUD = "https://ehr.example", "https://second-opinion.example/cds-services/second-opinion-order-sign"
_SIGNED_AT = 1_795_300_000
_CLAIMS = {"iss": _ISS, "aud": _AUD, "iat": _SIGNED_AT, "exp": _SIGNED_AT + 300, "jti": "0b8a0a6e-6e0a-4d5f-9a51"}
_REGISTRY = jwt.JWTClaimsRegistry(
    now=_SIGNED_AT + 10,
    iss={"essential": True, "value": _ISS},
    aud={"essential": True, "value": _AUD},
    exp={"essential": True},
    jti={"essential": True},
)


def check(token: str, key: ECKey | RSAKey, algorithm: str) -> None:
    """Raises a JoseError for a token that is not this key's, or is not meant for us now."""
    _REGISTRY.validate(jwt.decode(token, key, algorithms=[algorithm]).claims)


def signed(key: ECKey | RSAKey, algorithm: str) -> str:
    return jwt.encode({"alg": algorithm}, _CLAIMS, key, algorithms=[algorithm])


def new_keys() -> dict[str, ECKey | RSAKey]:
    return {"ES384": ECKey.generate_key("P-384"), "RS384": RSAKey.generate_key(2048)}


def report() -> str:
    costs = (f"{name} {_cpu_ms(key, name):.3f} ms" for name, key in new_keys().items())
    return f"Checking a client's token, CPU a call: {', '.join(costs)}"


def _cpu_ms(key: ECKey | RSAKey, algorithm: str) -> float:
    work = partial(check, signed(key, algorithm), key, algorithm)
    rounds = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(_TIMES):
            work()
        rounds.append((time.process_time() - start) / _TIMES * 1000)
    return min(rounds)
