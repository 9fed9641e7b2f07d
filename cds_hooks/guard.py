"""Puts the gate before all that lies below /cds-services: a stranger does not even learn which services there are."""

from collections.abc import Callable, Iterable

from flask import Blueprint, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from cds_hooks.client_trust import Caller, Gate
from cds_hooks.tokens import Refused

_GUARDED = "/cds-services"
_SAYS = "This needs a token that shows who is calling (CDS Hooks: Trusting CDS Clients)."  # the same for every reason


def guard(
    door: Blueprint, gate: Gate, refused_to: Iterable[Callable[[str, str], None]] = (), strangers: bool = False
) -> None:
    """Preflights need no token, and discovery none; but a bad one is refused there, too.

    `refused_to` learn of each refusal the reason, in a word of ours, and which of the listed clients it was, or ''.
    `strangers`: who is not listed may call, as nobody in particular; a listed client must still show that it is one.
    """

    @door.before_app_request  # the application's: unknown services and wrong methods belong to no blueprint
    def admit() -> None:
        if not f"{request.path}/".startswith(f"{_GUARDED}/") or request.method == "OPTIONS":
            return
        token = request.headers.get("Authorization")
        if token is None and request.path == _GUARDED and request.method in ("GET", "HEAD"):
            return
        try:
            g.caller = gate.admit(token, request.path)
        except Refused as refused:
            if strangers and not refused.iss:
                return
            for told in refused_to:
                told(refused.reason, refused.iss or "")
            raise Unauthorized(_SAYS, www_authenticate=WWWAuthenticate("bearer")) from None


def caller() -> Caller | None:
    """Who made the call being answered; None if that is not known: without a gate, at discovery, a stranger's."""
    known: Caller | None = g.get("caller")
    return known
