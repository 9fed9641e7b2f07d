"""The packet as a FHIR document: a Composition whose sections are told in words and refer to the chart's resources."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ehr.r4 import checked
from smart_app.launches import Launch
from smart_app.refer.packet import Packet
from smart_app.refer.sections import Section
from smart_app.refer.wording import WORDING
from smart_app.review.banner import Banner

Json = dict[str, Any]
TYPE = {"coding": [{"system": "http://loinc.org", "code": "57133-1", "display": "Referral note"}]}
_UNAVAILABLE = {"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"}
_SOFTWARE = {"display": "Second Opinion (software)"}
_SEXES = ("female", "male", "other", "unknown")
_MOST_ENTRIES = 200


def document_of(packet: Packet, launch: Launch, read_at: datetime) -> Json:
    """Valid FHIR R4, the same for the same packet. Blinded, its author is the software alone."""
    composition, patient = (f"urn:uuid:{uuid5(NAMESPACE_URL, f'{launch.id} {kind}')}" for kind in ("packet", "patient"))
    when = read_at.isoformat(timespec="seconds")
    content: Json = {
        "resourceType": "Composition",
        "status": "final",
        "type": TYPE,
        "subject": {"reference": patient},
        "date": when,
        "author": [_SOFTWARE] if packet.blinded or not launch.user else [{"reference": _absolute(launch, launch.user)}],
        "title": packet.title,
        "section": [*_told(packet), *(_section(each, launch) for each in packet.sections), *_missing(packet)],
    }
    return checked(
        {
            "resourceType": "Bundle",
            "type": "document",
            "identifier": {"system": "urn:ietf:rfc:3986", "value": composition},
            "timestamp": when,
            "entry": [
                {"fullUrl": composition, "resource": content},
                {"fullUrl": patient, "resource": _patient(packet.patient, packet.birth_date, launch)},
            ],
        }
    )


def _patient(shown: Banner, birth_date: str, launch: Launch) -> Json:
    """What the banner shows, and no more: a Patient also names the clinician."""
    patient: Json = {"resourceType": "Patient", "id": launch.patient}
    if shown.name:
        patient["name"] = [{"text": shown.name}]
    if birth_date:
        patient["birthDate"] = birth_date
    if shown.sex in _SEXES:
        patient["gender"] = shown.sex
    if shown.mrn:
        patient["identifier"] = [{"value": shown.mrn}]
    return patient


def _told(packet: Packet) -> Iterable[Json]:
    yield _in_words("Summary", [f"{said.lead}: {said.says}" if said.lead else said.says for said in packet.summary])
    yield _in_words(
        WORDING["sections"]["questions"]["title"], packet.questions, WORDING["sections"]["questions"]["none"]
    )


def _missing(packet: Packet) -> Iterable[Json]:
    yield _in_words(WORDING["sections"]["unread"]["title"], packet.unread, WORDING["sections"]["unread"]["none"])
    items = packet.complete.items
    title = f"{packet.needs}: {packet.complete.found} of {len(items)}"
    yield _in_words(title, [f"{item.name}: {item.says}" for item in items])
    yield _in_words("How this was made", [packet.evidence])


def _in_words(title: str, lines: Iterable[str], none: str = "") -> Json:
    return {"title": title, "text": _narrative(lines or [none])}


def _section(section: Section, launch: Launch) -> Json:
    lines = [" · ".join(part for part in (each.when, each.what, each.more) if part) for each in section.lines]
    told = {"title": section.title, "text": _narrative([*lines, *([section.says] if section.says else [])])}
    references = dict.fromkeys(reference for line in section.lines for reference in line.references)
    if references:
        entries = list(references)[:_MOST_ENTRIES]
        return told | {"entry": [{"reference": _absolute(launch, reference)} for reference in entries]}
    coding = {"coding": [_UNAVAILABLE]} if section.state == "unread" else {}
    return told | {"emptyReason": coding | {"text": section.says}}


def _absolute(launch: Launch, reference: str) -> str:
    return f"{launch.iss}/{reference}"


def _narrative(lines: Iterable[str]) -> Json:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{items}</ul></div>'}
