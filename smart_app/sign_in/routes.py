"""The routes of launching: /launch, /callback, our public keys, and the pages that say why a launch came to nothing."""

from collections.abc import Callable
from importlib.resources import files

import yaml
from flask import Blueprint, Response, make_response, redirect, render_template, request
from msgspec import Struct, convert, json
from werkzeug.wrappers import Response as AnyResponse

from journal.errors import JournalDown
from smart_app.acts.typed import typed
from smart_app.errors import Busy, FormRefused, LaunchEnded, LaunchFailed
from smart_app.sign_in.page_headers import add_headers, is_ours
from smart_app.sign_in.registration import REGISTRATION
from smart_app.sign_in.visits import Visits

Launched = Callable[[str], None]


class _Page(Struct, frozen=True):
    status: int
    title: str
    says: str


def _read_pages() -> dict[str, _Page]:
    return convert(yaml.safe_load(files("smart_app.sign_in").joinpath("pages.yaml").read_bytes()), dict[str, _Page])


PAGES = _read_pages()
_PATHS = REGISTRATION.paths
_KEYS_FRESH = 300  # seconds
_OUTCOME = "application/fhir+json"  # what errors come as, if nobody makes them a page
_ERRORS = {404: "no_page", 405: "no_way", 413: "too_large"}  # all others: broken


def add_launch_routes(door: Blueprint, visits: Visits, launched: Launched = lambda outcome: None) -> None:
    """With the headers of every page, and a page for each way of failing, wherever in the app that happens.

    `launched` is told what became of each launch: 'opened', or the page that says why it came to nothing.
    """
    add_headers(door, visits.trust.frame_ancestors)

    @door.route(_PATHS.launch, methods=["GET", "POST"])
    def launch() -> AnyResponse:
        if not (iss := request.values.get("iss")):
            return make_response(render_template("smart_app/launch.html", ehrs=visits.trust.smart_ehrs))
        return visits.begin(iss, request.values.get("launch"))

    @door.get(_PATHS.redirect)
    def callback() -> AnyResponse:
        opened = visits.finish(request.args.to_dict())
        launched("opened")
        return redirect(f"{request.script_root}/review/{opened.id}/", 303)

    @door.get(_PATHS.jwks)
    def jwks() -> Response:
        headers = {"Cache-Control": f"public, max-age={_KEYS_FRESH}"}
        return Response(json.encode({"keys": visits.published_keys}), mimetype="application/json", headers=headers)

    add_pages_of_ends(door, launched)


def add_pages_of_ends(door: Blueprint, launched: Launched = lambda outcome: None) -> None:
    """What was filled in when a launch ended, or could not be read, is given back as text: it is kept nowhere else."""

    @door.errorhandler(LaunchEnded)
    def ended(error: LaunchEnded) -> tuple[str, int]:
        return _page("ended", error.again, typed())

    @door.errorhandler(LaunchFailed)
    def failed(error: LaunchFailed) -> tuple[str, int]:
        launched(error.page)
        return _page(error.page, error.again)

    @door.errorhandler(FormRefused)
    def refused(_: FormRefused) -> tuple[str, int]:
        return _page("wrong_form")

    @door.errorhandler(Busy)
    def busy(_: Busy) -> tuple[str, int]:
        return _page("busy", "", typed())

    @door.errorhandler(JournalDown)
    def down(_: JournalDown) -> tuple[str, int]:
        return _page("not_now", "", typed())

    @door.after_app_request
    def readable(response: Response) -> Response:
        is_outcome = response.status_code >= 400 and response.mimetype == _OUTCOME
        if is_outcome and is_ours() and request.accept_mimetypes.best_match((_OUTCOME, "text/html")) == "text/html":
            response.set_data(_page(_ERRORS.get(response.status_code, "broken"))[0])
            response.mimetype = "text/html"
        return response


def _page(name: str, again: str = "", filled_in: str = "") -> tuple[str, int]:
    page = PAGES[name]
    shown = render_template("smart_app/launch.html", page=page, name=name, again=again, typed=filled_in)
    return shown, page.status
