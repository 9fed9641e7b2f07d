"""Style sheets, scripts and pictures, kept by browsers: their addresses change when any of them does."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

_FOR_A_YEAR = "public, max-age=31536000, immutable"


def add_version(door: Blueprint, folder: Path) -> None:
    """What is asked for in the version that stands in `folder` is asked for once; anything else each time."""
    version = _version(folder)

    @door.url_defaults
    def with_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint.endswith(".static"):
            values["v"] = version

    @door.after_request
    def kept(response: Response) -> Response:
        is_asset = (request.endpoint or "").endswith(".static") and response.status_code in (200, 304)
        if is_asset and request.args.get("v") == version:
            response.headers["Cache-Control"] = _FOR_A_YEAR
        return response


def _version(folder: Path) -> str:
    """Of all together: style sheets and scripts belong to each other."""
    found = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + b"\n" + path.read_bytes())
    return found.hexdigest()[:12]
