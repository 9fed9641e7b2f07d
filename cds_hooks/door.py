"""The routes: discovery, the services, feedback, and the page behind 'Why am I seeing this?'."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from secrets import token_hex
from time import perf_counter
from typing import Any

from flask import Blueprint, Response, render_template, request
from msgspec import json
from werkzeug.exceptions import (
    BadRequest,
    NotFound,
    PreconditionFailed,
    RequestEntityTooLarge,
    ServiceUnavailable,
    UnsupportedMediaType,
)

from cds_hooks.answering import answer
from cds_hooks.calls import read_call
from cds_hooks.client_trust import Caller, Gate
from cds_hooks.feedback import read_feedback, rows_of
from cds_hooks.guard import caller, guard
from cds_hooks.history import known_call
from cds_hooks.keeping import rows_of_call
from cds_hooks.listeners import NOBODY, Listeners
from cds_hooks.sent_again import CardsShown
from cds_hooks.services import HOOK_OF_SERVICE, discovery
from cds_hooks.why import pages_of_rules
from ehr.chart import LookedUp, OpenChart
from ehr.look_up import on_listed
from ehr.trust import may_send_token_to
from journal.answers import store_feedback
from journal.errors import JournalDown
from journal.journal import Journal
from journal.keys import Keys
from second_opinion.errors import OrdersMissing, UnreadableInput
from second_opinion.site import AS_SHIPPED, Site

_RETRY_SECONDS = 10
_CARDS_FIRST_SECONDS = 0.2
_NOT_STORED = "Answers cannot be stored now, so none was taken. Please send it again in a moment."

Allowed = Callable[[Caller | None, str], bool]  # who calls, and the server that a token would be sent to


def listed(client: Caller | None, server: str) -> bool:
    """As the trust file says; nowhere for a caller that nobody asked who it is."""
    return client is not None and may_send_token_to(client.client, server)


def create_blueprint(
    today: Callable[[], date],
    base_url: str,
    site: Site = AS_SHIPPED,
    gate: Gate | None = None,
    journal: Journal | None = None,
    listeners: Listeners = NOBODY,
    look_up: OpenChart | None = None,
    allowed: Allowed = listed,
    strangers: bool = False,
) -> Blueprint:
    """`base_url` is ours as EHRs see it, without a slash at its end.

    Without a gate anybody may call. Without a journal answers to cards are not taken, and none are known.
    `look_up` opens charts on EHRs' servers, on those that are `allowed` for the client that calls.
    `strangers`: whether the gate lets in callers it does not know, as nobody in particular.
    """
    door = Blueprint("cds_hooks", __name__, template_folder="templates", static_folder="static")
    shown = CardsShown()
    keys = journal.keys if journal else Keys(token_hex(32))
    if gate:
        guard(door, gate, listeners.refused, strangers)

    @door.get("/cds-services")
    def discover() -> Response:
        return _json(discovery())

    @door.post("/cds-services/<service>")
    def serve(service: str) -> Response:
        began, hook = perf_counter(), _hook_of(service)
        try:
            open_chart = look_up and on_listed(look_up, partial(allowed, caller()))
            call = read_call(_body(), today(), hook, site, open_chart, whole=False)
        except UnreadableInput as problem:
            raise BadRequest(f"Not a CDS Hooks request we can read: {problem}.") from None
        except OrdersMissing as problem:
            raise PreconditionFailed(str(problem)) from None
        if call.looked_up != LookedUp():
            for told_time in listeners.looked_up:
                told_time(call.looked_up.milliseconds / 1000)
        now = known_call(call, keys, caller())
        answered = answer(call, now, base_url, shown, journal, site)
        for told in listeners.assessed:
            told(call, answered.assessment, answered.cards)
        if journal:
            timing = {"total": (perf_counter() - began) * 1000, "look_up": call.looked_up.milliseconds}
            journal.writer.put(*rows_of_call(call, now, answered, datetime.now(UTC), timing))
        return _json({"cards": answered.cards})

    @door.post("/cds-services/<service>/feedback")
    def feedback(service: str) -> Response:
        _hook_of(service)
        try:
            replies, faults = read_feedback(_body(), site.reason_codes)
        except UnreadableInput as problem:
            raise BadRequest(f"Not feedback we can read: {problem}.") from None
        who, day = caller(), today()
        rows = rows_of(replies, who.iss if who else "", day, datetime.now(UTC), site.limits_on("silence", day))
        if journal is None:
            raise ServiceUnavailable(_NOT_STORED, retry_after=_RETRY_SECONDS)
        journal.writer.flush(_CARDS_FIRST_SECONDS)  # what is answered here may still be waiting to be written
        try:
            store_feedback(journal.database, journal.keys, *rows)
        except JournalDown:
            raise ServiceUnavailable(_NOT_STORED, retry_after=_RETRY_SECONDS) from None
        for reply in replies:
            for told in listeners.fed_back:
                told(reply.outcome, reply.reason)
        return _json(_warning(faults) if faults else {})

    @door.get("/why")
    def why() -> str:
        return render_template("cds_hooks/why.html", rules=pages_of_rules(today()))

    return door


def _hook_of(service: str) -> str:
    """The hook that a service answers; its body must be JSON."""
    hook = HOOK_OF_SERVICE.get(service)
    if hook is None:
        raise NotFound(f"There is no service {service!r}. GET /cds-services lists those there are.")
    if request.mimetype and "json" not in request.mimetype:
        raise UnsupportedMediaType(f"Send application/json, not {request.mimetype}.")
    return hook


def _body() -> bytes:
    sent, most = request.content_length, request.max_content_length
    if sent is not None and (most is None or sent <= most):
        # In one piece; get_data copies it several times, in parts.
        return bytes(request.environ["wsgi.input"].read(sent))
    body = request.get_data(cache=False)  # refuses what is said to be too long
    if len(body) >= (most or len(body)) > 0:  # chunked: werkzeug cuts it off without a word
        raise RequestEntityTooLarge
    return body


def _warning(faults: list[str]) -> dict[str, Any]:
    """The rest of a batch is stored: what was left out, and where."""
    issues = [{"severity": "warning", "code": "invalid", "diagnostics": fault} for fault in faults]
    return {"resourceType": "OperationOutcome", "issue": issues}


def _json(body: dict[str, Any]) -> Response:
    return Response(json.encode(body), mimetype="application/json")
