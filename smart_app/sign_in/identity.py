"""Who signed in: the id_token's signature and claims judged, and the name read that the EHR has for that user."""

import re
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact
from msgspec import DecodeError, Struct, json

from ehr.addresses import below
from ehr.keys import PublishedKeys
from ehr.urls import same_place
from ehr.wire import NoAnswer, Wire
from smart_app.errors import LaunchFailed
from smart_app.sign_in.configuration import Configuration

_ALGORITHMS = ("RS256", "ES256", "ES384", "RS384", "PS256")  # never one that whoever checks could sign with
_SKEW = 60
_USER = re.compile(r"(?P<base>https?://\S+/)?(?P<user>(Practitioner|PractitionerRole|Patient|RelatedPerson|Person)"
                   r"/[A-Za-z0-9\-.]{1,64})")  # fmt: skip
_SECONDS = 1.5  # a name is not worth more
_BYTES_MOST = 1024 * 1024
_LONGEST = 200


class User(Struct, frozen=True):
    """`reference` is 'Practitioner/7', or a whole address if the user is known elsewhere."""

    reference: str = ""
    name: str = ""


class Identities:
    """The keys of each EHR's authorization server, shared by all threads of this process."""

    def __init__(self, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        self._wire, self._clock = wire, clock
        self._published: dict[str, PublishedKeys] = {}
        self._lock = Lock()

    def user_of(self, id_token: str, found: Configuration, client_id: str, nonce: str, iss: str) -> User:
        """Nobody where the EHR publishes nothing to judge a token by. Raises LaunchFailed if it does not hold."""
        if not id_token or not found.jwks_uri or not found.issuer:
            return User()
        try:
            claims = self._claims(id_token, found)
            _check(claims, found.issuer, client_id, nonce)
        except (JoseError, ValueError, TypeError, RecursionError):
            raise LaunchFailed("wrong_identity") from None
        return User(_reference(claims.get("fhirUser"), iss), _words(claims.get("name")))

    def _claims(self, id_token: str, found: Configuration) -> dict[str, Any]:
        header = extract_compact(id_token.encode()).headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        listed = found.id_token_signing_alg_values_supported or _ALGORITHMS
        if algorithm not in _ALGORITHMS or algorithm not in listed:
            raise ValueError("an algorithm that we do not take")
        key = self._keys_at(found.jwks_uri).key_for(kid, algorithm)
        if key is None:
            raise ValueError("no key of this name is published")
        return jwt.decode(id_token, key.key, algorithms=[algorithm]).claims

    def _keys_at(self, jwks_uri: str) -> PublishedKeys:
        with self._lock:
            return self._published.setdefault(jwks_uri, PublishedKeys(jwks_uri, self._clock))

    def name_of(self, user: User, iss: str, access_token: str) -> str:
        """As the FHIR server has it, if we may read it; else as the id_token says. No other server is asked."""
        if not user.reference or ":" in user.reference:
            return user.name
        headers = {"Accept": "application/fhir+json", "Authorization": f"Bearer {access_token}"}
        try:
            answer = self._wire.get(below(iss, user.reference), headers, time.monotonic() + _SECONDS, _BYTES_MOST)
            found = json.decode(answer.body) if answer.status == 200 else {}
        except (NoAnswer, DecodeError, UnicodeDecodeError, RecursionError):
            return user.name
        return _name_in(found) or user.name


def _check(claims: dict[str, Any], issuer: str, client_id: str, nonce: str) -> None:
    """Raises JoseError or ValueError."""
    jwt.JWTClaimsRegistry(
        leeway=_SKEW,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
        raise ValueError("it was made for another app, too")


def _reference(fhir_user: Any, iss: str) -> str:
    match = _USER.fullmatch(fhir_user) if isinstance(fhir_user, str) and len(fhir_user) <= 2 * _LONGEST else None
    if match is None:
        return ""
    elsewhere = match["base"] and not same_place(match["base"], iss)
    return fhir_user if elsewhere else match["user"]


def _name_in(person: Any) -> str:
    """Of the names of a Practitioner the first that says something."""
    names = person.get("name") if isinstance(person, dict) else None
    for name in names if isinstance(names, list) else []:
        if isinstance(name, dict) and (found := _words(name.get("text")) or _put_together(name)):
            return found
    return ""


def _put_together(name: dict[str, Any]) -> str:
    parts: list[Any] = []
    for part in ("prefix", "given"):
        parts += name[part] if isinstance(name.get(part), list) else []
    parts += [name.get("family")]
    return _words(" ".join(part for part in parts if isinstance(part, str)))


def _words(written: Any) -> str:
    return " ".join(written.split())[:_LONGEST] if isinstance(written, str) else ""
