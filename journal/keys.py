"""Identifiers become keyed hashes and words are sealed before they are kept: the journal's files name nobody."""

import hmac
from base64 import urlsafe_b64encode
from typing import Literal, get_args

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import json

from second_opinion.errors import SecondOpinionError

Purpose = Literal["patient", "user", "order", "token", "answer", "comment", "launch", "deed"]


class Keys:
    """One key a purpose, all from the site's secret: a patient's hash tells nothing about the same id as a user's."""

    def __init__(self, secret_key: str) -> None:
        keys: dict[Purpose, bytes] = {purpose: _derived(secret_key, purpose) for purpose in get_args(Purpose)}
        # Copied for each hash: hmac.digest lets other threads run meanwhile, and waits for its turn again.
        self._hashes = {purpose: hmac.new(key, digestmod="sha256") for purpose, key in keys.items()}
        self._seals = {purpose: Fernet(urlsafe_b64encode(key)) for purpose, key in keys.items()}

    def digest(self, purpose: Purpose, *parts: str) -> bytes:
        keyed = self._hashes[purpose].copy()
        keyed.update(json.encode(parts))  # as JSON: ("a", "bc") is not ("ab", "c")
        return keyed.digest()

    def hashed(self, purpose: Purpose, *parts: str) -> str:
        """Parts that belong together, such as an EHR's server and its patient's id, as 64 hexadecimal digits."""
        return self.digest(purpose, *parts).hex()

    def sealed(self, words: str, purpose: Purpose = "comment") -> str:
        return self._seals[purpose].encrypt(words.encode()).decode()

    def opened(self, sealed: str, purpose: Purpose = "comment") -> str:
        """Raises SecondOpinionError for what was sealed with another secret."""
        try:
            return self._seals[purpose].decrypt(sealed).decode()
        except InvalidToken:
            message = f"A {purpose} was sealed with another SECOND_OPINION_SECRET_KEY. Use that key to read it."
            raise SecondOpinionError(message) from None


def _derived(secret_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"second-opinion journal {purpose}".encode()).derive(
        secret_key.encode()
    )
