"""The mock EHR's web pages, below /sandbox: patients, their charts, and what its buttons do."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request

from ehr.urls import is_loopback
from fixtures.teaching import TeachingPatient, teaching_patients
from sandbox import buttons, screens
from sandbox.card_markdown import render
from sandbox.chart_view import chart_view, order_view
from sandbox.ehr import Ehr, answer, refuse, unknown_patient
from sandbox.people import begun_anew, chart_of, listed

_PARTS = (
    ("request", "Request"), ("prefetch", "Prefetch"), ("answer", "Answer"), ("timings", "Timings"), ("token", "Token"),
    ("feedback", "Feedback"), ("journal", "Journal"),
)  # fmt: skip


def create_blueprint(ehr: Ehr) -> Blueprint:
    pages = Blueprint("sandbox", __name__, url_prefix="/sandbox", static_folder="static", template_folder="templates")

    @pages.before_request
    def check_host() -> Response | None:
        # A page of another site can have its own name lead to this machine, and would then read charts as its own.
        if is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            return None
        return refuse(403, "forbidden", "The mock EHR is for this machine alone: open it at 127.0.0.1 or localhost.")

    @pages.get("/")
    def page() -> Response:
        html = render_template(
            "sandbox/ehr.html",
            patients=[] if ehr.behind.external else teaching_patients(ehr.today()),
            today=ehr.today(), faults=ehr.breaking.faults.values(), parts=_PARTS, app_url=ehr.app,
            external=ehr.behind.own.base if ehr.behind.external else "",
            procedures=screens.PROCEDURES, slots=list(screens.slots(ehr.today())), performers=screens.PERFORMERS,
        )  # fmt: skip
        return Response(html, headers={"Content-Security-Policy": policy(ehr.app)})

    @pages.get("/patients")
    def patients() -> Response:
        if ehr.behind.external:
            return answer(listed(ehr.behind, request.args.get("name", "").strip()))
        shown = ("id", "title", "patient", "story", "expect", "why")
        return answer([{key: getattr(patient, key) for key in shown} for patient in teaching_patients(ehr.today())])

    @pages.get("/patients/<patient_id>")
    def chart(patient_id: str) -> Response:
        return of(patient_id, lambda patient: chart_view(patient, chart_of(ehr.behind, patient), ehr.today()))

    @pages.post("/patients/<patient_id>/anew")
    def anew(patient_id: str) -> Response:
        def opened(patient: TeachingPatient) -> Any:
            begun_anew(ehr.behind, patient)
            return chart_view(patient, chart_of(ehr.behind, patient), ehr.today())

        return of(patient_id, opened)

    @pages.get("/patients/<patient_id>/order")
    def order(patient_id: str) -> Response:
        chosen = request.args.get("procedure", "")
        return of(patient_id, lambda patient: {"order": order_view(screens.with_procedure(patient, chosen).order)})

    @pages.post("/markdown")
    def markdown() -> Response:
        body = request.get_json(silent=True)
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str):
            return refuse(400, "invalid", 'No text to render. Send JSON like {"text": "**bold**"}.')
        return answer({"html": render(text)})

    def of(patient_id: str, shown: Callable[[TeachingPatient], Any]) -> Response:
        patient = ehr.find(patient_id)
        return answer(shown(patient)) if patient else unknown_patient(patient_id)

    buttons.add_routes(pages, ehr)
    return pages


def policy(app: str) -> str:
    """The browser itself makes sure that nothing leaves this machine: it may talk to this server, and frame our app."""
    framed = f"; frame-src 'self' {'://'.join(urlsplit(app)[:2])}" if app else ""  # the app signs in with us
    return f"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'{framed}"
