"""The steps of an action that begins with a form: fill in, look at what will be written, write it.

Whatever goes wrong, what was filled in is shown again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from smart_app.acts.acts import Acts
from smart_app.acts.previews import Act, Preview
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.errors import NotDone
from smart_app.forms.filled import Filled
from smart_app.launches import Launch
from smart_app.review.banner import frame_of

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class ActForm:
    """One form. `path` names its page below the launch; `shows` is what its template needs besides `filled`."""

    path: str
    title: str
    template: str
    empty: Callable[[date], Filled]
    read: Callable[[Mapping[str, str], date], Filled]
    act: Callable[[Filled, Launch], Act]
    in_words: Callable[[Filled], tuple[tuple[str, str], ...]]
    shows: Mapping[str, Any]
    left_out: Callable[[Filled, Act], str] = lambda filled, act: ""


def add_act_form(door: Blueprint, app: App, acts: Acts, form: ActForm) -> None:
    """GET the form; POST it to look at what will be written, to go back to the form, or to write it (`step`).

    The door has checked by then that a page of ours sent it.
    """

    def empty(launch: str) -> Answer:
        return _form_page(form, app.case_of(launch), form.empty(app.today()))

    def sent(launch: str) -> Answer:
        return _stepped(form, app, acts, app.case_of(launch))

    page = f"/review/<launch>/{form.path}"
    door.add_url_rule(page, f"{form.path}_form", empty)
    door.add_url_rule(page, f"{form.path}_sent", sent, methods=["POST"])


def _stepped(form: ActForm, app: App, acts: Acts, case: Case) -> Answer:
    filled, step = form.read(request.form, app.today()), request.form.get("step", "")
    if filled.problems:
        return _form_page(form, case, filled), 422
    if step == "edit":
        return _form_page(form, case, filled)
    preview = acts.preview(case, form.act(filled, case.launch))
    if step != "write":
        return _preview_page(form, case, filled, preview)
    try:
        deed = acts.do(case, preview, request.form.get("digest", ""))
    except NotDone as problem:
        return _preview_page(form, case, filled, preview, problem), 409
    return redirect(url_for(".done_page", launch=case.launch.id, deed=deed.id), 303)


def _form_page(form: ActForm, case: Case, filled: Filled) -> str:
    return render_template(form.template, frame=frame_of(case), form=form, filled=filled, **form.shows)


def _preview_page(form: ActForm, case: Case, filled: Filled, preview: Preview, problem: NotDone | None = None) -> str:
    return render_template(
        "smart_app/act_preview.html", frame=frame_of(case), form=form, filled=filled, preview=preview, problem=problem,
        in_words=form.in_words(filled), left_out=form.left_out(filled, preview.act),
    )  # fmt: skip
