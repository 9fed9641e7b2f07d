"""What prefetch left out, and what was had of it elsewhere: whole lanes, or the further pages of those sent in part."""

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from second_opinion.data_needs import LANE_OF_TYPE, NEEDS
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir.entries import read_page
from second_opinion.from_fhir.pages import Page
from second_opinion.from_fhir.shapes import Link
from second_opinion.record import PatientRecord, Unread


class Fetched(Struct, frozen=True):
    """A lane's pages (searchset Bundles, or the Patient) as they came; `why` not all was had, '' when it was.

    `withheld`: why more may be there than is shown, although every page was had.
    """

    pages: tuple[bytes, ...] = ()
    why: str = ""
    withheld: str = ""


class _Glance(Struct):
    resourceType: Any = None
    link: list[Link] | None = None


_decode_glance = json.Decoder(_Glance).decode


def missing_lanes(prefetch: Mapping[str, Raw], hook: str, record: PatientRecord) -> dict[str, str]:
    """The lanes that this hook asks for and that were not sent whole: '' if not at all, else the next page's address.

    `record` was read from the same prefetch: only what is not complete there is looked at again. A lane that was sent
    as null is known to be empty, one sent as an OperationOutcome was tried in vain: neither is missing.
    """
    missing: dict[str, str] = {}
    for need in NEEDS:
        if not need.is_asked_by(hook) or record[need.lane].complete:
            continue
        value = prefetch.get(need.lane)
        if value is None:
            missing[need.lane] = ""
        elif following := next_page(value):
            missing[need.lane] = following
    return missing


def next_page(page: bytes | Raw) -> str:
    """The address of the page after this one; '' if there is none."""
    return glance(page)[1] if b"next" in bytes(page) else ""


def glance(page: bytes | Raw) -> tuple[str, str]:
    """The resourceType and the next page's address, without reading the entries; twice '' for what is not FHIR JSON."""
    try:
        seen = _decode_glance(page)
    except (ValidationError, DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    following = next((link.url for link in seen.link or () if link.relation == "next" and link.url), "")
    return seen.resourceType if isinstance(seen.resourceType, str) else "", following


def add_pages(page: Page, further: tuple[bytes, ...], name: str) -> None:
    """Makes one page of a lane's first and the further ones; one of those that cannot be read is named."""
    for number, raw in enumerate(further, start=2):
        where = f"{name}, page {number}"  # keeps resources without an id apart from those of other pages
        try:
            more = read_page(raw, where)
        except UnreadableInput as problem:
            page.unread.append((name, Unread(where, str(problem))))
            continue
        if more.kind != "Bundle":
            page.unread.append((name, Unread(where, f"it is of type {more.kind}, not Bundle")))
        repeated = _repeated(page, more, name)
        if repeated and repeated == more.matches:  # a server, or a cache before it, that overlooks which page is meant
            page.unread.append((name, Unread(where, "it repeats what came before")))
        page.found += more.found
        page.outcomes += more.outcomes
        page.unread += more.unread
        page.matches += more.matches
        _join(page, more, repeated)


def _repeated(page: Page, more: Page, lane: str) -> int:
    """How many of a further page's resources were there before; what is only included may well come again."""
    before = {found.reference for found in page.found}
    return sum(
        LANE_OF_TYPE.get(type(each.resource).__name__) == lane and each.reference in before for each in more.found
    )


def _join(page: Page, more: Page, repeated: int) -> None:
    """Servers give the same `total` on every page: of all of them together."""
    if page.extents and more.extents:
        own, other = page.extents.pop(), more.extents.pop()
        page.extents += more.extents
        own.sent, own.has_next = own.sent + other.sent - repeated, other.has_next
        own.total = max((total for total in (own.total, other.total) if total is not None), default=None)
        page.extents.append(own)
