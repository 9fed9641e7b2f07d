"""The words of the referral pages and of the packet, from smart_app/refer/refer.yaml."""

from importlib.resources import files
from typing import Any

import yaml

WORDING: dict[str, Any] = yaml.load(
    files("smart_app.refer").joinpath("refer.yaml").read_text("utf-8"), yaml.CSafeLoader
)
