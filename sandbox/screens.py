"""What the screens offer to choose from: procedures, operating room slots, whom to send an order to."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from fixtures.teaching import TeachingPatient

Json = dict[str, Any]

CPT = "http://www.ama-assn.org/go/cpt"


@dataclass(frozen=True)
class Procedure:
    code: str
    words: str


@dataclass(frozen=True)
class Slot:
    start: str
    day: str
    time: str
    room: str


@dataclass(frozen=True)
class Performer:
    reference: str
    words: str


PROCEDURES = (
    Procedure("22612", "Lumbar fusion, posterolateral"),
    Procedure("22633", "Lumbar fusion, posterolateral and interbody"),
    Procedure("63030", "Lumbar discectomy"),
    Procedure("63047", "Lumbar decompression"),
    Procedure("22551", "Cervical fusion, anterior"),
    Procedure("27447", "Knee replacement"),
)
PERFORMERS = (
    Performer("Organization/spine-institute-north", "Spine Institute North"),
    Performer("Organization/harbour-surgical-group", "Harbour Surgical Group"),
)
_DAYS_ON = (0, 1, 3)  # from a Monday on
_ROOMS = ("OR 2", "OR 4", "OR 2")
_TIMES = ("07:30", "10:45", "13:15")


def slots(today: date) -> Iterable[Slot]:
    monday = today + timedelta(days=21 - today.weekday())
    for days, time, room in zip(_DAYS_ON, _TIMES, _ROOMS, strict=True):
        day = monday + timedelta(days=days)
        yield Slot(f"{day.isoformat()}T{time}:00Z", f"{day:%a} {day.day} {day:%b}", time, room)


def with_procedure(patient: TeachingPatient, chosen: str) -> TeachingPatient:
    """The patient with another operation ordered; as it is, if none or an unknown one is chosen."""
    procedure = next((each for each in PROCEDURES if each.code == chosen), None)
    if procedure is None:
        return patient
    coding = {"system": CPT, "code": procedure.code, "display": procedure.words}
    order = patient.order | {
        "id": f"{patient.order['id']}-{procedure.code}",
        "code": {"coding": [coding], "text": procedure.words},
    }
    return replace(patient, order=order)
