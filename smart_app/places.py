"""How much of a worker the app may use: its pages wait for EHRs, and cards must not wait with them."""

from threading import BoundedSemaphore

from flask import Blueprint, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from smart_app.errors import Busy

AT_ONCE = 8  # of a worker's 16 threads: an EHR that hangs, wherever we wait for it, must not hold up cards
_FORM_MOST = 1024 * 1024
_AT_HAND = ("static", "jwks", "leaflet")  # what no EHR is asked for


def bound(door: Blueprint) -> None:
    """Before anything else is looked at. Raises Busy for one too many, and 413 for a form that no page of ours made."""
    places = BoundedSemaphore(AT_ONCE)

    @door.before_request
    def take_place() -> None:
        if (request.content_length or 0) > _FORM_MOST:
            raise RequestEntityTooLarge
        if request.method == "POST":
            request.form.get("form_key")  # read now: pages that say what went wrong give back what was filled in
        if (request.endpoint or "").rpartition(".")[2] in _AT_HAND:
            return
        if not places.acquire(blocking=False):
            raise Busy
        g.app_place = True

    @door.teardown_request
    def leave_place(_: BaseException | None) -> None:
        if g.pop("app_place", False):
            places.release()
