"""What the pages of the app have in common: how a download is named."""

from flask import Response


def download(content: bytes, kind: str, name: str) -> Response:
    """`name` tells nobody whose it is."""
    answer = Response(content, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
