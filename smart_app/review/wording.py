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


def answer_words(why: str) -> str:
    """Why something could not be read, where the reason is but a status: 'the EHR refused access (403)'."""
    return str(WORDING["refused"].get(why, f"the EHR answered {why}")) if why.isdecimal() else why
