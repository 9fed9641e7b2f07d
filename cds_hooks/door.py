"""The routes: discovery, the services, and the page behind 'Why am I seeing this?'."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, Response, render_template, request
from msgspec import json
from werkzeug.exceptions import BadRequest, NotFound, PreconditionFailed, RequestEntityTooLarge, UnsupportedMediaType

from cds_hooks.calls import assess_call, read_call
from cds_hooks.cards import cards_for
from cds_hooks.client_trust import Caller, Gate
from cds_hooks.guard import caller, guard
from cds_hooks.listeners import NOBODY, Listeners
from cds_hooks.sent_again import CardsShown
from cds_hooks.services import HOOK_OF_SERVICE, discovery
from cds_hooks.why import pages_of_rules
from ehr.chart import LookedUp, OpenChart
from ehr.look_up import on_listed
from ehr.trust import may_send_token_to
from second_opinion.errors import OrdersMissing, UnreadableInput
from second_opinion.site import AS_SHIPPED, Site

Allowed = Callable[[Caller | None, str], bool]  # who calls, and the server that a token would be sent to


def listed(client: Caller | None, server: str) -> bool:
    """As the trust file says; nowhere for a caller that nobody asked who it is."""
    return client is not None and may_send_token_to(client.client, server)


def create_blueprint(
    today: Callable[[], date],
    base_url: str,
    site: Site = AS_SHIPPED,
    gate: Gate | None = None,
    listeners: Listeners = NOBODY,
    look_up: OpenChart | None = None,
    allowed: Allowed = listed,
) -> Blueprint:
    """`base_url` is ours as EHRs see it, without a slash at its end. Without a gate anybody may call.

    `look_up` opens charts on EHRs' servers, on those that are `allowed` for the client that calls.
    """
    door = Blueprint("cds_hooks", __name__, template_folder="templates", static_folder="static")
    shown = CardsShown()
    if gate:
        guard(door, gate, listeners.refused)

    @door.get("/cds-services")
    def discover() -> Response:
        return _json(discovery())

    @door.post("/cds-services/<service>")
    def serve(service: str) -> Response:
        hook = HOOK_OF_SERVICE.get(service)
        if hook is None:
            raise NotFound(f"There is no service {service!r}. GET /cds-services lists those there are.")
        if request.mimetype and "json" not in request.mimetype:
            raise UnsupportedMediaType(f"Send application/json, not {request.mimetype}.")
        try:
            call = read_call(_body(), today(), hook, site, look_up and on_listed(look_up, partial(allowed, caller())))
        except UnreadableInput as problem:
            raise BadRequest(f"Not a CDS Hooks request we can read: {problem}.") from None
        except OrdersMissing as problem:
            raise PreconditionFailed(str(problem)) from None
        if call.looked_up != LookedUp():
            for told_time in listeners.looked_up:
                told_time(call.looked_up.milliseconds / 1000)
        if shown.is_sent_again(call):
            return _json({"cards": []})
        assessment = assess_call(call, site)
        cards = cards_for(call, assessment, base_url)
        if cards:
            shown.remember(call)
        for told in listeners.assessed:
            told(call, assessment, cards)
        return _json({"cards": cards})

    @door.get("/why")
    def why() -> str:
        return render_template("cds_hooks/why.html", rules=pages_of_rules(today()))

    return door


def _body() -> bytes:
    body = request.get_data(cache=False)
    most = request.max_content_length or len(body)
    if len(body) >= most > 0 and request.content_length is None:  # chunked: werkzeug cuts it off without a word
        raise RequestEntityTooLarge
    return body


def _json(body: dict[str, Any]) -> Response:
    return Response(json.encode(body), mimetype="application/json")
