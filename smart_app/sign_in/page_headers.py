"""The headers of every page of the app: who may frame it, what it may load, and that nobody keeps a copy."""

from collections.abc import Iterable

from flask import Blueprint, Response, g, request

_BELOW = ("assets", "callback", "launch", "leaflet", "review")
_POLICY = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors "


def framed_by(origins: Iterable[str]) -> None:
    """Of the answer under way. X-Frame-Options cannot name another site, so it is never sent."""
    g.framed_by = tuple(origins)


def is_ours() -> bool:
    """Whether what is asked for is the app's, also where nothing is to be found."""
    return request.blueprint == "smart_app" or request.path.split("/")[1] in _BELOW


def add_headers(door: Blueprint, by_default: Iterable[str]) -> None:
    """`by_default`: who may frame a page that is no launch's, such as the one that says why there is none."""
    anybody_trusted = tuple(by_default)

    @door.after_app_request
    def with_headers(response: Response) -> Response:
        if not is_ours():
            return response
        origins = g.get("framed_by", anybody_trusted)
        response.headers["Content-Security-Policy"] = _POLICY + (" ".join(origins) or "'none'")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if not (request.endpoint or "").endswith(".static"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
