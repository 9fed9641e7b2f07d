"""How well a lane was read: what each form of a prefetch value, or of a page, says about it."""

from msgspec import Raw, Struct, field

from second_opinion.data_needs import LANES, NEEDS
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir.entries import read_page
from second_opinion.from_fhir.fetched import Fetched, add_pages
from second_opinion.from_fhir.pages import Page
from second_opinion.from_fhir.shapes import OperationOutcome
from second_opinion.record import Event, Events, Lane, Reading, Unread

_TYPE = {need.lane: need.type for need in NEEDS}
NOT_SENT = "not sent by the EHR"
NOT_ASKED = "not asked for"
NOT_NEEDED = "not read: no spine operation is ordered"
_NO_PATIENT = "the EHR sent no Patient"
_NONE = Events()


class Sheet(Struct):
    """A lane while it is being filled."""

    name: str
    state: Reading = Reading.COMPLETE
    why: list[str] = field(default_factory=list)
    count: int = 0
    foreign: int = 0
    events: list[Event] = field(default_factory=list)
    aside: list[Event] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def lower(self, state: Reading, why: str) -> None:
        """Makes the reading worse, never better, and says why."""
        if state is Reading.UNAVAILABLE or self.state is Reading.COMPLETE:
            self.state = state
        if why not in self.why:
            self.why.append(why)

    def lane(self) -> Lane:
        """The lane as rules see it. All resources another patient's: unavailable; some of them: partial."""
        if self.foreign:
            state = Reading.PARTIAL if self.count else Reading.UNAVAILABLE
            self.lower(state, f"{self.foreign} resource(s) belong to another patient")
        return Lane(
            name=self.name,
            state=self.state,
            why=tuple(self.why),
            count=self.count,
            events=_in_order(self.events),
            aside=_in_order(self.aside),
            unread=tuple(sorted(self.unread, key=_by_name)),
        )


def _in_order(events: list[Event]) -> Events:
    return Events(sorted(events, key=_order)) if events else _NONE  # as of most lanes


def _order(event: Event) -> tuple[int, str, str]:
    """By date, undated ones first; of one day by name, so that the order of a file's entries changes nothing."""
    return event.on.toordinal() if event.on else 0, event.source, event.label


def _by_name(unread: Unread) -> tuple[str, str]:
    return unread.reference, unread.why


def new_sheets() -> dict[str, Sheet]:
    """One sheet a lane, in the order of the contract."""
    return {name: Sheet(name) for name in LANES}


def judge_page(page: Page, sheets: list[Sheet]) -> None:
    """What a page says about the lanes it fills: further pages, errors, entries that could not be read."""
    if page.incomplete:
        for sheet in sheets:
            sheet.lower(Reading.PARTIAL, page.incomplete)
    if error := error_in(page.outcomes):
        for sheet in sheets:
            sheet.lower(Reading.PARTIAL, error)
    for lane, unread in page.unread:
        # A thing of unknown kind might have belonged to any of the lanes.
        for sheet in [sheet for sheet in sheets if sheet.name == lane] or sheets:
            sheet.lower(Reading.PARTIAL, "some entries could not be read")
            sheet.unread.append(unread)


def judge_prefetch(name: str, value: Raw | None, sheet: Sheet, fetched: Fetched | None = None) -> Page:
    """The page behind one prefetch key, with what was fetched besides; the sheet learns what form it had."""
    if value is None and fetched is None:
        sheet.lower(Reading.UNAVAILABLE, NOT_SENT)
        return Page()
    if value is not None and len(memoryview(value)) == 4 and bytes(value) == b"null":
        if name == "patient":
            sheet.lower(Reading.UNAVAILABLE, _NO_PATIENT)
        return Page()
    sent = () if value is None else (value,)
    pages = (*sent, *(fetched.pages if fetched else ()))
    if fetched and not pages:
        sheet.lower(Reading.UNAVAILABLE, fetched.why)
        return Page()
    try:
        page = read_page(pages[0], name)
    except UnreadableInput as problem:
        sheet.lower(Reading.UNAVAILABLE, str(problem))
        return Page()
    add_pages(page, pages[1:], name)
    _judge_kind(name, page, sheet)
    if fetched and fetched.why and sheet.state is Reading.COMPLETE:
        sheet.lower(Reading.PARTIAL, f"further pages could not be had: {fetched.why}")
        page.extents.clear()  # what they say of further pages has been said
    if fetched and fetched.withheld and sheet.state is Reading.COMPLETE:
        sheet.lower(Reading.PARTIAL, fetched.withheld)
    judge_page(page, [sheet])
    if name == "patient" and sheet.state is Reading.COMPLETE and not _holds(name, page):
        sheet.lower(Reading.UNAVAILABLE, _NO_PATIENT)
    return page


def _judge_kind(name: str, page: Page, sheet: Sheet) -> None:
    """Whether it is what the lane's query should give: a Bundle of its type, or the Patient."""
    wanted = _holds(name, page)
    error = error_in(page.outcomes)
    if page.kind == "OperationOutcome" or (error and not wanted):
        sheet.lower(Reading.UNAVAILABLE, error or "the EHR answered with an OperationOutcome")
    elif page.kind not in ("Bundle", _TYPE[name]) or (not wanted and not _is_empty(page)):
        sheet.lower(Reading.UNAVAILABLE, f"it holds no {_TYPE[name]}")
    elif page.kind == _TYPE[name] and name != "patient":
        sheet.lower(Reading.PARTIAL, "one resource was sent instead of a Bundle")


def _holds(name: str, page: Page) -> bool:
    return any(type(found.resource).__name__ == _TYPE[name] for found in page.found)


def _is_empty(page: Page) -> bool:
    return not page.unread and page.matches <= len(page.outcomes) == len(page.found)


def error_in(outcomes: list[OperationOutcome]) -> str:
    """The first error that these tell of; warnings (Epic's 'no results') are none."""
    for outcome in outcomes:
        for issue in outcome.issue or ():
            if issue.severity in ("error", "fatal"):
                details = issue.details.text if issue.details else None
                return "the EHR reported: " + (details or issue.diagnostics or issue.code or issue.severity)[:200]
    return ""
