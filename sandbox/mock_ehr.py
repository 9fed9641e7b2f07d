"""The mock EHR's web pages, below /sandbox: patients, their charts, and the hook calls its buttons send."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request

from fixtures.teaching import TeachingPatient, teaching_patients
from sandbox.card_markdown import render
from sandbox.chart_view import chart_view
from sandbox.hook_calls import HOOKS, hook_call
from sandbox.prefetch import outcome

# The browser itself makes sure that nothing leaves this machine: it may talk to this server only.
ONLY_HERE = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def create_blueprint(today: Callable[[], date]) -> Blueprint:
    pages = Blueprint("sandbox", __name__, url_prefix="/sandbox", static_folder="static", template_folder="templates")

    @pages.get("/")
    def page() -> Response:
        html = render_template("sandbox/ehr.html", patients=teaching_patients(today()), today=today())
        return Response(html, headers={"Content-Security-Policy": ONLY_HERE})

    @pages.get("/patients")
    def patients() -> Response:
        listed = ("id", "title", "patient", "story", "expect")
        return answer([{key: getattr(patient, key) for key in listed} for patient in teaching_patients(today())])

    @pages.get("/patients/<patient_id>")
    def chart(patient_id: str) -> Response:
        patient = find(patient_id, today())
        return answer(chart_view(patient, today())) if patient else unknown_patient(patient_id)

    @pages.get("/patients/<patient_id>/requests/<hook>")
    def hook_request(patient_id: str, hook: str) -> Response:
        patient = find(patient_id, today())
        if not patient:
            return unknown_patient(patient_id)
        if hook not in HOOKS:
            return refuse(404, "not-found", f"The mock EHR has no hook '{hook}'. It has: {', '.join(HOOKS)}.")
        return answer(hook_call(patient, hook))

    @pages.post("/markdown")
    def markdown() -> Response:
        body = request.get_json(silent=True)
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str):
            return refuse(400, "invalid", 'No text to render. Send JSON like {"text": "**bold**"}.')
        return answer({"html": render(text)})

    return pages


def find(patient_id: str, today: date) -> TeachingPatient | None:
    return next((patient for patient in teaching_patients(today) if patient.id == patient_id), None)


def unknown_patient(patient_id: str) -> Response:
    known = "GET /sandbox/patients lists them all"
    return refuse(404, "not-found", f"There is no teaching patient '{patient_id}'. {known}.")


def answer(body: Any, status: int = 200) -> Response:
    """JSON with its keys in the order we wrote them, since people read it on the page."""
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


def refuse(status: int, code: str, diagnostics: str) -> Response:
    return answer(outcome(code, diagnostics), status)
