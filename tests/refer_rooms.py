"""The app's pages before a FHIR server that can be written to, for the tests of referring."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fhir_server import Json
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from msgspec.structs import replace
from review_cases import TODAY, case_of
from werkzeug.test import TestResponse
from writable_server import Store, store_of

from ehr.trust import Trust
from journal.journal import Journal
from second_opinion.site import AS_SHIPPED, Site, read_site
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.launches import Launch
from smart_app.refer.routes import add_refer_routes
from smart_app.review.routes import add_review_routes

SITE = read_site(
    """
[[referral_targets]]
name = "Spine second-opinion clinic"
reference = "HealthcareService/12"
phone = "555-0100"
[[referral_targets]]
name = "Dr. Far Away"
identifier = { system = "http://hl7.org/fhir/sid/us-npi", value = "1234567893" }
[[referral_targets]]
name = "North Building"
reference = "Location/3"
[[referral_targets]]
name = "Back in Motion"
takes = ["physical_therapy", "pain_clinic"]
""",
    "site.toml",
)
CHOSEN = {"target": "0", "questions": "Would another operation help?", "form_key": "key"}


@dataclass
class Room:
    store: Store
    client: FlaskClient
    flask: Flask
    case: Case

    @property
    def orders(self) -> list[Json]:
        return self.store.of("ServiceRequest")

    def post(self, path: str, **form: Any) -> TestResponse:
        return self.client.post(f"/review/launch-1/{path}", data=form)

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/review/launch-1/{path}")


@contextmanager
def refer_room(
    journal: Journal, name: str = "failed-fusion", site: Site = SITE, seconds: float = 60.0, **launch: Any
) -> Iterator[Room]:
    """`seconds`: for each request to the EHR; `launch` changes the launch; `Room.case` may be replaced at any time."""
    first = case_of(name)
    patient = dict(first.patient)
    with store_of(patient) as store:
        opened = Launch(
            id="launch-1", form_key="key", iss=store.url, patient=patient["id"], user="Practitioner/7",
            encounter="visit-1", scopes=frozenset(("user/*.cruds",)), card="a-card",
        )  # fmt: skip
        case = replace(case_of(name, replace(opened, **launch), site))
        app = App("http://localhost", lambda: TODAY, site, Trust("http://localhost"), journal,
                  lambda _: room.case.launch, lambda launch: launch, lambda _: room.case)  # fmt: skip
        acts = Acts(app, seconds)
        flask = Flask(__name__, static_folder=None)
        door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
        add_review_routes(door, app)
        add_refer_routes(door, app, acts)
        flask.register_blueprint(door)
        flask.after_request(_strictly)
        room = Room(store, flask.test_client(), flask, case)
        yield room
        acts.close()


def _strictly(response: Any) -> Any:
    response.headers["Content-Security-Policy"] = "default-src 'self'; base-uri 'none'"
    return response


__all__ = ["AS_SHIPPED", "CHOSEN", "SITE", "Room", "refer_room"]
