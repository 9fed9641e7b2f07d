"""A registered app, as the authorization server asks about it."""

from dataclasses import dataclass, field
from secrets import compare_digest
from typing import Literal

from joserfc.jwk import KeySetSerialization

from sandbox.smart.scopes import WITHOUT_DATA, narrowed

EVERYTHING = " ".join((*WITHOUT_DATA, "patient/*.cruds", "user/*.cruds"))
CHART = "patient/*.rs"  # what comes with a hook call
_METHODS = {"public": "none", "client_secret": "client_secret_basic", "private_key_jwt": "private_key_jwt"}


@dataclass(frozen=True)
class Client:
    """Keys of a private_key_jwt client: `jwks`, or what is found at `jwks_url`."""

    client_id: str
    redirect_uris: tuple[str, ...]
    auth: Literal["public", "client_secret", "private_key_jwt"] = "public"
    secret: str = field(default="", repr=False)
    jwks: KeySetSerialization | None = None
    jwks_url: str = ""
    scopes: str = EVERYTHING
    name: str = "Second Opinion"

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return ""  # an app says where to, each time

    def get_allowed_scope(self, scope: str | None) -> str | None:
        return narrowed(scope or "", self.scopes) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.secret) and compare_digest(self.secret, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == _METHODS[self.auth]

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")
