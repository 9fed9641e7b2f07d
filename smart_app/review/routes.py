"""The review page, and the colours and fonts that the EHR asks for."""

from collections.abc import Callable

from flask import Blueprint, Response, render_template, request

from second_opinion.plain_words import spoken_date, written_date
from smart_app.app import App
from smart_app.launches import Launch
from smart_app.review.banner import frame_of
from smart_app.review.chart import chart_of
from smart_app.review.financial_ties import ties_line
from smart_app.review.scores import scores_of_case
from smart_app.review.strip import strip_of
from smart_app.review.style import css_of
from smart_app.review.timeline import timeline_of
from smart_app.review.treatments import tried
from smart_app.review.why import sign_words, why
from smart_app.review.wording import WORDING


def add_review_routes(door: Blueprint, app: App, fetch_style: Callable[[Launch], bytes] = lambda launch: b"") -> None:
    """GET /review/<launch>/ and its style.css. `fetch_style` gets what stands at a launch's style_url, else b''.

    Whatever is left of a launch is asked of `app`, which raises LaunchEnded.
    """

    door.add_app_template_filter(spoken_date)
    door.add_app_template_filter(written_date)

    @door.get("/review/<launch>/")
    def review_page(launch: str) -> str:
        opened = app.launch_of(launch)
        if "again" in request.args:
            app.forget(opened)
        case = app.case_of(opened.id)
        timeline, series = timeline_of(case), scores_of_case(case)
        return render_template(
            "smart_app/review.html",
            frame=frame_of(case),
            strip=strip_of(case),
            timeline=timeline,
            chart=chart_of(timeline, series, case.assessment.record.as_of.isoformat()),
            tried=tried(case),
            series=series,
            reasons=why(case),
            ties=ties_line(case),
            words=WORDING,
            sign_words=sign_words,
        )

    @door.get("/review/<launch>/style.css")
    def review_style(launch: str) -> Response:
        return Response(css_of(fetch_style(app.launch_of(launch))), mimetype="text/css")
