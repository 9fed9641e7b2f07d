"""One line a request, and its id: what was asked and decided, in words of ours; never who the patient is."""

import re
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Response, g, request

from cds_hooks.calls import Call
from cds_hooks.contexts import HOOKS
from cds_hooks.services import HOOK_OF_SERVICE
from cds_hooks.uuids import new_uuid
from second_opinion.assess import Assessment
from second_opinion.data_needs import prefetch_templates
from second_opinion.record import Reading

ID_HEADER = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9\-._]{1,64}")
_ASKED = {hook: tuple(prefetch_templates(hook)) for hook in HOOKS}  # the lanes that a hook's templates ask for
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_METHODS = ("GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE")
_QUIET = ("/healthz", "/readyz", "/metrics")  # asked every few seconds; of interest only when they fail
_log = structlog.get_logger()
Observe = Callable[[str, str, int, float], None]


def keep_request_log(app: Flask, observe: Observe) -> None:
    """Logs each request of an application, gives it an id, and tells `observe` its route, service, status, seconds."""

    @app.before_request
    def begin() -> None:
        sent = request.headers.get(ID_HEADER, "")
        g.began, g.id, g.noted = perf_counter(), sent if _ID.fullmatch(sent) else new_uuid(), {}

    @app.after_request
    def end(response: Response) -> Response:
        seconds = perf_counter() - g.began
        response.headers[ID_HEADER] = g.id
        rule = request.url_rule.rule if request.url_rule else "none"
        named = (request.view_args or {}).get("service", "")
        service = named if named in HOOK_OF_SERVICE else ""
        status = response.status_code
        observe(rule, service, status, seconds)
        if status < 400 and rule in _QUIET:
            return response
        say = _log.error if status >= 500 else _log.info
        say(
            "request",
            request_id=g.id,
            method=request.method if request.method in _METHODS else "other",
            route=rule,
            **({"service": service} if service else {}),
            status=status,
            milliseconds=round(seconds * 1000, 2),
            **g.noted,
        )
        return response


def note(**more: Any) -> None:
    """Adds to the line of the request that is being answered."""
    g.noted |= more


def note_assessment(call: Call, assessment: Assessment, cards: Sequence[dict[str, Any]]) -> None:
    """What was decided: outcomes by rule, the card's indicator or why there is none, what was not read in full."""
    said: dict[str, Any] = {"outcomes": {finding.rule: finding.outcome for finding in assessment.findings}}
    if _UUID.fullmatch(call.instance):
        said["hook_instance"] = call.instance
    if cards:
        said["indicator"] = assessment.indicator
    if assessment.silence:
        said["silenced_by"] = assessment.silence.reason
    if unread := not_complete(call, assessment):
        said["lanes"] = unread
    if assessment.record.skipped:
        said["orders_not_judged"] = len(assessment.record.skipped)
    if assessment.could_not_look:
        said["could_not_look"] = list(assessment.could_not_look)
    note(**said)


def not_complete(call: Call, assessment: Assessment) -> dict[str, str]:
    """The lanes that this hook needs and that were not read in full, with their state."""
    if assessment.surgery is None and not assessment.looked_in:
        return {}
    lanes = assessment.record.lanes
    return {name: lanes[name].state for name in _ASKED[call.hook] if lanes[name].state is not Reading.COMPLETE}


def note_lookup(seconds: float) -> None:
    """How long the FHIR server was asked."""
    note(lookup_milliseconds=round(seconds * 1000, 2))


def note_feedback(_outcome: str, _reason: str) -> None:
    """How many answers came; which ones is counted in the metrics."""
    note(feedback=g.noted.get("feedback", 0) + 1)


def note_refusal(reason: str, client: str) -> None:
    """Why it is 401, in a word of ours, and which listed client it was: the answer itself never says."""
    note(refused=reason, client=client or "none of ours")
