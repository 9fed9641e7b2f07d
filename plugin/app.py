"""The one Flask application: doors, CORS, and errors as OperationOutcomes, whatever went wrong."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, redirect, request
from flask.logging import default_handler
from flask_cors import CORS
from werkzeug.exceptions import HTTPException, InternalServerError

import cds_hooks.door
from cds_hooks.client_trust import Gate
from cds_hooks.door import Allowed, listed
from cds_hooks.listeners import NOBODY, Listeners
from ehr.chart import OpenChart
from journal.journal import Journal
from plugin import health, metrics, openapi, request_log
from plugin.logs import place_of
from plugin.outcomes import MEDIA_TYPE, operation_outcome
from second_opinion.site import AS_SHIPPED, Site

BODY_MOST = 32 * 1024 * 1024
_SAID_TO_CALLERS = ("Allow", "Retry-After", "WWW-Authenticate")
_COUNTED = Listeners(
    assessed=(metrics.observe_assessment, request_log.note_assessment),
    looked_up=(metrics.observe_lookup, request_log.note_lookup),
    fed_back=(metrics.observe_feedback, request_log.note_feedback),
    refused=(metrics.observe_refusal, request_log.note_refusal),
)


class _Behind(Flask):
    """Behind a proxy: links and redirects of ours lead to where we are called, not to where the proxy finds us."""

    address = urlsplit("")

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.url_scheme"] = self.address.scheme or environ["wsgi.url_scheme"]
        environ["SCRIPT_NAME"] = self.address.path.rstrip("/")  # the proxy takes it off
        return super().wsgi_app(environ, start_response)


def create_app(
    base_url: str,
    today: Callable[[], date] = date.today,
    site: Site = AS_SHIPPED,
    gate: Gate | None = None,
    journal: Journal | None = None,
    checks: Mapping[str, health.Check] = MappingProxyType({}),
    listeners: Listeners = NOBODY,
    look_up: OpenChart | None = None,
    allowed: Allowed = listed,
    pages: Sequence[Blueprint] = (),
    demo: Sequence[Blueprint] = (),
) -> Flask:
    """`base_url`: ours as EHRs call it; `gate` lets in only known EHRs.

    `journal`: keeps what happened, and knows what was answered to earlier cards.
    `checks`: what /readyz asks, by name; `listeners`: who is told what happens, after logs and metrics.
    `look_up` reads what prefetch leaves out, from the servers `allowed`: those that the trust file lists.
    `pages`: those for people, such as the app's.
    `demo`: the mock EHR's pages. With them the gate knows its EHR, and lets in strangers as nobody in particular.
    """
    app = _Behind("second_opinion", static_folder=None)
    app.address = urlsplit(base_url)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MOST
    app.url_map.merge_slashes = False  # a path that is none of ours is 404, and no redirect
    app.logger.removeHandler(default_handler)  # the server logs; Flask's own handler would print whole requests
    request_log.keep_request_log(app, metrics.observe_request)
    told = _COUNTED.and_also(listeners)
    app.register_blueprint(
        cds_hooks.door.create_blueprint(today, base_url, site, gate, journal, told, look_up, allowed, bool(demo))
    )
    stands_on: dict[str, health.Check] = {"knowledge": _knowledge}
    if journal:
        stands_on["database"] = journal.database.state
    if journal and journal.redis:
        stands_on["redis"] = journal.redis.state
    app.register_blueprint(health.create_blueprint({**stands_on, **checks}))
    openapi.serve_document(app, base_url)
    for each in (*pages, *demo):
        app.register_blueprint(each)
    if demo:
        app.add_url_rule("/", view_func=lambda: redirect("/sandbox/"), endpoint="home")
    app.register_error_handler(HTTPException, _outcome)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_preflight_has_no_body)
    # Browser-based clients need the headers on errors, too. Without a gate any origin may call: the service answers
    # from what it is sent, knows no cookies and listens on loopback only.
    origins = _exactly(gate.trust.origins) if gate and not demo else "*"
    CORS(
        app, resources=_all_but(app, (*pages, *demo)), origins=origins, methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "accept"],
    )  # fmt: skip
    return app


def _all_but(app: Flask, pages: Iterable[Blueprint]) -> re.Pattern[str]:
    """What is not below a page for people: what stands there is for no other site's scripts."""
    names = {page.name for page in pages}
    below = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules() if rule.endpoint.split(".")[0] in names}
    return re.compile(f"(?!/({'|'.join(map(re.escape, sorted(below)))})(/|$))" if below else "")


def note_launch(outcome: str) -> None:
    """What the app is to tell of its launches: counted, and in the line of the request."""
    metrics.observe_launch(outcome)
    request_log.note(launch=outcome)


def _exactly(origins: Iterable[str]) -> list[re.Pattern[str]]:
    """As patterns, since flask-cors would take the brackets of an IPv6 address for one."""
    return [re.compile(re.escape(origin) + r"\Z", re.IGNORECASE) for origin in origins]


def _knowledge() -> str:
    return ""  # rules, limits and value sets are read while the modules load: broken, they would have stopped the start


def _outcome(error: HTTPException) -> Response:
    status = error.code or 500
    response = Response(operation_outcome(status, error.description), status, mimetype=MEDIA_TYPE)
    for name, value in error.get_headers():
        if name in _SAID_TO_CALLERS:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    # The kind of error and where it arose, never its text: that could hold what is in a chart.
    request_log.note(error=type(error).__name__, error_in=place_of(error.__traceback__))
    return _outcome(InternalServerError("Something went wrong here; the call was not judged. It has been logged."))


def _preflight_has_no_body(response: Response) -> Response:
    if response.status_code == 200 and request.method == "OPTIONS":
        response.status_code = 204
        response.set_data(b"")
    return response
