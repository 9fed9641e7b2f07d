"""What SMART scopes allow (versions 1 and 2): this alone knows how they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

WITHOUT_DATA = (
    "launch", "launch/patient", "launch/encounter", "openid", "fhirUser", "profile", "offline_access", "online_access",
)  # fmt: skip
_SCOPE = re.compile(r"(?P<whose>patient|user)/(?P<type>[A-Z][A-Za-z]+|\*)\.(?P<may>c?r?u?d?s?|read|write|\*)", re.ASCII)
_FIRST_VERSION = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope about data; `may` holds letters of cruds: create, read, update, delete, search."""

    whose: str  # patient | user
    type: str
    may: str

    def covers(self, kind: str, interaction: str) -> bool:
        return self.type in ("*", kind) and interaction in self.may


def data_scopes(text: str) -> Iterator[Scope]:
    for word in text.split():
        if scope := _read(word):
            yield scope


def narrowed(requested: str, registered: str) -> str:
    """What of the requested scopes a client gets: none it did not register, none we do not know."""
    ours = list(data_scopes(registered))
    words = [_narrowed(word, registered.split(), ours) for word in requested.split()]
    return " ".join(dict.fromkeys(filter(None, words)))


def _narrowed(word: str, plain: list[str], ours: list[Scope]) -> str:
    if word in WITHOUT_DATA:
        return word if word in plain else ""
    scope = _read(word)
    if scope is None:
        return ""
    fitting = [own for own in ours if own.whose == scope.whose]
    may = "".join(letter for letter in scope.may if any(own.covers(scope.type, letter) for own in fitting))
    if may == scope.may:
        return word
    return f"{scope.whose}/{scope.type}.{may}" if may else ""


def _read(word: str) -> Scope | None:
    match = _SCOPE.fullmatch(word)
    if match is None or not match["may"]:
        return None
    return Scope(match["whose"], match["type"], _FIRST_VERSION.get(match["may"], match["may"]))
