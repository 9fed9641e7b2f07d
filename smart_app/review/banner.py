"""Whose chart this is: name, birth, sex, MRN, read leniently from a Patient that may say anything."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from second_opinion.plain_words import spoken_date
from smart_app.chart.case import Case

_MOST = 80  # characters of a name or number
_JOINERS = "\u200c\u200d"  # names are written with them
_SEXES = ("female", "male", "other", "unknown")
_NAMES_USED = ("official", "usual", "")


class Banner(Struct, frozen=True):
    """What the banner shows; `read` is False if the Patient could not be had."""

    read: bool = False
    name: str = ""
    born: str = ""
    age: str = ""
    sex: str = ""
    mrn: str = ""
    deceased: bool = False


class Frame(Struct, frozen=True):
    """What base.html needs on every page; `full` unless the EHR shows the patient itself."""

    launch: str
    form_key: str
    banner: Banner
    full: bool
    styled: bool
    read_at: datetime

    @property
    def read_at_words(self) -> str:
        return f"{spoken_date(self.read_at.date())}, {self.read_at:%H:%M %Z}".rstrip()


def frame_of(case: Case) -> Frame:
    launch = case.launch
    styled = bool(launch.style_url)
    return Frame(launch.id, launch.form_key, banner_of(case), launch.need_patient_banner, styled, case.read_at)


def banner_of(case: Case) -> Banner:
    patient, today = case.patient, case.assessment.record.as_of
    if not patient:
        return Banner()
    birth = _text(patient.get("birthDate"))
    born = _day(birth)
    gender = _text(patient.get("gender"))
    return Banner(
        read=True,
        name=_name(patient) or "Name not recorded",
        born=spoken_date(born) if born else birth,
        age=_age(birth, born, today),
        sex=gender if gender in _SEXES else "",
        mrn=_mrn(patient),
        deceased=case.assessment.record.person.deceased,
    )


def _text(value: Any) -> str:
    """In one line, and without marks that turn the direction: they would show the number beside it backwards."""
    if not isinstance(value, str):
        return ""
    shown = "".join(c if c.isprintable() or c in _JOINERS else " " for c in value[: 4 * _MOST])
    return " ".join(shown.split())[:_MOST]


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in (value if isinstance(value, list) else ()) if isinstance(each, Mapping))


def _name(patient: Mapping[str, Any]) -> str:
    """The official name, else the usual one, else one without a use; any other only if there is no such."""
    names = sorted(_mappings(patient.get("name")), key=lambda name: _rank(_text(name.get("use"))))
    return next((said for name in names if (said := _spoken(name))), "")


def _rank(use: str) -> int:
    return _NAMES_USED.index(use) if use in _NAMES_USED else len(_NAMES_USED)


def _spoken(name: Mapping[str, Any]) -> str:
    if text := _text(name.get("text")):
        return text
    given = name.get("given")
    parts = [*(given if isinstance(given, list) else ()), name.get("family")]
    return " ".join(filter(None, map(_text, parts)))[:_MOST]


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written[:10])
    except ValueError:  # a year or a month alone, or no date at all
        return None


def _age(birth: str, born: date | None, today: date) -> str:
    if born:
        years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        return f"{years} y" if years >= 0 else ""
    return f"about {today.year - int(birth[:4])} y" if birth[:4].isdecimal() and len(birth) in (4, 7) else ""


def _mrn(patient: Mapping[str, Any]) -> str:
    """The identifier that says it is a medical record number (v2 table 0203: MR)."""
    for identifier in _mappings(patient.get("identifier")):
        kind = identifier.get("type")
        codings = _mappings(kind.get("coding") if isinstance(kind, Mapping) else None)
        if any(coding.get("code") == "MR" for coding in codings) and _text(identifier.get("value")):
            return _text(identifier.get("value"))
    return ""
