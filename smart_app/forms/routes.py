"""The routes of the options discussion and of care done elsewhere, and the Questionnaire for whoever reads answers."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response
from msgspec import json

from second_opinion.options_discussion import OPTIONS_DISCUSSION as ASKED
from smart_app.acts.acts import Acts
from smart_app.acts.pages import ActForm, Told, add_act_form
from smart_app.app import App
from smart_app.forms.discussion import act_of, left_out
from smart_app.forms.discussion_form import in_words, read_discussion
from smart_app.forms.elsewhere import act_of_care
from smart_app.forms.elsewhere_form import ELSEWHERE, care_in_words, read_care
from smart_app.forms.filled import Filled
from smart_app.forms.questionnaire import DATE, choices, option_links, questionnaire

_QUESTIONNAIRE = "/fhir/Questionnaire/options-discussion"
_DISCUSS: dict[str, Any] = {"asked": ASKED, "links": option_links, "choices": choices}


def add_discuss_routes(door: Blueprint, app: App, acts: Acts | None = None) -> None:
    """`acts`: shared with the other actions; one of its own otherwise."""
    acts = acts or Acts(app)
    discuss = ActForm(
        path="discuss", title="Options discussed", template="smart_app/discuss.html",
        first=lambda case: Filled({DATE: app.today().isoformat()}),
        read=lambda form, case: read_discussion(form, app.today()),
        problems=lambda filled: filled.problems, act=lambda filled, case: act_of(filled, case.launch),
        told=lambda filled, case, act: _told(filled, in_words(filled), left_out(filled, act)),
        shows=lambda filled, case: _DISCUSS,
    )  # fmt: skip
    elsewhere = ActForm(
        path="elsewhere", title="Add care done elsewhere", template="smart_app/elsewhere.html",
        first=lambda case: Filled(), read=lambda form, case: read_care(form, app.today()),
        problems=lambda filled: filled.problems, act=lambda filled, case: act_of_care(filled, case.launch),
        told=lambda filled, case, act: _told(filled, care_in_words(filled)),
        shows=lambda filled, case: {"elsewhere": ELSEWHERE},
    )  # fmt: skip
    add_act_form(door, app, acts, discuss)
    add_act_form(door, app, acts, elsewhere)
    door.add_url_rule(_QUESTIONNAIRE, "questionnaire", _serve_questionnaire)


def _told(filled: Filled, facts: Iterable[tuple[str, str]], left_out: str = "") -> Told:
    return Told(facts, filled.values.items(), left_out=left_out)


def _serve_questionnaire() -> Response:
    answer = Response(json.format(json.encode(questionnaire()), indent=2), mimetype="application/fhir+json")
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer
