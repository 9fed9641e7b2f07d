"""The authorization server: Authlib's, with what SMART App Launch asks beyond OAuth 2.0."""

from typing import Any

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge

from sandbox.smart.client_assertions import ClientAssertions
from sandbox.smart.clients import Client
from sandbox.smart.identity import Identity
from sandbox.smart.store import Granted, Launch, Store
from sandbox.smart.token_answer import beside_the_token

_METHODS = ["private_key_jwt", "client_secret_basic", "none"]
_LATER = {"offline_access", "online_access"}


def authorization_server(
    clients: dict[str, Client], store: Store, identity: Identity, token_url: str
) -> AuthorizationServer:
    """Its tokens name nothing: they are looked up in the store."""

    def save_token(token: dict[str, Any], request: Any) -> None:
        granted: Granted = request.user
        store.add_access(token["access_token"], granted, token["scope"], store.access_seconds)
        if _LATER & set(granted.scope.split()):
            store.add_refresh(token["refresh_token"], granted)
        else:
            del token["refresh_token"]
        token.update(beside_the_token(granted, token["scope"], identity))

    def seconds(client: Client, grant_type: str) -> int:
        return int(store.access_seconds)

    server = AuthorizationServer(None, clients.get, save_token)
    server.store, server.fhir_base = store, identity.issuer  # where the grants below look
    server.register_token_generator("default", BearerTokenGenerator(_secret, _secret, seconds))
    server.register_client_auth_method("private_key_jwt", ClientAssertions(token_url, store))
    server.register_grant(CodeGrant, [StrictChallenge(required=True), LaunchChecks()])
    server.register_grant(RefreshGrant)
    return server


def _secret(**_: Any) -> str:
    return str(generate_token(43))


class CodeGrant(AuthorizationCodeGrant):
    """A code is spent when it is shown, whether or not the rest of the request is right."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        launch: Launch = request.user
        if "launch" in data and self.server.store.take_launch(data["launch"]) is None:
            raise InvalidRequestError("This launch was used before. Open the app again from the EHR.")
        kept = [word for word in request.scope.split() if word != "launch" or "launch" in data]
        granted = Granted(
            request.client.client_id, " ".join(kept), launch,
            redirect_uri=data["redirect_uri"], code_challenge=data["code_challenge"], nonce=data.get("nonce", ""),
        )  # fmt: skip
        self.server.store.add_code(code, granted)

    def query_authorization_code(self, code: str, client: Client) -> Granted | None:
        granted: Granted | None = self.server.store.take_code(code)
        return granted if granted and granted.check_client(client) else None

    def delete_authorization_code(self, authorization_code: Granted) -> None:
        """It is spent already."""

    def authenticate_user(self, authorization_code: Granted) -> Granted:
        return authorization_code


class RefreshGrant(RefreshTokenGrant):
    """Each refresh token works once; a new one comes with each answer."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Granted:
        granted: Granted | None = self.server.store.take_refresh(refresh_token)
        if granted is None:
            raise InvalidGrantError("This refresh token is unknown, or was used before.")
        return granted

    def authenticate_user(self, refresh_token: Granted) -> Granted:
        return refresh_token

    def revoke_old_credential(self, refresh_token: Granted) -> None:
        """It is spent already."""


class StrictChallenge(CodeChallenge):
    """S256 for every client; nothing else."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or not data.get("code_challenge_method"):
            raise InvalidRequestError("Send a code_challenge with code_challenge_method S256 (PKCE).")
        super().validate_code_challenge(grant, redirect_uri)


class LaunchChecks:
    """What SMART asks of an authorization request: state, aud, and a launch that is good."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, redirect_uri: str) -> None:
        data, server = grant.request.payload.data, grant.server
        scopes = set(grant.request.scope.split())
        if not data.get("state"):
            raise InvalidRequestError("Send a state that cannot be guessed.")
        if data.get("aud") != server.fhir_base:
            raise InvalidRequestError(f"aud must be the FHIR server's address: {server.fhir_base}")
        if "launch" in data:
            if server.store.launch(data["launch"]) is None:
                raise InvalidRequestError("This launch is unknown, too old, or was used before.")
            if "launch" not in scopes:
                raise InvalidRequestError("A launch needs the scope 'launch'.")
        elif "launch/patient" not in scopes and any(each.startswith(("patient/", "launch")) for each in scopes):
            raise InvalidRequestError("No patient: send the EHR's launch, or ask for the scope 'launch/patient'.")
