"""A referral accepted in the app stands on a third-party FHIR server, once, and is known when the chart is read."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from journal_examples import opened
from msgspec.structs import replace
from refer_rooms import CHOSEN, SITE
from smart_ehr import RUTH, TODAY, Json, RunningEhr, smart_ehr
from werkzeug.test import TestResponse

from ehr.look_up import LookUp
from ehr.trust import Trust
from journal.journal import Journal
from sandbox.smart.clients import Client
from sandbox.smart.ehr import SURGEON
from second_opinion.from_fhir import OWN_REFERRAL
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.chart.reading import MOST_PAGES, Reader
from smart_app.launches import Launch
from smart_app.refer.routes import add_refer_routes
from smart_app.review.routes import add_review_routes

ALL = "patient/*.cruds"


class Pages:
    """The app's pages on one launch of a running EHR, with the chart read from it."""

    def __init__(self, ehr: RunningEhr, journal: Journal, scope: str) -> None:
        self.ehr = ehr
        self.launch = Launch(
            id="launch-1", form_key="key", iss=ehr.fhir_base, patient=RUTH, user=SURGEON,
            scopes=frozenset(scope.split()), access_token=ehr.token_for(RUTH, scope),
        )  # fmt: skip
        self.look_up = LookUp(60.0, most_pages=MOST_PAGES)
        self.reader = Reader(self.look_up, lambda: TODAY, SITE, Trust("http://localhost"), journal, self.renewed)
        app = App("http://localhost", lambda: TODAY, SITE, Trust("http://localhost"), journal,
                  lambda _: self.launch, self.renewed, lambda _: self.case)  # fmt: skip
        self.acts = Acts(app, written=self.reader.forget)
        flask = Flask(__name__, static_folder=None)
        door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
        add_review_routes(door, app)
        add_refer_routes(door, app, self.acts)
        flask.register_blueprint(door)
        self.flask = flask

    @property
    def case(self) -> Case:
        return self.reader.case(self.launch)

    def renewed(self, launch: Launch) -> Launch:
        self.launch = replace(launch, access_token=self.ehr.token_for(RUTH, ALL))
        return self.launch

    def post(self, path: str, **form: Any) -> TestResponse:
        return self.client().post(f"/review/launch-1/{path}", data=form)

    def client(self) -> FlaskClient:
        return self.flask.test_client()

    def orders(self) -> list[Json]:
        """Ours on the server, past authorization."""
        found = self.ehr.get(f"ServiceRequest?identifier={OWN_REFERRAL}|")
        mine = [entry["resource"] for entry in found.get("entry", [])]
        return [each for each in mine if any(i["system"] == OWN_REFERRAL for i in each.get("identifier", []))]

    def close(self) -> None:
        self.acts.close()
        self.look_up.close()


@contextmanager
def pages(sekmet: str, journal: Journal, scope: str = ALL) -> Iterator[Pages]:
    with smart_ehr(sekmet, lambda port: [Client("app", ("http://localhost/callback",))]) as ehr:
        made = Pages(ehr, journal, scope)
        yield made
        made.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        yield journal


def digest_of(page: TestResponse) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


@pytest.mark.parametrize("more", [{}, {"blinded": "yes"}, {"status": "draft"}, {"file": "yes"}])
def test_an_accepted_referral_stands_on_the_server_and_silences_the_card(
    sekmet: str, journal: Journal, more: dict[str, str]
) -> None:
    chosen = CHOSEN | more
    with pages(sekmet, journal) as app:
        before = app.case.assessment
        done = app.post("refer", step="write", digest=digest_of(app.post("refer", **chosen)), **chosen)
        assert done.status_code == 303, done.text
        (order,) = app.orders()
        assert order["reasonCode"][0]["coding"][0]["code"] == "S" and order["subject"] == {
            "reference": f"Patient/{RUTH}"
        }
        after = app.case.assessment
        assert before.indicator == "warning" and after.indicator is None
        assert after.silence and after.silence.reason == "second_opinion_exists"
        assert after.surgery and before.surgery and after.surgery.orders == before.surgery.orders
        page = app.client().get(done.location)
        assert f"ServiceRequest/{order['id']}" in page.text
        app.client().post(done.location.replace("/done/", "/undo/"))
        assert "It was withdrawn" in app.client().get(done.location).text
        assert not app.orders() and app.case.assessment.indicator == "warning"


def test_confirmed_by_two_at_the_same_time_it_stands_once(sekmet: str, journal: Journal) -> None:
    with pages(sekmet, journal) as app:
        digest = digest_of(app.post("refer", **CHOSEN))
        with ThreadPoolExecutor(4) as threads:
            done = list(threads.map(lambda _: app.post("refer", step="write", digest=digest, **CHOSEN), range(4)))
        assert {answer.status_code for answer in done} == {303} and len({answer.location for answer in done}) == 1
        assert len(app.orders()) == 1


def test_without_the_scope_there_is_text_to_copy_and_nothing_is_written(sekmet: str, journal: Journal) -> None:
    with pages(sekmet, journal, "patient/*.rs") as app:
        page = app.post("refer", **CHOSEN)
        assert "has not granted this app to write ServiceRequest" in page.text and "Lumbar fusion L4-5" in page.text
        assert not app.orders()


def test_an_expired_token_is_renewed_in_the_middle_of_it(sekmet: str, journal: Journal) -> None:
    with pages(sekmet, journal) as app:
        digest = digest_of(app.post("refer", **CHOSEN))
        app.ehr.expire_tokens()
        assert app.post("refer", step="write", digest=digest, **CHOSEN).status_code == 303
        assert len(app.orders()) == 1


def test_a_scope_that_the_server_does_not_honour_is_named_as_refused(sekmet: str, journal: Journal) -> None:
    with pages(sekmet, journal) as app:
        digest = digest_of(app.post("refer", **CHOSEN))
        app.launch = replace(app.launch, access_token=app.ehr.token_for(RUTH, "patient/*.rs"))
        page = app.post("refer", step="write", digest=digest, **CHOSEN)
        assert page.status_code == 409 and "(403)" in page.text and 'id="note"' in page.text
        assert not app.orders()


@pytest.mark.parametrize("blinded", ["", "yes"])
def test_another_system_takes_all_of_the_packet_in_and_a_second_time_nothing_more(
    sekmet: str, journal: Journal, blinded: str
) -> None:
    """As receiving systems do: each resource once, by its identifier, and references put right."""
    with pages(sekmet, journal) as app:
        document = json.loads(app.post("packet.json", **CHOSEN | {"blinded": blinded}).data)
        entries = [entry for entry in document["entry"] if entry["resource"]["resourceType"] != "Composition"]
        for each in entries:
            (identifier,) = each["resource"]["identifier"][:1]
            search = f"identifier={identifier['system']}|{identifier['value']}"
            each["request"] = {"method": "POST", "url": each["resource"]["resourceType"], "ifNoneExist": search}
        taking_in = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        before = app.ehr.get("_history?_count=1")["total"]
        answers = [app.ehr.http.request("POST", sekmet, json=taking_in) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200]
        first, second = ([each["response"]["location"] for each in answer.json()["entry"]] for answer in answers)
        assert len(set(first)) == len(entries) > 20 and first == second
        assert app.ehr.get("_history?_count=1")["total"] - before == len(entries)
        taken = {"/".join(each.partition("/_history")[0].split("/")[-2:]) for each in first}
        for procedure in (each for each in taken if each.startswith("Procedure/")):
            assert "/".join(app.ehr.get(procedure)["subject"]["reference"].split("/")[-2:]) in taken
