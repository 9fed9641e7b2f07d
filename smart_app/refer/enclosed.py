"""The resources that the document encloses for each section: those behind its lines, the newest first, not endless.

Blinded, care and wishes go by what they are at their plainest, and a wish does not say where it stands in the chart:
that may be the very order, or the consent to it.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct

from second_opinion.planned_surgery import SPINE_SURGERY
from second_opinion.record import Event
from smart_app.chart.case import Case
from smart_app.plain_fhir.events import resource_of, wish_of
from smart_app.plain_fhir.parts import URI, Json, Telling
from smart_app.refer.lines import Line
from smart_app.refer.packet import Packet

MOST = 100  # of a section
PLANNED = "planned"
_BY_NAME = ("diagnoses", "operations", "scores", "medicines")  # of these the chart's words are told also when blinded
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")


class Enclosed(Struct, frozen=True):
    """Of one section: its resources by their address in the document; how many more there are; lines without any."""

    resources: dict[str, Json]
    beyond: int = 0
    in_words: int = 0


def enclosed(case: Case, packet: Packet, telling: Telling) -> dict[str, Enclosed]:
    """By section; PLANNED is the operation, unless it is left out."""
    found = {section.name: _of_section(section.name, section.lines, telling) for section in packet.sections}
    surgery = case.assessment.surgery
    if surgery and not packet.blinded:
        found[PLANNED] = _of_section(PLANNED, (Line(surgery.label, events=surgery.events),), telling)
    return found


def _of_section(name: str, lines: Sequence[Line], telling: Telling) -> Enclosed:
    written = [dict(_of_line(name, line, telling)) for line in lines]
    every = {address: made for of_line in written for address, made in of_line.items()}
    newest = sorted(every.items(), key=lambda each: each[1][0], reverse=True)[:MOST]
    return Enclosed(
        {address: resource for address, (_, resource) in newest},
        len(every) - len(newest),
        sum(not made and _is_of_its_own(line) for line, made in zip(lines, written, strict=True)),
    )


def _is_of_its_own(line: Line) -> bool:
    """A diagnosis that only the order gives stands in the order."""
    return any(event.resource for event in line.events)


def _of_line(name: str, line: Line, telling: Telling) -> Iterator[tuple[str, tuple[date, Json]]]:
    for event in line.events:
        resource = _written(name, line, event, telling)
        if resource:
            source = "" if telling.blinded and name == "wishes" else event.source
            what = f"{event.source} {resource['resourceType']} {event.on} {_words(name, line, event, telling)}"
            named = enclosed_as(what, resource, telling.iss, source)
            yield address_of(named), (event.on or date.min, named)


def _written(name: str, line: Line, event: Event, telling: Telling) -> Json | None:
    words = _words(name, line, event, telling)
    if name == "wishes":
        return wish_of(event, words, telling)
    return resource_of(event, words, telling, () if name in ("operations", PLANNED) else (SPINE_SURGERY,))


def _words(name: str, line: Line, event: Event, telling: Telling) -> str:
    is_plain = name == "wishes" or (telling.blinded and name not in _BY_NAME)
    return line.kind if is_plain else event.label


def enclosed_as(what: str, resource: Json, iss: str, source: str = "") -> Json:
    """A resource of ours: its name is made of `what` it is, the same in each packet; `source` is where it came from."""
    name = name_of(what, iss)
    known = {"meta": {"source": f"{iss}/{source}"}} if _REFERENCE.fullmatch(source) else {}
    identifier = {"identifier": [{"system": URI, "value": f"urn:uuid:{name}"}]}
    return {"resourceType": resource["resourceType"], "id": name} | known | identifier | resource


def name_of(what: str, iss: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{iss} {what}"))


def address_of(resource: Json) -> str:
    return f"urn:uuid:{resource['id']}"
