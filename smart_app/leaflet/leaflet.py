"""The leaflet for patients: its words in each language, and in which language and about which operation it speaks."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import yaml

from second_opinion.planned_surgery import PlannedSurgery

LANGUAGES = ("en", "es")
LEAFLETS: Mapping[str, Mapping[str, Any]] = {
    language: yaml.load(files("smart_app.leaflet").joinpath(f"{language}.yaml").read_text("utf-8"), yaml.CSafeLoader)
    for language in LANGUAGES
}


def planned_words(language: str, surgery: PlannedSurgery | None) -> str:
    """One sentence about the planned operation; '' if there is none. It names neither patient nor doctor."""
    if surgery is None:
        return ""
    leaflet = LEAFLETS[language]
    place = next(iter(surgery.regions)) if len(surgery.regions) == 1 else "spine"
    where = leaflet["places"].get(place, leaflet["places"]["spine"])
    return str(leaflet["planned"].format(operation=leaflet["kinds"][surgery.kind], where=where))
