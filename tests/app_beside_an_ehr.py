"""The app's actions beside an EHR that can be written to: every page is made from what that EHR's server holds."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, request
from flask.testing import FlaskClient
from journal_examples import opened
from msgspec.structs import replace
from review_cases import TODAY, case_from
from werkzeug.test import TestResponse
from writable_server import Store, store_of

from ehr.trust import Trust
from second_opinion.assess import Assessment
from second_opinion.findings import Finding
from second_opinion.site import AS_SHIPPED
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.errors import LaunchEnded
from smart_app.forms.routes import add_discuss_routes
from smart_app.launches import Launch
from smart_app.leaflet.routes import add_leaflet_routes
from smart_app.refer.routes import add_refer_routes
from smart_app.review.routes import add_review_routes
from smart_app.sign_in.routes import add_pages_of_ends
from smart_app.sign_in.visits import check_form

Json = dict[str, Any]
PATIENT: Json = {"resourceType": "Patient", "id": "p1", "birthDate": "1960-04-02", "name": [{"text": "Ruth <b>K</b>"}]}
FUSION: Json = {
    "resourceType": "ServiceRequest", "id": "plan", "status": "active", "intent": "order", "authoredOn": "2026-11-20",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22612"}], "text": "Lumbar fusion"},
    "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M43.16"}]}],
}  # fmt: skip
ALL = ("patient/QuestionnaireResponse.cruds", "patient/Observation.cruds", "patient/Procedure.cruds")
KEY, TOKEN = "key-of-the-form", "canary-77aa"


class Forms:
    """The pages of launch l1, as a browser asks for them."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, page: str) -> TestResponse:
        return self.client.get(f"/review/l1/{page}")

    def post(self, page: str, form: dict[str, str], step: str = "preview") -> TestResponse:
        return self.client.post(f"/review/l1/{page}", data={"form_key": KEY, "step": step} | form)

    def undo(self, answer: TestResponse) -> TestResponse:
        """Presses the button of the page that a write has led to."""
        deed = (answer.location or "").rpartition("/")[2]
        return self.post(f"undo/{deed}", {})

    def write(self, page: str, form: dict[str, str]) -> TestResponse:
        """Looks at it and confirms it."""
        return self.post(page, form | {"digest": digest_in(self.post(page, form).text)}, "write")


class Beside(Forms):
    """`launch` may be changed between requests, and `ended` makes every launch end."""

    def __init__(self, client: FlaskClient, store: Store, launch: Launch) -> None:
        super().__init__(client)
        self.store, self.launch, self.ended = store, launch, False

    def assessed(self) -> Assessment:
        """The chart as it stands now, read and judged anew."""
        return self._case().assessment

    def finding(self, rule: str) -> Finding:
        return next(each for each in self.assessed().findings if each.rule == rule)

    def _launch(self, launch: str) -> Launch:
        if self.ended:
            raise LaunchEnded
        return replace(self.launch, id=launch)

    def _case(self, launch: str = "l1") -> Case:
        chart = {"resourceType": "Bundle", "entry": [{"resource": each} for each in self.store.kept.values()]}
        return case_from(chart, launch=self._launch(launch))


@contextmanager
def beside(folder: Path, *chart: Json, scopes: tuple[str, ...] = ALL) -> Iterator[Beside]:
    with store_of(PATIENT, FUSION, *chart) as store, opened(f"sqlite:///{folder}/journal.sqlite3") as journal:
        launch = Launch(
            id="l1", form_key=KEY, iss=store.url, patient="p1", encounter="e1", user="Practitioner/7",
            scopes=frozenset(scopes), access_token=TOKEN,
        )  # fmt: skip
        app = Flask("beside an EHR", static_folder=None)
        it = Beside(app.test_client(), store, launch)
        stands_on = App(
            base_url="http://localhost", today=lambda: TODAY, site=AS_SHIPPED, trust=Trust("http://localhost"),
            journal=journal, launch_of=it._launch, renewed=lambda launch: launch, case_of=it._case,
        )  # fmt: skip
        door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
        add_pages_of_ends(door)

        @door.before_request
        def check() -> None:
            if request.method == "POST":
                check_form(it._launch("l1"))

        add_review_routes(door, stands_on)
        acts = Acts(stands_on)
        add_refer_routes(door, stands_on, acts)
        add_discuss_routes(door, stands_on, acts)
        add_leaflet_routes(door, stands_on)
        app.register_blueprint(door)
        app.after_request(strictly)
        yield it


def strictly(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = "default-src 'self'; base-uri 'none'"
    return response


def digest_in(page: str) -> str:
    found = re.search(r'name="digest" value="([^"]+)"', page)
    assert found, page
    return found[1]


def previewed(page: str) -> list[str]:
    """The JSON shown, as it stands in the page."""
    return [unescape(shown) for shown in re.findall(r'aria-label="What will be written">(.*?)</pre>', page, re.DOTALL)]


def field_value(page: str, name: str) -> str:
    """What a text area holds."""
    found = re.search(rf'<textarea id="{re.escape(name)}"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found, page
    return unescape(found[1])
