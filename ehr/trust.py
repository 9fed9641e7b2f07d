"""Who may call us, with which keys, where their access tokens may be sent, who may show the app."""

from typing import Literal

from msgspec import Struct

from ehr.jwks import PublicKey
from ehr.urls import same_place


class SmartEhr(Struct, frozen=True):
    """An EHR that may launch the app."""

    iss: str
    client_id: str
    auth: Literal["private_key_jwt", "client_secret", "public"]
    frame_ancestors: tuple[str, ...] = ()


class CdsClient(Struct, frozen=True):
    """Who may call the CDS service. It has a `jku`, or the keys `pinned` in `jwks_file`."""

    iss: str
    algorithms: tuple[str, ...] = ("ES384", "RS384")
    jku: str | None = None
    jwks_file: str | None = None
    pinned: tuple[PublicKey, ...] = ()
    tenants: tuple[str, ...] = ()
    fhir_servers: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def takes(self, tenant: str | None) -> bool:
        """No tenants listed: any."""
        return not self.tenants or tenant in self.tenants


class Trust(Struct, frozen=True):
    """`base_url` is ours as EHRs call it, without a slash at its end."""

    base_url: str
    cds_clients: tuple[CdsClient, ...] = ()
    smart_ehrs: tuple[SmartEhr, ...] = ()

    def clients_called(self, iss: str) -> tuple[CdsClient, ...]:
        """More than one only where they part their tenants."""
        return tuple(client for client in self.cds_clients if client.iss == iss)

    def smart_ehr(self, iss: str) -> SmartEhr | None:
        return next((ehr for ehr in self.smart_ehrs if same_place(ehr.iss, iss)), None)

    @property
    def origins(self) -> tuple[str, ...]:
        """Where browsers may call from."""
        return tuple(sorted({each for client in self.cds_clients for each in client.origins}))

    @property
    def frame_ancestors(self) -> tuple[str, ...]:
        """Who may show the app in a frame."""
        return tuple(sorted({each for ehr in self.smart_ehrs for each in ehr.frame_ancestors}))


def may_send_token_to(client: CdsClient, fhir_server: str) -> bool:
    """Whether an access token this client gave may be sent there: to its listed servers, compared whole."""
    return any(same_place(listed, fhir_server) for listed in client.fhir_servers)
