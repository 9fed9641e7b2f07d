"""What the pages of the app have in common: the case of a launch as it is now, and how a download is named."""

from flask import Response
from msgspec.structs import replace

from smart_app.app import App
from smart_app.chart.case import Case


def case_now(app: App, launch: str) -> Case:
    """The chart may have been read a while ago; the token is today's. Raises LaunchEnded."""
    now = app.launch_of(launch)
    return replace(app.case_of(now.id), launch=now)


def download(content: bytes, kind: str, name: str) -> Response:
    """`name` tells nobody whose it is."""
    answer = Response(content, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
