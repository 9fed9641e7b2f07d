"""The one Flask application: doors, CORS, and errors as OperationOutcomes, whatever went wrong."""

import logging
import re
from collections.abc import Callable, Iterable
from datetime import date

from flask import Flask, Response, redirect, request
from flask.logging import default_handler
from flask_cors import CORS
from msgspec import json
from werkzeug.exceptions import HTTPException, InternalServerError

import cds_hooks.door
import sandbox.mock_ehr
from cds_hooks.client_trust import Gate
from second_opinion.site import AS_SHIPPED, Site

_log = logging.getLogger("second_opinion")
BODY_MOST = 32 * 1024 * 1024
_CODES = {
    400: "invalid",
    401: "login",
    404: "not-found",
    412: "required",
    405: "not-supported",
    413: "too-long",
    415: "not-supported",
}


def create_app(
    base_url: str,
    today: Callable[[], date] = date.today,
    site: Site = AS_SHIPPED,
    with_sandbox: bool = False,
    gate: Gate | None = None,
) -> Flask:
    """`base_url`: ours as EHRs call it; `with_sandbox` adds the mock EHR of `demo`; `gate` lets in only known EHRs."""
    app = Flask("second_opinion", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MOST
    app.logger.removeHandler(default_handler)  # the server logs; Flask's own handler would print whole requests
    app.register_blueprint(cds_hooks.door.create_blueprint(today, base_url, site, gate))
    if with_sandbox:
        app.register_blueprint(sandbox.mock_ehr.create_blueprint(today))
        app.add_url_rule("/", view_func=lambda: redirect("/sandbox/"), endpoint="home")
    app.register_error_handler(HTTPException, _outcome)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_preflight_has_no_body)
    # Browser-based clients need the headers on errors, too. Without a gate any origin may call: the service answers
    # from what it is sent, knows no cookies and listens on loopback only.
    origins = _exactly(gate.trust.origins) if gate else "*"
    CORS(app, origins=origins, methods=["GET", "POST"], allow_headers=["authorization", "content-type", "accept"])
    return app


def _exactly(origins: Iterable[str]) -> list[re.Pattern[str]]:
    """As patterns, since flask-cors would take the brackets of an IPv6 address for one."""
    return [re.compile(re.escape(origin) + r"\Z", re.IGNORECASE) for origin in origins]


def _outcome(error: HTTPException) -> Response:
    status = error.code or 500
    issue = {"severity": "error", "code": _CODES.get(status, "exception"), "diagnostics": error.description}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    response = Response(json.encode(body), status, mimetype="application/fhir+json")
    for name, value in error.get_headers():
        if name in ("Allow", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    # The kind of error and where it arose, never its text: that could hold what is in a chart.
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "?"
    _log.error("unexpected %s in %s", type(error).__name__, where)
    return _outcome(InternalServerError("Something went wrong here; the call was not judged. It has been logged."))


def _preflight_has_no_body(response: Response) -> Response:
    if response.status_code == 200 and request.method == "OPTIONS":
        response.status_code = 204
        response.set_data(b"")
    return response
