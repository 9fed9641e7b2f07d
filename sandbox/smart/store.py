"""Launches, codes and tokens of one process, each spent once; nothing of it is kept anywhere else."""

import time
from dataclasses import dataclass, field
from secrets import token_urlsafe
from threading import Lock
from typing import Any

CODE_SECONDS = 60
LAUNCH_SECONDS = 300


@dataclass(frozen=True)
class Launch:
    """What the EHR had on screen when it opened the app, and what it says to it."""

    patient: str = ""
    user: str = ""  # Practitioner/…
    encounter: str = ""
    app_context: str = ""
    intent: str = ""
    tenant: str = ""
    fhir_context: tuple[dict[str, Any], ...] = ()
    need_patient_banner: bool | None = None
    smart_style_url: str = ""


@dataclass
class Granted:
    """What one sign-in allowed; the tokens that come from it stand and fall together."""

    client_id: str
    scope: str
    launch: Launch
    redirect_uri: str = ""
    code_challenge: str = ""
    nonce: str = ""
    made_at: float = field(default_factory=time.time)
    revoked: bool = False
    code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: Any) -> bool:
        return bool(client.client_id == self.client_id)


@dataclass(frozen=True)
class Access:
    """What an access token stands for."""

    granted: Granted
    scope: str
    until: float

    @property
    def is_valid(self) -> bool:
        return not self.granted.revoked and time.time() < self.until


class Store:
    """All under one lock: of two who come with one code, one gets tokens."""

    def __init__(self, access_seconds: float = 300) -> None:
        self.access_seconds = access_seconds
        self._lock = Lock()
        self._launches: dict[str, tuple[Launch, float]] = {}
        self._codes: dict[str, Granted] = {}
        self._refreshes: dict[str, Granted] = {}
        self._accesses: dict[str, Access] = {}
        self._spent: dict[str, Granted] = {}
        self._jtis: set[tuple[str, str]] = set()

    def add_launch(self, launch: Launch) -> str:
        with self._lock:
            token = token_urlsafe(24)
            self._launches[token] = launch, time.time() + LAUNCH_SECONDS
            return token

    def launch(self, token: str) -> Launch | None:
        """As it stands, unspent."""
        launch, until = self._launches.get(token, (None, 0.0))
        return launch if time.time() < until else None

    def take_launch(self, token: str) -> Launch | None:
        with self._lock:
            launch, until = self._launches.pop(token, (None, 0.0))
            return launch if time.time() < until else None

    def add_code(self, code: str, granted: Granted) -> None:
        with self._lock:
            self._codes[code] = granted

    def take_code(self, code: str) -> Granted | None:
        granted = self._take(self._codes, code)
        return granted if granted and time.time() < granted.made_at + CODE_SECONDS else None

    def add_refresh(self, token: str, granted: Granted) -> None:
        with self._lock:
            self._refreshes[token] = granted

    def take_refresh(self, token: str) -> Granted | None:
        return self._take(self._refreshes, token)

    def _take(self, kept: dict[str, Granted], secret: str) -> Granted | None:
        """Whoever comes with what was spent already may have stolen it: nothing that came from it is good any more."""
        with self._lock:
            if secret in self._spent:
                self._spent[secret].revoked = True
            granted = kept.pop(secret, None)
            if granted:
                self._spent[secret] = granted
            return granted if granted and not granted.revoked else None

    def add_access(self, token: str, granted: Granted, scope: str, seconds: float) -> None:
        with self._lock:
            self._accesses[token] = Access(granted, scope, time.time() + seconds)

    def access(self, token: str) -> Access | None:
        found = self._accesses.get(token)
        return found if found and found.is_valid else None

    def expire(self) -> None:
        """Every access token so far; those refreshed later are good."""
        with self._lock:
            self._accesses.clear()

    def is_new(self, client_id: str, jti: str) -> bool:
        with self._lock:
            seen = (client_id, jti) in self._jtis
            self._jtis.add((client_id, jti))
            return not seen
