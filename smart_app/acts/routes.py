"""What was done: the page that says so, and undoing it; for every action alike."""

from flask import Blueprint, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from journal.errors import JournalDown
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.errors import NotDone
from smart_app.refer.wording import WORDING
from smart_app.review.banner import frame_of


def add_deed_routes(door: Blueprint, app: App, acts: Acts) -> None:
    """GET /review/<launch>/done/<deed>, which actions redirect to; POST /review/<launch>/undo/<deed>."""

    @door.get("/review/<launch>/done/<deed>")
    def done_page(launch: str, deed: str) -> str | tuple[str, int]:
        return _page(launch, deed)

    @door.post("/review/<launch>/undo/<deed>")
    def undo(launch: str, deed: str) -> Answer | tuple[str, int]:
        try:
            acts.undo(app.case_of(launch), deed)
        except NotDone as problem:
            return _page(launch, deed, str(problem))
        return redirect(url_for(".done_page", launch=launch, deed=deed), 303)

    def _page(launch: str, name: str, problem: str = "") -> tuple[str, int]:
        case = app.case_of(launch)
        try:
            deed = acts.deeds.get(name, launch)
        except JournalDown:
            deed, problem = None, problem or WORDING["done"]["journal_down"]
        if deed is None and not problem:
            abort(404)
        page = render_template(
            "smart_app/done.html", frame=frame_of(case), deed=deed, problem=problem, words=WORDING["done"]
        )
        return page, 409 if problem else 200
