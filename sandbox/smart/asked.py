"""A FHIR request as the rules about access see it: which type, which interaction, whose patient."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]

_ON_TYPE = {"GET": "s", "HEAD": "s", "POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}
_ON_ONE = {"GET": "r", "HEAD": "r", "PUT": "u", "PATCH": "u", "DELETE": "d"}
_PATIENT_PARAMETERS = ("patient", "subject", "patient:Patient", "subject:Patient")


@dataclass(frozen=True)
class Asked:
    """`path` is below the FHIR base, without a slash at either end; `form` is the body of a POST _search."""

    method: str
    path: str
    query: Pairs = ()
    form: Pairs = ()
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    patient: str = ""  # of the token, if it is for one
    by_app: bool = True  # or by the EHR's own pages

    @property
    def segments(self) -> list[str]:
        return self.path.split("/") if self.path else []

    @property
    def kind(self) -> str:
        """The type that is asked for: of a search in a compartment, the type searched."""
        segments = self.segments
        in_compartment = len(segments) == 3 and segments[0] == "Patient" and segments[2][:1].isalpha()
        return segments[2] if in_compartment else segments[0] if segments else ""

    @property
    def id(self) -> str:
        segments = self.segments
        return segments[1] if len(segments) > 1 and segments[1][:1] not in "_$" else ""

    @property
    def interaction(self) -> str:
        """A letter of cruds; '' for what is none of them."""
        match self.segments:
            case [kind] if kind[:1].isalpha():
                return _ON_TYPE.get(self.method, "")
            case [_, "_search"]:
                return "s" if self.method == "POST" else ""
            case [_, name] if name[:1] not in "_$":
                return _ON_ONE.get(self.method, "")
            case [_, _, "_history", *rest] if len(rest) < 2:
                return "r" if self.method == "GET" else ""
            case ["Patient", _, "$everything"]:
                return "r" if self.method == "GET" else ""
            case ["Patient", _, kind] if kind[:1].isalpha():
                return "s" if self.method == "GET" else ""
        return ""

    @property
    def patients_named(self) -> set[str]:
        """Ids of the patients that a search or an address names."""
        names = ("_id",) if self.kind == "Patient" else _PATIENT_PARAMETERS
        found = {value for name, value in (*self.query, *self.form) if name in names}
        if self.segments[:1] == ["Patient"] and self.id:
            found.add(self.id)
        return {one.rpartition("/")[2] for value in found for one in value.split(",")}

    def is_about(self, patient: str) -> bool:
        return patient == self.patient or patient in self.patients_named


def pairs(query: str) -> Pairs:
    return tuple(parse_qsl(query, keep_blank_values=True))
