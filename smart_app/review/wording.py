"""The review page's own words, from smart_app/review/review.yaml; a file that lacks any stops the start."""

from importlib.resources import files
from typing import Any

import yaml

WORDING: dict[str, Any] = yaml.load(
    files("smart_app.review").joinpath("review.yaml").read_text("utf-8"), yaml.CSafeLoader
)


def kind_words(kind: str) -> str:
    """'epidural_injection' as a heading: 'Epidural injection'."""
    return str(WORDING["kinds"].get(kind) or kind.replace("_", " ").capitalize())
