"""Whether the service lives, whether all it stands on works, and its metrics: three pages for machines."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response
from msgspec import json
from prometheus_client import CONTENT_TYPE_LATEST

from plugin.metrics import exposition

Check = Callable[[], str]  # '' or what is wrong, within a second
_RETRY_SECONDS = 10


def create_blueprint(checks: Mapping[str, Check]) -> Blueprint:
    """`checks`: what the service stands on, by name. Cards are served whatever they say."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def alive() -> Response:
        return Response(b'{"status":"ok"}', mimetype="application/json")

    @health.get("/readyz")
    def ready() -> Response:
        found = {name: _asked(check) or "ok" for name, check in checks.items()}
        is_ready = all(said == "ok" for said in found.values())
        body = json.encode({"status": "ready" if is_ready else "not ready", "checks": found})
        if is_ready:
            return Response(body, mimetype="application/json")
        return Response(body, 503, {"Retry-After": str(_RETRY_SECONDS)}, mimetype="application/json")

    @health.get("/metrics")
    def metrics() -> Response:
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    return health


def _asked(check: Check) -> str:
    """What a check says; one that breaks is not ready, and must not take the page with it."""
    try:
        return check()
    except Exception as error:  # its text could hold an address with a password
        return f"the check itself failed ({type(error).__name__})"
