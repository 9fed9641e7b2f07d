"""Cases and a small app for tests of the app's pages, made from the teaching patients."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response
from msgspec.structs import replace

from ehr.trust import Trust
from fixtures.teaching import teaching_patients
from journal.journal import Journal, open_journal
from second_opinion.assess import assess
from second_opinion.from_fhir import read_bundle
from second_opinion.planned_surgery import CHART_LANES, in_chart
from second_opinion.record import Lane, PatientRecord, Reading
from second_opinion.site import AS_SHIPPED, Site
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.launches import Launch
from smart_app.review.routes import add_review_routes

TODAY = date(2026, 11, 22)
LAUNCH = Launch(id="launch-1", form_key="key-1", iss="https://ehr.example/fhir", patient="p1")


def case_of(name: str, launch: Launch = LAUNCH, site: Site = AS_SHIPPED) -> Case:
    """A teaching patient, judged as the app would; the order to sign stands in the chart."""
    told = next(patient for patient in teaching_patients(TODAY) if patient.id == name)
    order = {"resource": told.order} if "resourceType" in told.order else {}
    entries = [*told.chart["entry"], *([order] if order else [])]
    return case_from({**told.chart, "entry": entries}, tuple(told.unreadable), launch, site)


def case_from(
    chart: Mapping[str, Any], unreadable: tuple[str, ...] = (), launch: Launch = LAUNCH, site: Site = AS_SHIPPED
) -> Case:
    record = without(read_bundle(json.dumps(chart).encode(), TODAY), unreadable)
    patients = [entry["resource"] for entry in chart["entry"] if entry["resource"]["resourceType"] == "Patient"]
    assessment = assess(record, in_chart(record), site=site, looked_in=CHART_LANES)
    return Case(launch, assessment, patients[0] if patients else {}, datetime(2026, 11, 22, 9, 30, tzinfo=UTC))


def chart_of(*resources: dict[str, Any], launch: Launch = LAUNCH) -> Case:
    """A patient with just these in the chart."""
    about = {"reference": "Patient/p1"}
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "1960-01-01"}
    entries = [{"resource": {"subject": about} | each} for each in resources]
    chart = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, *entries]}
    return case_from(chart, launch=launch)


def without(record: PatientRecord, lanes: tuple[str, ...]) -> PatientRecord:
    """The same, with some lanes refused by the EHR."""
    refused = {name: Lane(name, Reading.UNAVAILABLE, ("the EHR answered 403",)) for name in lanes}
    return replace(record, lanes={**record.lanes, **refused})


def fresh_journal(folder: Path) -> Iterator[Journal]:
    journal = open_journal(f"sqlite:///{folder}/journal.db", "k" * 40)
    yield journal
    journal.close(5)


def app_with(
    cases: Mapping[str, Case], journal: Journal, fetch_style: Callable[[Launch], bytes] = lambda launch: b""
) -> Flask:
    """The app's pages over these cases, by launch."""
    stands_on = App(
        base_url="http://localhost",
        today=lambda: TODAY,
        site=AS_SHIPPED,
        trust=Trust("http://localhost"),
        journal=journal,
        launch_of=lambda launch: replace(cases[launch].launch, id=launch),
        renewed=lambda launch: launch,
        case_of=lambda launch: replace(cases[launch], launch=replace(cases[launch].launch, id=launch)),
    )
    door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
    add_review_routes(door, stands_on, fetch_style)
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(door)

    @app.after_request
    def strictly(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'self'; base-uri 'none'"
        return response

    return app
