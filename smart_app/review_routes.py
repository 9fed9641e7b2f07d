"""The review page: the whole picture of one launch."""

from flask import Blueprint, render_template

from smart_app.app import App
from smart_app.review.banner import frame_of


def add_review_routes(door: Blueprint, app: App) -> None:
    """The page itself; whatever is left of a launch is asked of `app`, which raises LaunchEnded."""

    @door.get("/review/<launch>/")
    def review_page(launch: str) -> str:
        case = app.case_of(app.launch_of(launch).id)
        return render_template("smart_app/review.html", frame=frame_of(case))
