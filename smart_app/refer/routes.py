"""Referring, for a second opinion or for care without an operation: choose, see it to the letter, confirm."""

from flask import Blueprint, Response, request
from msgspec import json

from smart_app.acts.acts import Acts
from smart_app.acts.pages import add_act_form
from smart_app.acts.routes import add_deed_routes
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.pages import download
from smart_app.refer.document import document_of
from smart_app.refer.form import Choice, read_choice
from smart_app.refer.orders import PDF_NAME, order_of
from smart_app.refer.packet import Packet, packet_of
from smart_app.refer.pdf import pdf_of
from smart_app.refer.questions import proposed
from smart_app.refer.views import CARES, refer_form
from smart_app.refer.wording import WORDING


def add_refer_routes(door: Blueprint, app: App, acts: Acts | None = None) -> None:
    """Below /review/<launch>/: refer, therapy, packet.pdf, packet.json, done/<deed>, undo/<deed>.

    Every form carries the launch's form_key, which is checked before any of this is called.
    """
    does = acts or Acts(app)
    add_deed_routes(door, app, does)
    _add_packet(door, app)
    for path in CARES:
        add_act_form(door, app, does, refer_form(path, app))


def _add_packet(door: Blueprint, app: App) -> None:
    def packet(launch: str) -> tuple[Case, Choice, Packet]:
        case = app.case_of(launch)
        care = request.values.get("care", "second_opinion")
        choice = read_choice(request.values, care if care in WORDING["care"] else "second_opinion")
        asked = choice.questions if "questions" in request.values else proposed(case, choice.care)
        return case, choice, packet_of(case, asked, choice.blinded, choice.care)

    @door.route("/review/<launch>/packet.pdf", methods=["GET", "POST"])
    def packet_pdf(launch: str) -> Response:
        return download(pdf_of(packet(launch)[2]), "application/pdf", PDF_NAME)

    @door.route("/review/<launch>/packet.json", methods=["GET", "POST"])
    def packet_json(launch: str) -> Response:
        case, choice, made = packet(launch)
        to = choice.recipient(app.site)
        order = order_of(case, choice, to, made, app.today()) if to else None
        document = json.format(json.encode(document_of(made, case, order)), indent=2)
        return download(document, "application/fhir+json", "second-opinion-packet.json")
