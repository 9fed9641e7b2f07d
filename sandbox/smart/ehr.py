"""One sandbox EHR: its FHIR server behind, its authorization server, its faults; what the mock EHR's pages drive."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from urllib.parse import urlencode

from sandbox.smart.asked import Pairs
from sandbox.smart.authorization import authorization_server
from sandbox.smart.clients import CHART, Client
from sandbox.smart.faults import Switches
from sandbox.smart.identity import Identity
from sandbox.smart.store import Granted, Launch, Store
from sandbox.smart.upstream import Upstream

SURGEON = "Practitioner/lena-ortiz"
HOOKS_CLIENT = "cds-hooks"


@dataclass(frozen=True)
class Seen:
    """A request and how it was answered. It holds secrets: for tests alone."""

    kind: str  # authorize | token | fhir | other
    method: str
    path: str
    query: Pairs
    form: Pairs
    headers: dict[str, str] = field(repr=False)
    status: int
    answer: bytes = field(repr=False)


class SandboxEhr:
    """`origin`: where the mock EHR is reached (http://127.0.0.1:8080). `token` opens the FHIR server behind.

    `for_all`: the scopes of whoever brings no token; '' where there must be one.
    """

    def __init__(
        self,
        origin: str,
        fhir_server: str,
        clients: Iterable[Client] = (),
        access_seconds: float = 300,
        asks_first: bool = False,
        on_request: Callable[[Seen], None] | None = None,
        now: Callable[[], float] = time.time,
        token: str = "",
        for_all: str = "",
    ) -> None:
        self.origin, self.asks_first, self.on_request = origin, asks_first, on_request
        self.for_all = for_all
        self.fhir_base, self.auth_base = f"{origin}/sandbox/fhir", f"{origin}/sandbox/auth"
        self.key = token_urlsafe(24)  # for the mock EHR's own pages
        self.clients = {client.client_id: client for client in clients}
        self.store, self.faults, self.identity = Store(access_seconds, now), Switches(), Identity(self.fhir_base)
        self.upstream = Upstream(fhir_server, self.fhir_base, token)
        self.server = authorization_server(self.clients, self.store, self.identity, f"{self.auth_base}/token")

    def launch_url(self, app: str, launch: Launch) -> str:
        """Where a frame goes to open an app; `app` is its launch address."""
        joint = "&" if "?" in app else "?"
        return f"{app}{joint}{urlencode({'iss': self.fhir_base, 'launch': self.store.add_launch(launch)})}"

    def token_for(
        self,
        patient: str,
        user: str = SURGEON,
        scope: str = CHART,
        seconds: float = 300,
        client_id: str = HOOKS_CLIENT,
    ) -> str:
        """An access token without a sign-in, as an EHR gives one with a hook call."""
        token = token_urlsafe(32)
        granted = Granted(client_id, scope, Launch(patient=patient, user=user))
        self.store.add_access(token, granted, scope, seconds)
        return token

    def close(self) -> None:
        self.upstream.close()
