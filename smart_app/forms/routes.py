"""The routes of the options discussion and of care done elsewhere, and the Questionnaire for whoever reads answers."""

from typing import Any

from flask import Blueprint, Response
from msgspec import json

from second_opinion.options_discussion import OPTIONS_DISCUSSION as ASKED
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.forms.act_pages import ActForm, add_act_form
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
        path="discuss", title="Options discussed", template="smart_app/discuss.html", read=read_discussion, act=act_of,
        empty=lambda today: Filled({DATE: today.isoformat()}), in_words=in_words, shows=_DISCUSS, left_out=left_out,
    )  # fmt: skip
    elsewhere = ActForm(
        path="elsewhere", title="Add care done elsewhere", template="smart_app/elsewhere.html", read=read_care,
        act=act_of_care, empty=lambda today: Filled(), in_words=care_in_words, shows={"elsewhere": ELSEWHERE},
    )  # fmt: skip
    add_act_form(door, app, acts, discuss)
    add_act_form(door, app, acts, elsewhere)
    door.add_url_rule(_QUESTIONNAIRE, "questionnaire", _serve_questionnaire)


def _serve_questionnaire() -> Response:
    answer = Response(json.format(json.encode(questionnaire()), indent=2), mimetype="application/fhir+json")
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer
