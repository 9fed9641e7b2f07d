"""What an EHR says of its authorization server at .well-known/smart-configuration: asked for, checked, remembered."""

import time
from collections.abc import Callable
from threading import Lock
from urllib.parse import urljoin

from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from ehr.urls import one_spelling
from ehr.wire import NoAnswer, Wire
from smart_app.errors import LaunchFailed

_BYTES_MOST = 256 * 1024
_SECONDS = 5.0
_FRESH = 10 * 60
_WELL_KNOWN = "/.well-known/smart-configuration"


class Configuration(Struct, frozen=True):
    """Addresses are absolute."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str = ""
    jwks_uri: str = ""
    capabilities: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)  # not told before SMART 2
    id_token_signing_alg_values_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False


class Configurations:
    """Of each EHR the one read last, for ten minutes, shared by all threads of this process."""

    def __init__(self, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        self._wire, self._clock = wire, clock
        self._known: dict[str, tuple[float, Configuration]] = {}
        self._lock = Lock()

    def of(self, iss: str) -> Configuration:
        """Raises LaunchFailed. `iss` must be one that the trust file lists."""
        with self._lock:
            read_at, known = self._known.get(iss, (float("-inf"), None))
        if known and self._clock() - read_at <= _FRESH:
            return known
        read = _fetch(self._wire, iss)
        with self._lock:
            self._known[iss] = self._clock(), read
        return read


def _fetch(wire: Wire, iss: str) -> Configuration:
    """No redirect is followed: only this very address is trusted."""
    headers = {"Accept": "application/json"}
    try:
        answer = wire.get(f"{iss}{_WELL_KNOWN}", headers, time.monotonic() + _SECONDS, _BYTES_MOST)
    except NoAnswer:
        raise LaunchFailed("ehr_silent") from None
    if answer.status != 200:
        raise LaunchFailed("ehr_silent")
    return _checked(answer.body, iss)


def _checked(body: bytes, iss: str) -> Configuration:
    try:
        read = json.decode(body, type=Configuration)
        found = replace(
            read,
            authorization_endpoint=_address(iss, read.authorization_endpoint),
            token_endpoint=_address(iss, read.token_endpoint),
            jwks_uri=read.jwks_uri and _address(iss, read.jwks_uri),
        )
    except (DecodeError, ValidationError, UnicodeDecodeError, ValueError):
        raise LaunchFailed("ehr_unfit") from None
    if "S256" not in found.code_challenge_methods_supported:
        raise LaunchFailed("ehr_unfit")
    return found


def _address(iss: str, written: str) -> str:
    """Relative ones begin at the FHIR server's. Raises ValueError for what is neither https nor this machine's."""
    found = urljoin(f"{iss}/", written)
    one_spelling(found, query=True)
    return found
