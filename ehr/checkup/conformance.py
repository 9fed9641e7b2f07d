"""Reads a CapabilityStatement: which FHIR it speaks, what it is, which types it lists. R4 or nothing."""

from typing import Any

from msgspec import Struct, ValidationError, convert, json

from second_opinion.plain_words import plain

_ASK = "Ask the vendor for the address of its R4 endpoint"
_BASE = "Give the address that /metadata is below, such as https://ehr.example/fhir/r4"
_OLDER = {"Conformance": "DSTU2"}
_NAMES = {"0.": "DSTU1", "1.": "DSTU2", "3.": "STU3", "4.1": "R4B", "4.3": "R4B", "4.": "R4", "5.": "R5", "6.": "R6"}


class Stated(Struct, frozen=True):
    """`types`: those that it lists, None if it says nothing. `problem`: why we cannot go on, with the remedy."""

    problem: str = ""
    version: str = ""
    software: str = ""
    types: frozenset[str] | None = None


class _Software(Struct):
    name: str = ""
    version: str = ""


class _Type(Struct):
    type: str = ""


class _Rest(Struct):
    resource: list[_Type] = []


class _Statement(Struct):
    fhirVersion: Any = ""
    software: Any = None
    rest: Any = None


def read_statement(pages: list[bytes], why: str) -> Stated:
    """What `FhirServer.capabilities` gave. A server that keeps it from us (401, 403) may still answer searches."""
    if why in ("401", "403"):
        return Stated(version="not said")
    if why:
        return Stated(_why_not(pages, why))
    given = json.decode(pages[0], type=_Statement)
    version = plain(str(given.fhirVersion), 20)
    name = next((name for start, name in _NAMES.items() if version.startswith(start)), "")
    if name not in ("R4", "R4B", ""):
        return Stated(f"this server speaks FHIR {name} ({version}), not R4. {_ASK}", version)
    return Stated("", version or "not said", _software(given.software), _types(given.rest))


def _why_not(pages: list[bytes], why: str) -> str:
    for older, name in _OLDER.items():
        if f"type {older}," in why:
            return f"this server speaks FHIR {name}, not R4. {_ASK}"
    if pages:
        return f"this is no FHIR server: /metadata is no CapabilityStatement ({plain(why, 120)}). {_BASE}"
    if why[:3].isdigit():
        return f"/metadata was answered with {why}. {_BASE}"
    return (
        f"/metadata could not be read: {why}. Check the address, that the server runs, and the way there (proxy, VPN)"
    )


def _software(given: Any) -> str:
    try:
        software = convert(given, _Software)
    except ValidationError:
        return ""
    return plain(f"{software.name} {software.version}", 60)


def _types(given: Any) -> frozenset[str] | None:
    try:
        rest = convert(given, list[_Rest])
    except ValidationError:
        return None
    return frozenset(each.type for part in rest for each in part.resource if each.type) or None
