"""Is the Patient that the EHR has now the one whose page is open? Asked before anything is written."""

from collections.abc import Mapping
from typing import Any

Patient = Mapping[str, Any]
_ANOTHER = "The EHR's Patient is not the one this page was made for: nothing was written. Open the app again."


def not_the_patient(now: Patient, page: Patient) -> str:
    """Why the Patient with the same id is not the same, or ''.

    `page` is the one that the page was made from, {} if it could not be read.
    """
    if page.get("birthDate") and now.get("birthDate") != page["birthDate"]:
        return _ANOTHER
    if now.get("active") is False or "replaced-by" in _types_of(now.get("link")):
        return "The EHR says that this Patient record is no longer used: nothing was written. Open the right one."
    return ""


def not_known_to_live(now: Patient) -> str:
    """Why nothing may be ordered for this patient any more, or ''."""
    if now.get("deceasedDateTime") or now.get("deceasedBoolean") not in (None, False):
        return "The EHR says that the patient has died: nothing was written."
    return ""


def _types_of(links: Any) -> list[Any]:
    """Of links that may be anything."""
    return [link.get("type") for link in (links if isinstance(links, list) else ()) if isinstance(link, dict)]
