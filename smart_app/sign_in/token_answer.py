"""What comes with a token: whose chart, what may be done, how to show it. All of it is untrusted until read here."""

import re
from typing import Any

from msgspec import DecodeError, Struct, json

from second_opinion.rules import RULES

_ID = re.compile(r"(Patient/|Encounter/)?(?P<id>[A-Za-z0-9\-.]{1,64})")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ORDER = re.compile(r"(ServiceRequest|Appointment)/[A-Za-z0-9\-.]{1,64}")
_LIFE, _LONGEST_LIFE = 300, 24 * 60 * 60  # seconds; the first where an EHR does not tell
_WORDS_MOST, _LIST_MOST = 4096, 20


class Hints(Struct, frozen=True):
    """Where a card's link led: its uuid, and the findings that it showed."""

    card: str = ""
    findings: tuple[str, ...] = ()


def id_of(written: Any) -> str:
    """A FHIR id, though some write the type before it; '' for what is none."""
    match = _ID.fullmatch(written) if isinstance(written, str) else None
    return match["id"] if match else ""


def words_of(written: Any, most: int = _WORDS_MOST) -> str:
    return written if isinstance(written, str) and len(written) <= most else ""


def scopes_of(written: Any, asked: frozenset[str]) -> frozenset[str]:
    """Where none are told, all that was asked for was granted."""
    return frozenset(written.split()) if isinstance(written, str) else asked


def banner_of(need: Any) -> bool:
    """Shown whole unless the EHR says that it shows who the patient is; some write booleans as text."""
    return need is not False and not (isinstance(need, str) and need.lower() == "false")


def life_of(seconds: Any) -> int:
    """How long a token lasts; a short while where that is not told."""
    try:
        told = int(seconds)
    except (TypeError, ValueError, OverflowError):
        return _LIFE
    return min(told, _LONGEST_LIFE) if told > 0 else _LIFE


def hints_of(app_context: Any) -> Hints:
    """Text of JSON as our cards write it; whatever else it is leads to no finding, and is no error."""
    if isinstance(app_context, str) and len(app_context) <= _WORDS_MOST:
        try:
            app_context = json.decode(app_context)
        except (DecodeError, UnicodeEncodeError, RecursionError):
            return Hints()
    if not isinstance(app_context, dict) or app_context.get("v", 1) != 1:
        return Hints()
    card, findings = app_context.get("card"), app_context.get("findings")
    return Hints(
        card if isinstance(card, str) and _UUID.fullmatch(card) else "",
        tuple(name for name in RULES if isinstance(findings, list) and name in findings),
    )


def orders_of(fhir_context: Any) -> tuple[str, ...]:
    """References that may be the planned operation; an entry without a role is about this launch.

    Drafts of SMART 2 had plain references where objects stand now.
    """
    found: list[str] = []
    for each in fhir_context[:_LIST_MOST] if isinstance(fhir_context, list) else []:
        if isinstance(each, dict):
            each = each.get("reference") if each.get("role", "launch") == "launch" else None
        if isinstance(each, str) and _ORDER.fullmatch(each) and each not in found:
            found.append(each)
    return tuple(found)
