"""Pages of FHIR -> one patient's record: whose chart it is, what refers to what, which lane each event belongs to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType

from msgspec import Raw, json

from second_opinion.data_needs import LANE_OF_TYPE, LANES, NEEDS
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir.concepts import plain_reference
from second_opinion.from_fhir.context import Context, is_about, subject_of
from second_opinion.from_fhir.dates import day_of
from second_opinion.from_fhir.documents import plain_json
from second_opinion.from_fhir.entries import read_page
from second_opinion.from_fhir.events import extract
from second_opinion.from_fhir.fetched import Fetched
from second_opinion.from_fhir.honesty import NOT_ASKED, NOT_NEEDED, Sheet, judge_page, judge_prefetch, new_sheets
from second_opinion.from_fhir.pages import Found, Page
from second_opinion.from_fhir.shapes import TYPES, Patient, Resource
from second_opinion.record import Event, Events, Lane, PatientRecord, Person, Reading, Unread

_LANE_OF = {TYPES[name]: lane for name, lane in LANE_OF_TYPE.items()}
_NOT_READ = {name: Lane(name, Reading.UNAVAILABLE, (NOT_NEEDED,)) for name in LANES}
_NOTHING: Mapping[str, Fetched] = MappingProxyType({})


def read_bundle(raw: bytes, as_of: date) -> PatientRecord:
    """The record in one patient's Bundle, which counts as read in full unless it says otherwise.

    Raises UnreadableInput for what is not JSON, or not a Bundle.
    """
    page = read_page(plain_json(raw))
    if page.kind != "Bundle":
        raise UnreadableInput(f"it is a {page.kind or 'JSON object'}, not a Bundle of one patient's resources")
    sheets = new_sheets()
    judge_page(page, list(sheets.values()))
    found = _once(page.found)
    patient = _whose(found.values())
    if not any(isinstance(each.resource, Patient) for each in found.values()):
        sheets["patient"].lower(Reading.UNAVAILABLE, "there is no Patient in it")
    return _record(found, patient, sheets, as_of)


def read_prefetch(
    prefetch: Mapping[str, Raw],
    hook: str,
    patient_id: str,
    as_of: date,
    drafts: Page | None = None,
    fetched: Mapping[str, Fetched] = _NOTHING,
) -> PatientRecord:
    """The record in a hook's prefetch; `drafts` is the page of orders in its context.

    A key that is absent is an unread lane, unless it was `fetched` instead: the whole of it, or of a lane sent with a
    next page all further ones. Other keys than ours are used, but never as the whole of a lane.
    """
    sheets = new_sheets()
    found: list[Found] = []
    asked = {need.lane for need in NEEDS if need.is_asked_by(hook)}
    for name in sheets:
        if name in asked:
            found += judge_prefetch(name, prefetch.get(name), sheets[name], fetched.get(name)).found
        else:
            sheets[name].lower(Reading.UNAVAILABLE, NOT_ASKED)
    for key in sorted(prefetch.keys() - asked):
        found += _usable(key, prefetch[key], sheets)
    return _record(_once(found), f"Patient/{patient_id}", sheets, as_of, drafts)


def read_orders(patient_id: str, as_of: date, drafts: Page) -> PatientRecord:
    """Only the orders in a hook's context: enough to see whether an operation is among them. No lane is read."""
    by_reference = _by_reference(drafts.found)
    patient = f"Patient/{patient_id}"
    names = _names_of(patient, {})
    events, skipped = _orders(drafts.found, names, Context(as_of, by_reference, names))
    return PatientRecord(
        as_of=as_of, person=Person(patient), lanes=_NOT_READ, orders=events, skipped=skipped + _unread(drafts),
        references=frozenset(by_reference),
    )  # fmt: skip


def _usable(key: str, value: Raw, sheets: Mapping[str, Sheet]) -> list[Found]:
    """What a client sent under a name of its own: used, and the lane at least known in part."""
    try:
        page = read_page(value, key)
    except UnreadableInput:
        return []
    for lane, unread in page.unread:
        if lane in sheets:
            sheets[lane].lower(Reading.PARTIAL, "some entries could not be read")
            sheets[lane].unread.append(unread)
    for each in page.found:
        sheet = sheets.get(LANE_OF_TYPE.get(type(each.resource).__name__, ""))
        if sheet and sheet.state is Reading.UNAVAILABLE and not sheet.count:
            sheet.state = Reading.PARTIAL
            sheet.why.append(f"some came as {key!r}")
    return page.found


def _once(found: Iterable[Found]) -> dict[str, Found]:
    """By reference: of several versions the one updated last; of equal ones by content, not by place."""
    kept: dict[str, Found] = {}
    for each in found:
        other = kept.get(each.reference)
        if other is None or _updated(each) >= _updated(other):
            kept[each.reference] = each
    return kept


def _updated(found: Found) -> tuple[str, bytes]:
    return (found.resource.meta.lastUpdated if found.resource.meta else None) or "", json.encode(found.resource)


def _whose(found: Iterable[Found]) -> str:
    """The Patient of a file; of several, the one that most resources are about."""
    about = Counter(subject for each in found if (subject := subject_of(each.resource)))
    patients = [each for each in found if isinstance(each.resource, Patient)]
    if patients:
        return max(patients, key=lambda each: (about[each.reference] + about[each.full_url], each.reference)).reference
    subjects = sorted(about, key=lambda subject: (-about[subject], subject))
    return next((plain_reference(subject) for subject in subjects if "Patient" in subject), "")


def _record(
    found: dict[str, Found], patient: str, sheets: Mapping[str, Sheet], as_of: date, drafts: Page | None = None
) -> PatientRecord:
    orders = drafts.found if drafts else []
    by_reference = _by_reference([*found.values(), *orders])
    names = _names_of(patient, found)
    context = Context(as_of, by_reference, names)
    person = Person(patient)
    sheet_of = {kind: sheets[lane] for kind, lane in _LANE_OF.items()}
    for each in found.values():
        resource = each.resource
        sheet = sheet_of.get(type(resource))
        if sheet is None:
            continue
        subject = resource.subject
        if (subject is None or subject.reference not in names) and not _is_about(each, names):
            sheet.foreign += 1
            sheet.unread.append(Unread(each.reference, "belongs to another patient"))
            continue
        sheet.count += 1
        if isinstance(resource, Patient):
            person = _person(resource, patient, as_of)
        for event in extract(resource, each.reference, context):
            if event.unread:
                sheet.lower(Reading.PARTIAL, "some entries could not be read")
                sheet.unread.append(Unread(each.reference, event.unread))
            else:
                (sheet.aside if event.aside else sheet.events).append(event)
    lanes = {name: sheet.lane() for name, sheet in sheets.items()}
    events, skipped = _orders(orders, names, context)
    return PatientRecord(
        as_of=as_of, person=person, lanes=lanes, orders=events, skipped=skipped + _unread(drafts),
        references=frozenset(by_reference),
    )  # fmt: skip


def _by_reference(found: list[Found]) -> dict[str, Resource]:
    by_reference: dict[str, Resource] = {}
    for each in found:
        by_reference[each.reference] = each.resource
        if each.full_url[:4] == "urn:":  # others end in Type/id
            by_reference[each.full_url] = each.resource
    return by_reference


def _names_of(patient: str, found: Mapping[str, Found]) -> set[str]:
    """All that a reference to the patient may say."""
    names = {patient, patient.removeprefix("Patient/"), f"urn:uuid:{patient.removeprefix('Patient/')}"}
    return names | {found[patient].full_url} - {""} if patient in found else names


def _is_about(found: Found, names: set[str]) -> bool:
    return found.reference in names if isinstance(found.resource, Patient) else is_about(found.resource, names)


def _person(patient: Patient, reference: str, as_of: date) -> Person:
    died = day_of(patient.deceasedDateTime)
    deceased = bool(patient.deceasedBoolean) or bool(patient.deceasedDateTime and (not died or died <= as_of))
    return Person(reference, born=day_of(patient.birthDate), deceased=deceased)


def _orders(found: list[Found], names: set[str], context: Context) -> tuple[Events, tuple[Unread, ...]]:
    """The orders in the hook's context: those to be judged, and those that are not this patient's or not safe."""
    events: list[Event] = []
    skipped: list[Unread] = []
    for each in found:
        if not _is_about(each, names):
            skipped.append(Unread(each.reference, "this order is for another patient"))
        elif each.resource.modifierExtension:
            skipped.append(Unread(each.reference, "this order carries a modifierExtension"))
        else:
            events += extract(each.resource, each.reference, context)
    return Events(events), tuple(skipped)


def _unread(drafts: Page | None) -> tuple[Unread, ...]:
    return tuple(unread for _, unread in drafts.unread) if drafts else ()
