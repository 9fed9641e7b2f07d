"""What is asked of an authorization server, and the tokens that come back: knows neither how, nor by which library."""

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from smart_app.launches import Launch
from smart_app.sign_in.token_answer import id_of, life_of, scopes_of

LIFE = "life"  # what `expires_in` is called here: fhirclient stumbles over one that is no number


class NoToken(Exception):
    """The authorization server gave none; says why in a word of OAuth's, or ours."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request for authorization, as it must be known when its answer comes. `aud` is the iss as it was given."""

    aud: str
    redirect_uri: str
    scopes: str
    state: str
    nonce: str
    verifier: str
    launch: str | None = None

    def __repr__(self) -> str:
        return "Asked(...)"


class Tokens(Struct, frozen=True):
    """`said` is what came with them."""

    access: str
    refresh: str
    said: Mapping[str, Any]

    def __repr__(self) -> str:
        return "Tokens(...)"


def new_request(aud: str, redirect_uri: str, scopes: str, launch: str | None) -> Asked:
    return Asked(
        aud=aud, redirect_uri=redirect_uri, scopes=scopes, launch=launch,
        state=token_urlsafe(32), nonce=token_urlsafe(32), verifier=token_urlsafe(64),
    )  # fmt: skip


def with_tokens(launch: Launch, tokens: Tokens, now: int) -> Launch:
    """Patient and encounter stay as they were. Raises NoToken for tokens of another patient."""
    said = tokens.said
    if id_of(said.get("patient")) not in ("", launch.patient):
        raise NoToken("another patient")
    return replace(
        launch,
        scopes=scopes_of(said.get("scope"), launch.scopes),
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        expires_at=now + life_of(said.get(LIFE)),
    )
