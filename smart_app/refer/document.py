"""The packet as a FHIR document: a Composition, and in the same Bundle every resource that it refers to."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import json

from ehr.r4 import checked
from second_opinion.plain_words import plain
from smart_app.chart.case import Case
from smart_app.launches import Launch
from smart_app.plain_fhir.parts import URI, Json, Telling
from smart_app.refer.composition import narrative, sections
from smart_app.refer.enclosed import address_of, enclosed, enclosed_as, name_of
from smart_app.refer.packet import Packet
from smart_app.refer.prepared import prepared

TYPE = {"coding": [{"system": "http://loinc.org", "code": "57133-1", "display": "Referral note"}]}
_SOFTWARE = "Second Opinion (software)"
_NOT_READ = "The Patient could not be read."
_SEXES = ("female", "male", "other", "unknown")


def document_of(packet: Packet, case: Case, order: Json | None = None) -> Json:
    """Valid FHIR R4, the same for the same packet; `order`: the referral, once it is known to whom.

    Blinded, its author is the software alone.
    """
    patient, authors = _patient(packet, case.launch), list(_authors(packet, case.launch))
    subject = {"reference": address_of(patient)}
    telling = Telling(subject, case.launch.iss, case.assessment.record.as_of, packet.blinded)
    found = enclosed(case, packet, telling)
    others = {address_of(each): each for each in (patient, *authors)}
    for of_section in found.values():
        others |= {address: each for address, each in of_section.resources.items() if address not in others}
    referral = [prepared(order, telling, others)] if order else []
    content = {
        "status": "final",
        "type": TYPE,
        "subject": subject,
        "date": _instant(case.read_at),
        "author": [{"reference": address_of(each)} for each in authors],
        "title": packet.title,
        "text": narrative([packet.title, packet.patient.name, packet.made, packet.evidence]),
        "section": sections(packet, found, referral),
    }
    return checked(_bundle(packet, case.launch, content, [*others.values(), *referral]))


def _bundle(packet: Packet, launch: Launch, content: Json, others: list[Json]) -> Json:
    """The Composition's identifier is the same for each new packet like this one; the Bundle's is this document's."""
    name = name_of(f"document {json.encode([content, others], order='deterministic').decode()}", launch.iss)
    kept = name_of(f"packet Patient/{launch.patient} {packet.kind} {packet.blinded}", launch.iss)
    composition = {"resourceType": "Composition", "id": name, "identifier": _identifier(kept)} | content
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": _identifier(name_of(f"bundle {name}", launch.iss)),
        "timestamp": content["date"],
        "entry": [{"fullUrl": address_of(each), "resource": each} for each in (composition, *others)],
    }


def _identifier(name: str) -> Json:
    return {"system": URI, "value": f"urn:uuid:{name}"}


def _patient(packet: Packet, launch: Launch) -> Json:
    """What the banner shows, and no more: a Patient also names the clinician."""
    shown, source = packet.patient, f"Patient/{launch.patient}"
    told = [shown.name, shown.born, shown.sex, shown.mrn]
    patient: Json = {"resourceType": "Patient", "text": narrative(told if any(told) else [_NOT_READ])}
    if shown.name:
        patient["name"] = [{"text": shown.name}]
    if packet.birth_date:
        patient["birthDate"] = packet.birth_date
    if shown.sex in _SEXES:
        patient["gender"] = shown.sex
    named = enclosed_as(source, patient, launch.iss, source)
    if shown.mrn:
        named["identifier"] = [*named["identifier"], {"value": shown.mrn}]
    return named


def _authors(packet: Packet, launch: Launch) -> Iterable[Json]:
    """Who uses the app, and the app; blinded the app alone, since the user may be who advised the operation."""
    kind = launch.user.partition("/")[0]
    if kind in ("Practitioner", "PractitionerRole") and not packet.blinded:
        who: Json = {"resourceType": kind}
        if name := plain(launch.user_name):
            who |= {"name": [{"text": name}]} if kind == "Practitioner" else {"practitioner": {"display": name}}
        yield enclosed_as(launch.user, who, launch.iss, launch.user)
    software = {"resourceType": "Device", "deviceName": [{"name": _SOFTWARE, "type": "user-friendly-name"}]}
    yield enclosed_as("software", software, launch.iss)


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
