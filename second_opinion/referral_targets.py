"""To whom a site refers: the list that the app offers, from the site file."""

import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from second_opinion.toml_files import fault, shaped

Words = Annotated[str, Meta(min_length=1, max_length=200)]
Care = Literal["second_opinion", "physical_therapy", "pain_clinic"]
_REFERENCE = re.compile(
    r"(Practitioner|PractitionerRole|Organization|CareTeam|HealthcareService|Location)/[A-Za-z0-9\-.]{1,64}"
)
_HOW = "Write it like 'HealthcareService/12', or leave it out"


class _Identifier(Struct, frozen=True, forbid_unknown_fields=True):
    system: Words
    value: Words


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """`reference`: what stands for it in the EHR; `takes`: which referrals it is offered for."""

    name: Words
    reference: str = ""
    identifier: _Identifier | None = None
    phone: str = ""
    fax: str = ""
    takes: tuple[Care, ...] = ("second_opinion",)


def read_targets(given: list[Any], text: str, name: str, guide: str) -> tuple[Target, ...]:
    """Raises KnowledgeError naming file, line and remedy."""
    targets: list[Target] = []
    for number, each in enumerate(given):
        place = f"referral_targets[{number}]"
        target = shaped(each, text, name, Target, guide, place)
        if target.reference and not _REFERENCE.fullmatch(target.reference):
            raise fault(text, name, f"{place}.reference", f"{target.reference!r} is nobody to refer to. {_HOW}")
        if any(other.name == target.name for other in targets):
            raise fault(text, name, f"{place}.name", f"{target.name} is listed twice. Keep one")
        targets.append(target)
    return tuple(targets)
