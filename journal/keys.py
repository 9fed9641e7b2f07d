"""Identifiers become keyed hashes and words are sealed before they are kept: the journal's files name nobody."""

import hmac
from base64 import urlsafe_b64encode
from typing import Literal, get_args

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import json

from second_opinion.errors import SecondOpinionError

Purpose = Literal["patient", "user", "order", "token", "answer", "comment"]


class Keys:
    """One key a purpose, all from the site's secret: a patient's hash tells nothing about the same id as a user's."""

    def __init__(self, secret_key: str) -> None:
        self._keys: dict[Purpose, bytes] = {purpose: _derived(secret_key, purpose) for purpose in get_args(Purpose)}
        self._seal = Fernet(urlsafe_b64encode(self._keys["comment"]))

    def digest(self, purpose: Purpose, *parts: str) -> bytes:
        return hmac.digest(self._keys[purpose], json.encode(parts), "sha256")  # as JSON: ("a", "bc") is not ("ab", "c")

    def hashed(self, purpose: Purpose, *parts: str) -> str:
        """Parts that belong together, such as an EHR's server and its patient's id, as 64 hexadecimal digits."""
        return self.digest(purpose, *parts).hex()

    def sealed(self, words: str) -> str:
        return self._seal.encrypt(words.encode()).decode()

    def opened(self, sealed: str) -> str:
        """Raises SecondOpinionError for what was sealed with another secret."""
        try:
            return self._seal.decrypt(sealed).decode()
        except InvalidToken:
            message = "A comment was sealed with another SECOND_OPINION_SECRET_KEY. Use that key to read it."
            raise SecondOpinionError(message) from None


def _derived(secret_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"second-opinion journal {purpose}".encode()).derive(
        secret_key.encode()
    )
