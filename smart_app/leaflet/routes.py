"""The leaflet's two pages: one for anybody, without patient data, and one of a launch that names the operation."""

from flask import Blueprint, render_template, request

from smart_app.app import App
from smart_app.leaflet.leaflet import LANGUAGES, LEAFLETS, planned_words


def add_leaflet_routes(door: Blueprint, app: App) -> None:
    @door.get("/leaflet")
    def leaflet() -> str:
        return _page("")

    @door.get("/review/<launch>/leaflet")
    def leaflet_of_launch(launch: str) -> str:
        case = app.case_of(launch)
        return _page(launch, planned_words(_language(), case.assessment.surgery))


def _language() -> str:
    """As asked for; else the first of the browser's that we have."""
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def _page(launch: str, planned: str = "") -> str:
    return render_template(
        "smart_app/leaflet.html", lang=_language(), leaflets=LEAFLETS, leaflet=LEAFLETS[_language()], planned=planned,
        launch=launch,
    )  # fmt: skip
