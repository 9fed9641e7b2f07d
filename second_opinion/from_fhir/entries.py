"""Takes a document apart, entry by entry: one odd resource never loses the chart."""

from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from second_opinion.data_needs import LANE_OF_TYPE
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir.documents import not_json, whole
from second_opinion.from_fhir.mending import mended
from second_opinion.from_fhir.pages import Extent, Found, Page
from second_opinion.from_fhir.shapes import (
    TYPES,
    AnyResource,
    Bundle,
    Entry,
    OperationOutcome,
    Resource,
    UsualBundle,
)
from second_opinion.from_fhir.versions import OLDER_TYPES, is_plainly_r4, other_version
from second_opinion.record import Unread

_decode = json.Decoder(AnyResource).decode
_decode_bundle = json.Decoder(Bundle).decode
_decode_entry = json.Decoder(Entry).decode
_decode_usual = json.Decoder(UsualBundle).decode
_EXTRA = ("include", "outcome")


class _Kind(Struct):
    resourceType: Any = None
    id: Any = None


_decode_kind = json.Decoder(_Kind).decode


def read_page(raw: bytes | Raw, name: str = "") -> Page:
    """A Bundle (of Bundles, too) or one resource; `name` is what its entries are called by if they have no id.

    Raises UnreadableInput for what is not JSON or not an object with a resourceType.
    """
    place = f"{name}.entry" if name else "entry"
    try:
        try:
            return _usual_page(_decode_usual(raw), place)
        except ValidationError:
            return _odd_page(raw, place)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        if mended_body := whole(bytes(raw)):
            return read_page(mended_body, name)
        raise not_json(error) from None


def _usual_page(bundle: UsualBundle, place: str) -> Page:
    """The page of a Bundle in which every entry has the shape it should have."""
    page, matches = Page(kind="Bundle"), 0
    found = page.found
    for number, entry in enumerate(bundle.entry or ()):
        resource, search = entry.resource, entry.search
        matches += search is None or search.mode not in _EXTRA
        if resource.id and is_plainly_r4(resource) and type(resource) is not OperationOutcome:  # hundreds a call
            found.append(Found(f"{type(resource).__name__}/{resource.id}", resource, entry.fullUrl or ""))
        else:
            _add(resource, entry.fullUrl or "", (), page, f"{place}[{number}]")
    _note_extent(bundle, matches, page)
    return page


def _odd_page(raw: bytes | Raw, place: str) -> Page:
    kind = _kind_of(raw)
    if kind is None:
        raise UnreadableInput("it is JSON, but not an object with a resourceType")
    page = Page(kind=kind)
    if kind == "Bundle":
        _read_bundle(raw, page, place)
    else:
        _read_resource(raw, "", page, "the document")
    return page


def _read_bundle(raw: bytes | Raw, page: Page, place: str) -> None:
    lost: tuple[str, ...] = ()
    try:
        bundle = _decode_bundle(raw)
    except ValidationError:
        bundle, lost = mended(Bundle, raw)
    for element in lost:
        page.unread.append(("", Unread("Bundle", f"{element} is not as FHIR R4 has it")))
    matches = 0
    for number, raw_entry in enumerate(bundle.entry or ()):
        try:
            entry = _decode_entry(raw_entry)
        except ValidationError:
            entry, _ = mended(Entry, raw_entry)
        matches += entry.search is None or entry.search.mode not in _EXTRA
        _read_resource(entry.resource, entry.fullUrl or "", page, f"{place}[{number}]")
    _note_extent(bundle, matches, page)


def _note_extent(bundle: Bundle | UsualBundle, matches: int, page: Page) -> None:
    page.matches += matches
    page.extents.append(Extent(matches, bundle.total, any(link.relation == "next" for link in bundle.link or ())))


def _read_resource(raw: bytes | Raw, full_url: str, page: Page, where: str) -> None:
    lost: tuple[str, ...] = ()
    try:
        resource = _decode(raw)
    except (ValidationError, DecodeError):
        kind = _kind_of(raw)
        if kind == "Bundle":
            _read_bundle(raw, page, f"{where}.resource.entry")
            return
        if kind not in TYPES:
            _note_unknown(kind, raw, page, full_url or where)
            return
        resource, lost = mended(TYPES[kind], raw)
    _add(resource, full_url, lost, page, where)


def _add(resource: Resource, full_url: str, lost: tuple[str, ...], page: Page, where: str) -> None:
    name = type(resource).__name__
    reference = f"{name}/{resource.id or full_url.rpartition('/')[2].rpartition(':')[2] or where}"
    if other := other_version(resource, name):
        # Its words may mean something else: 'not done' stood in another place. Named, never used.
        page.unread.append((LANE_OF_TYPE[name], Unread(reference, other)))
        return
    if isinstance(resource, OperationOutcome):
        page.outcomes.append(resource)
    page.found.append(Found(reference, resource, full_url))
    if lost:
        why = f"{', '.join(lost)}: not as FHIR R4 has it"
        page.unread.append((LANE_OF_TYPE.get(name, ""), Unread(reference, why)))


def is_bundle(raw: bytes | Raw) -> bool:
    """Whether a JSON value is a FHIR Bundle, whatever is in it."""
    return _kind_of(raw) == "Bundle"


def _kind_of(raw: bytes | Raw) -> str | None:
    if not bytes(raw):  # an entry without a resource
        return None
    try:
        kind = _decode_kind(raw).resourceType
    except ValidationError:  # null, a number, a list
        return None
    return kind if isinstance(kind, str) else None


def _note_unknown(kind: str | None, raw: bytes | Raw, page: Page, where: str) -> None:
    """Types that no rule reads are passed over; what might have been one that a rule reads is named."""
    if kind is None:
        page.unread.append(("", Unread(where, "not a FHIR resource: no resourceType")))
    elif kind in OLDER_TYPES:
        page.unread.append((OLDER_TYPES[kind], Unread(where, f"{kind} is not FHIR R4; send R4 resources")))
    elif right := {name.lower(): name for name in TYPES}.get(kind.lower()):
        page.unread.append((LANE_OF_TYPE.get(right, ""), Unread(where, f"resourceType {kind!r} should be {right!r}")))
