"""The app's routes, all of them, and what they stand on: launches, charts, the journal."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from flask import Blueprint, request

from ehr.chart import OpenChart
from ehr.trust import Trust
from journal.journal import Journal
from second_opinion.site import AS_SHIPPED, Site
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.assets import add_version
from smart_app.chart.case import Case
from smart_app.chart.reading import Reader
from smart_app.forms.routes import add_discuss_routes
from smart_app.leaflet.routes import add_leaflet_routes
from smart_app.places import bound
from smart_app.refer.routes import add_refer_routes
from smart_app.review.ehr_style import EhrStyles
from smart_app.review.routes import add_review_routes
from smart_app.sign_in.credentials import Credentials
from smart_app.sign_in.routes import Launched, add_launch_routes
from smart_app.sign_in.visits import Visits, check_form

STATIC = Path(__file__).parent / "static"
WITHOUT = Credentials()  # enough where all EHRs know the app as public


def create_blueprint(
    trust: Trust,
    journal: Journal,
    open_chart: OpenChart,
    credentials: Credentials = WITHOUT,
    today: Callable[[], date] = date.today,
    site: Site = AS_SHIPPED,
    launched: Launched = lambda outcome: None,
) -> Blueprint:
    """`open_chart` reads whole charts, with the time that a person who waits for a page gives it.

    `launched` is told what became of each launch, in a word of ours.
    """
    door = Blueprint(
        "smart_app", __name__, template_folder="templates", static_folder=STATIC, static_url_path="/assets"
    )
    bound(door)
    visits = Visits(trust, journal, credentials)
    reader = Reader(open_chart, today, site, trust, journal, visits.renewed)

    def case_of(launch: str) -> Case:
        return reader.case(visits.launch_of(launch))

    app = App(trust.base_url, today, site, trust, journal, visits.launch_of, visits.renewed, case_of, reader.forget)
    acts = Acts(app, written=app.forget)

    @door.before_request
    def check() -> None:
        if request.method == "POST" and (launch := (request.view_args or {}).get("launch")):
            check_form(visits.launch_of(launch))

    add_version(door, STATIC)
    add_launch_routes(door, visits, launched)
    add_review_routes(door, app, EhrStyles(trust).of)
    add_refer_routes(door, app, acts)
    add_discuss_routes(door, app, acts)
    add_leaflet_routes(door, app)
    return door
