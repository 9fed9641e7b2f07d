"""What an EHR says of its authorization server at .well-known/smart-configuration: asked for, checked, remembered."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import urljoin, urlsplit

from msgspec import DecodeError, Struct, ValidationError, convert, json
from msgspec.structs import replace

from ehr.urls import is_loopback, one_spelling
from ehr.wire import NoAnswer, Wire
from smart_app.errors import LaunchFailed

_BYTES_MOST = 256 * 1024
_SECONDS = 5.0
_FRESH = 10 * 60
_AGAIN = 10  # after it could not be had
_USABLE = 24 * 60 * 60  # all the same, while no newer one can be had
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


class _Known(Struct):
    """Of one EHR: the configuration read last, or why there is none; when it is to be asked again."""

    found: Configuration | None = None
    read_at: float = float("-inf")
    problem: str = ""
    ask_at: float = float("-inf")


class Configurations:
    """Of each EHR the one read last, shared by all threads of this process. An EHR that is down is asked seldom."""

    def __init__(self, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        self._wire, self._clock = wire, clock
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    def of(self, iss: str) -> Configuration:
        """Raises LaunchFailed. `iss` must be one that the trust file lists."""
        with self._lock:
            known = self._known.setdefault(iss, _Known())
            is_due = self._clock() >= known.ask_at
            if is_due:
                known.ask_at = self._clock() + _AGAIN  # others need not wait for the same
        if is_due or not (known.found or known.problem):
            self._ask(iss, known)
        if known.found and self._clock() - known.read_at <= _USABLE:
            return known.found
        raise LaunchFailed(known.problem or "ehr_silent")

    def _ask(self, iss: str, known: _Known) -> None:
        try:
            found = _fetch(self._wire, iss)
        except LaunchFailed as failed:
            known.problem = failed.page
        else:
            now = self._clock()
            known.found, known.read_at, known.problem, known.ask_at = found, now, "", now + _FRESH


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
        told = json.decode(body, type=dict[str, Any])
        read = convert({name: each for name, each in told.items() if each is not None}, Configuration)
        found = replace(
            read,
            authorization_endpoint=endpoint(iss, read.authorization_endpoint),
            token_endpoint=endpoint(iss, read.token_endpoint),
            jwks_uri=read.jwks_uri and endpoint(iss, read.jwks_uri),
        )
    except (DecodeError, ValidationError, UnicodeDecodeError, ValueError, RecursionError):
        raise LaunchFailed("ehr_unfit") from None
    if "S256" not in found.code_challenge_methods_supported:
        raise LaunchFailed("ehr_unfit")
    return found


def endpoint(iss: str, written: str) -> str:
    """Relative ones begin at the FHIR server's. Raises ValueError for what is not https.

    This machine's own services are asked for nothing unless the EHR is one of them.
    """
    found = urljoin(f"{iss}/", written)
    one_spelling(found, query=True)
    if is_loopback(urlsplit(found).hostname or "") and not is_loopback(urlsplit(iss).hostname or ""):
        raise ValueError("this machine is not the EHR's")
    return found
