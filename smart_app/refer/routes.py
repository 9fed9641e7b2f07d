"""Referring, for a second opinion or for care without an operation: choose, see it to the letter, confirm."""

from flask import Blueprint, Response, redirect, request, url_for
from msgspec import json
from werkzeug.wrappers import Response as Answer

from second_opinion.referral_targets import Target
from smart_app.acts.acts import Acts
from smart_app.acts.previews import Preview
from smart_app.acts.routes import add_deed_routes
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.errors import NotDone
from smart_app.pages import download
from smart_app.refer.document import document_of
from smart_app.refer.form import OTHER, Choice, read_choice, targets
from smart_app.refer.orders import PDF_NAME, act_of, order_of
from smart_app.refer.packet import Packet, packet_of
from smart_app.refer.pdf import pdf_of
from smart_app.refer.questions import proposed
from smart_app.refer.views import CARES, composer, previewed
from smart_app.refer.wording import WORDING

Page = str | tuple[str, int]


def add_refer_routes(door: Blueprint, app: App, acts: Acts | None = None) -> None:
    """Below /review/<launch>/: refer, therapy, packet.pdf, packet.json, done/<deed>, undo/<deed>.

    Every form carries the launch's form_key, which is checked before any of this is called.
    """
    does = acts or Acts(app)
    add_deed_routes(door, app, does)
    _add_packet(door, app)
    for routes in CARES:
        _add_pages(door, app, does, routes)


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


def _add_pages(door: Blueprint, app: App, acts: Acts, routes: str) -> None:
    def chosen() -> Choice:
        care = request.form.get("care", "")
        return read_choice(request.form, care if care in CARES[routes] else CARES[routes][0])

    def compose(launch: str) -> Page:
        case = app.case_of(launch)
        care = CARES[routes][0]
        listed = targets(app.site, CARES[routes])
        first = Choice(care=care, target=listed[0][0] if listed else OTHER, questions=proposed(case, care))
        return composer(case, app.site, routes, first, is_new=True)

    def edit(launch: str) -> Page:
        return composer(app.case_of(launch), app.site, routes, chosen(), is_new=True)

    def preview(launch: str) -> Page:
        case, choice = app.case_of(launch), chosen()
        recipient = choice.recipient(app.site)
        if recipient is None:
            return composer(case, app.site, routes, choice), 422
        return previewed(case, app.site, routes, choice, *_made(app, acts, case, choice, recipient))

    def confirm(launch: str) -> Page | Answer:
        case, choice = app.case_of(launch), chosen()
        recipient = choice.recipient(app.site)
        if recipient is None:
            return composer(case, app.site, routes, choice), 422
        made = _made(app, acts, case, choice, recipient)
        try:
            deed = acts.do(case, made[0], request.form.get("digest", ""))
        except NotDone as problem:
            return previewed(case, app.site, routes, choice, *made, problem), 409
        return redirect(url_for(".done_page", launch=launch, deed=deed.id), 303)

    path = f"/review/<launch>/{routes}"
    door.add_url_rule(path, f"{routes}_page", compose)
    door.add_url_rule(path, f"{routes}_preview", preview, methods=["POST"])
    door.add_url_rule(f"{path}/edit", f"{routes}_edit", edit, methods=["POST"])
    door.add_url_rule(f"{path}/confirm", f"{routes}_confirm", confirm, methods=["POST"])


def _made(app: App, acts: Acts, case: Case, choice: Choice, recipient: Target) -> tuple[Preview, Packet]:
    packet = packet_of(case, choice.questions, choice.blinded, choice.care)
    return acts.preview(case, act_of(case, choice, recipient, packet, app.today())), packet
