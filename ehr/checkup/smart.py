"""What a server's SMART configuration offers against what the app needs; alone knows the names in that document."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import DecodeError, json

from ehr.checkup.report import Point, Smart
from ehr.wire import Answer
from second_opinion.data_needs import smart_scopes
from second_opinion.plain_words import listed, plain

PATH = ".well-known/smart-configuration"
_SCOPES = ("launch", "openid", "fhirUser", *smart_scopes())
_NOT_SAID = "nothing"
SCOPES = "our scopes"
_ALGORITHMS = ("ES384", "RS384")
# In the order in which we would choose: the trust file's word, the document's words.
_AUTH = (
    ("private_key_jwt", ("private_key_jwt", "client-confidential-asymmetric")),
    ("client_secret", ("client_secret_basic", "client_secret_post", "client-confidential-symmetric")),
    ("public", ("none", "client-public")),
)


def read_smart(answer: Answer) -> Smart:
    if answer.status != 200:
        return Smart(why=f"{answer.status}")
    try:
        given = json.decode(answer.body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return Smart(why="it is not JSON")
    if not isinstance(given, dict):
        return Smart(why="it is no JSON object")
    auth = _auth(given)
    scopes = _words(given, "scopes_supported")
    missing = tuple(scope for scope in _SCOPES if not _covered(scope, scopes)) if scopes else ()
    return Smart(points=tuple(_points(given, auth, bool(scopes), missing)), auth=auth, missing_scopes=missing)


def _points(given: dict[str, Any], auth: str, says_scopes: bool, missing: tuple[str, ...]) -> Iterator[Point]:
    for name in ("authorization_endpoint", "token_endpoint"):
        yield _there(name, given.get(name))
    methods = _words(given, "code_challenge_methods_supported")
    yield Point("PKCE with S256", "S256" in methods, _said(methods))
    capabilities = _words(given, "capabilities")
    for name in ("launch-ehr", "context-ehr-patient"):
        yield _capability(name, capabilities)
    yield Point("a way for the app to say who it is", bool(auth), auth or _NOT_SAID)
    if auth == "private_key_jwt":
        algorithms = _words(given, "token_endpoint_auth_signing_alg_values_supported")
        fits = any(name in _ALGORITHMS for name in algorithms) if algorithms else None
        yield Point("its tokens signed with ES384 or RS384", fits, _said(algorithms))
    said = f"{len(_SCOPES) - len(missing)} of {len(_SCOPES)}"
    yield Point(SCOPES, not missing, said) if says_scopes else Point(SCOPES, None, _NOT_SAID)


def _there(name: str, address: Any) -> Point:
    is_there = isinstance(address, str) and bool(address)
    return Point(name, is_there, "so" if is_there else _NOT_SAID)


def _capability(name: str, capabilities: list[str]) -> Point:
    if not capabilities:
        return Point(name, None, _NOT_SAID)
    is_listed = name in capabilities
    return Point(name, is_listed, "so" if is_listed else "nothing of it")


def _auth(given: dict[str, Any]) -> str:
    offered = {*_words(given, "token_endpoint_auth_methods_supported"), *_words(given, "capabilities")}
    return next((name for name, words in _AUTH if offered.intersection(words)), "")


def _covered(scope: str, offered: Iterable[str]) -> bool:
    """As it is written, in the older way ('.read'), or by a wildcard."""
    kind, dot, _ = scope.rpartition(".")
    whose = scope.partition("/")[0]
    ways = {scope}
    if dot:
        ends = ("read", "*", "rs", "cruds", "crus", "rus")
        ways |= {f"{start}.{end}" for start in (kind, f"{whose}/*") for end in ends}
    return not ways.isdisjoint(offered)


def _words(given: dict[str, Any], name: str) -> list[str]:
    value = given.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _said(words: Iterable[Any]) -> str:
    return plain(listed(str(word) for word in words), 160) or _NOT_SAID
