"""What an action would write, to the letter, before anybody confirms it; and the same in words, to copy to a note."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct, json

from ehr.r4 import checked
from second_opinion.plain_words import listed
from smart_app.launches import Launch

Json = dict[str, Any]
_ONE_IDENTIFIER = ("QuestionnaireResponse", "Bundle", "Composition")  # where FHIR has no list of them
_PART = "urn:second-opinion:part:"
_NOT_GRANTED = "The EHR has not granted this app to write {kinds}. Copy the text to your note instead."


class Act(Struct, frozen=True, kw_only=True):
    """`resources` in the order in which they are written, without identifiers: those are ours to give, of a `system`.

    A later one refers to an earlier one by `part(number)`. `note`: the same in words.
    """

    action: str  # as the journal names it: referral, therapy, discussion, statement
    title: str
    resources: tuple[Json, ...]
    note: str
    system: str


class Preview(Struct, frozen=True):
    """`digest` names exactly this; it travels in the form. `cannot`: why it cannot be written at all, or ''."""

    act: Act
    digest: str
    to_write: tuple[tuple[Json, Json], ...]  # each with its identifier
    cannot: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """As it is written, but for files: of those only the length is told."""
        return tuple(json.format(json.encode(_readable(resource)), indent=2).decode() for resource, _ in self.to_write)


def part(number: int) -> str:
    """The reference to what is written first (0), second (1), ... until the EHR has given it one."""
    return f"{_PART}{number}"


def preview_of(act: Act, launch: Launch, name: Callable[[str], str], cannot: str = "") -> Preview:
    """`name` makes a name of what is to be written. Raises ValueError for no valid FHIR, or about another patient."""
    for resource in act.resources:
        if _subject(resource) != f"Patient/{launch.patient}":
            raise ValueError(f"A {resource['resourceType']} of the action {act.action} is not about the patient.")
    digest = name(json.encode(act.resources, order="deterministic").decode())
    to_write = tuple(
        _identified(resource, act.system, f"{digest[:40]}-{n}") for n, resource in enumerate(act.resources)
    )
    for resource, _ in to_write:
        checked(resource)
    return Preview(act, digest, to_write, cannot or _not_granted(launch, act.resources))


def referring(resource: Any, written: Sequence[str]) -> Any:
    """The resource with the references that the EHR gave to what was written before it."""
    if isinstance(resource, dict):
        return {name: _referring(name, value, written) for name, value in resource.items()}
    if isinstance(resource, list):
        return [referring(value, written) for value in resource]
    return resource


def _referring(name: str, value: Any, written: Sequence[str]) -> Any:
    """Only in a reference: what somebody typed stays as it was typed."""
    if name == "reference" and isinstance(value, str) and value.startswith(_PART):
        return written[int(value.removeprefix(_PART))]
    return referring(value, written)


def _readable(resource: Json) -> Json:
    if resource["resourceType"] != "DocumentReference":
        return resource
    attachments = [each["attachment"] for each in resource["content"]]
    told = [{"attachment": each | {"data": f"({len(each['data'])} characters of the file)"}} for each in attachments]
    return resource | {"content": told}


def _identified(resource: Json, system: str, value: str) -> tuple[Json, Json]:
    identifier = {"system": system, "value": value}
    one = resource["resourceType"] in _ONE_IDENTIFIER
    return resource | {"identifier": identifier if one else [identifier]}, identifier


def _not_granted(launch: Launch, resources: Iterable[Json]) -> str:
    kinds = dict.fromkeys(each["resourceType"] for each in resources)
    lacking = [kind for kind in kinds if not launch.may(kind, "c")]
    return _NOT_GRANTED.format(kinds=listed(lacking)) if lacking else ""


def _subject(resource: Json) -> Any:
    return resource.get("subject", {}).get("reference")
