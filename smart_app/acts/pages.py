"""The steps of every action: fill in its form, look at what will be written, write it.

Whatever goes wrong, what was filled in is shown again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from smart_app.acts.acts import Acts
from smart_app.acts.previews import Act, Preview
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.errors import NotDone
from smart_app.review.banner import frame_of

Answer = str | Response | tuple[str, int]
Filled = TypeVar("Filled")


@dataclass(frozen=True)
class Told:
    """What a preview tells besides the letter: `facts`, a value or a list of them; `fields`, to read it from again;
    what is to be thought of (`warning`) or is not written (`left_out`); and `more` that the page shows.
    """

    facts: Iterable[tuple[str, str | Sequence[str]]]
    fields: Iterable[tuple[str, str]]
    warning: str = ""
    left_out: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ActForm(Generic[Filled]):
    """One form. `path` names its page below the launch; `shows` is what its template needs besides `filled`."""

    path: str
    title: str
    template: str
    first: Callable[[Case], Filled]
    read: Callable[[Mapping[str, str], Case], Filled]
    problems: Callable[[Filled], Mapping[str, str]]
    act: Callable[[Filled, Case], Act]
    told: Callable[[Filled, Case, Act], Told]
    shows: Callable[[Filled, Case], Mapping[str, Any]]


def add_act_form(door: Blueprint, app: App, acts: Acts, form: ActForm[Filled]) -> None:
    """GET the form; POST it to look at what will be written, to go back to the form, or to write it (`step`).

    The door has checked by then that a page of ours sent it.
    """

    def empty(launch: str) -> Answer:
        case = app.case_of(launch)
        return _form_page(form, case, form.first(case), {})

    def sent(launch: str) -> Answer:
        return _stepped(form, acts, app.case_of(launch))

    page = f"/review/<launch>/{form.path}"
    door.add_url_rule(page, f"{form.path}_form", empty)
    door.add_url_rule(page, f"{form.path}_sent", sent, methods=["POST"])


def _stepped(form: ActForm[Filled], acts: Acts, case: Case) -> Answer:
    filled, step = form.read(request.form, case), request.form.get("step", "")
    if problems := form.problems(filled):
        return _form_page(form, case, filled, problems), 422
    if step == "edit":
        return _form_page(form, case, filled, {})
    preview = acts.preview(case, form.act(filled, case))
    if step != "write":
        return _preview_page(form, case, filled, preview)
    try:
        deed = acts.do(case, preview, request.form.get("digest", ""))
    except NotDone as problem:
        return _preview_page(form, case, filled, preview, problem), 409
    return redirect(url_for(".done_page", launch=case.launch.id, deed=deed.id), 303)


def _form_page(form: ActForm[Filled], case: Case, filled: Filled, problems: Mapping[str, str]) -> str:
    return render_template(
        form.template, frame=frame_of(case), form=form, filled=filled, problems=problems, **form.shows(filled, case)
    )


def _preview_page(
    form: ActForm[Filled], case: Case, filled: Filled, preview: Preview, problem: NotDone | None = None
) -> str:
    told = form.told(filled, case, preview.act)
    return render_template(
        "smart_app/act_preview.html", frame=frame_of(case), form=form, preview=preview, problem=problem, told=told,
        **told.more,
    )  # fmt: skip
