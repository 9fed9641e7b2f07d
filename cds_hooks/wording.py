"""The card's own words, from wording.yaml beside it; a file that lacks any stops the start."""

from importlib.resources import files
from typing import Any

import yaml

WORDING: dict[str, Any] = yaml.load(files("cds_hooks").joinpath("wording.yaml").read_text("utf-8"), yaml.CSafeLoader)
