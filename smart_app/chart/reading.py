"""Reads a launch's chart and judges it; remembers both for a moment, so that going from page to page is quick."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from secrets import token_urlsafe
from threading import Lock
from time import monotonic, time
from typing import Any

from cachetools import TTLCache
from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from ehr.chart import Access, OpenChart
from ehr.trust import Trust
from journal.errors import JournalDown
from journal.journal import Journal
from journal.launches import Launches
from second_opinion.assess import Assessment, assess
from second_opinion.data_needs import APP, LANES, type_of
from second_opinion.from_fhir import Fetched, read_prefetch
from second_opinion.planned_surgery import CHART_LANES, in_chart
from second_opinion.record import PatientRecord
from second_opinion.site import Site
from smart_app.chart.case import Case
from smart_app.chart.earlier import card_behind, earlier_answers, surgery_of
from smart_app.launches import Launch

SECONDS = 8.0  # for the whole chart: longer than a card may take, since somebody asked to see it
MOST_PAGES = 40
_REMEMBERED_SECONDS = 60
_REMEMBERED_BYTES = 64 * 1024 * 1024  # of what was read; a case in memory takes about as much, or less
_MARKED_SECONDS = 2 * (int(SECONDS) + _REMEMBERED_SECONDS)  # longer than any chart from before is remembered
_LEAST = 20_000
_REFUSED = "401"
_UNKNOWN = ("404", "410")
_NOBODY = "the EHR's server does not know this patient"
_NOT_GRANTED = "the EHR has not granted this app to read all of it"


class _Remembered(Struct, frozen=True):
    case: Case
    mark: str
    bytes: int


class Reader:
    """One a process. `open_chart` reads on an EHR's server; `renewed` gets a new token after the old was refused."""

    def __init__(
        self,
        open_chart: OpenChart,
        today: Callable[[], date],
        site: Site,
        trust: Trust,
        journal: Journal,
        renewed: Callable[[Launch], Launch],
    ) -> None:
        self._open_chart, self._today, self._site = open_chart, today, site
        self._trust, self._journal, self._renewed = trust, journal, renewed
        self._cases: TTLCache[str, _Remembered] = TTLCache(
            _REMEMBERED_BYTES, _REMEMBERED_SECONDS, monotonic, getsizeof=lambda each: each.bytes
        )
        self._launches = Launches(journal.database, journal.keys)
        self._lock = Lock()

    def case(self, launch: Launch) -> Case:
        """Raises LaunchEnded when the EHR refuses the token and gives no other."""
        mark = self._mark(launch)
        with self._lock:
            remembered = self._cases.get(launch.id)
        if remembered and remembered.mark == mark:
            return replace(remembered.case, launch=launch)  # its token may be a newer one
        launch, fetched = self._read(launch)
        record = read_prefetch({}, APP, launch.patient, self._today(), fetched=fetched)
        case = Case(launch, self._judged(launch, record), _patient(fetched, launch.patient), datetime.now(UTC))
        size = _LEAST + sum(len(page) for lane in fetched.values() for page in lane.pages)
        with self._lock:
            if mark is not None and size <= self._cases.maxsize:
                self._cases[launch.id] = _Remembered(case, mark, size)
        return case

    def forget(self, launch: Launch) -> None:
        """What was written must be seen at once, by all workers: what was read under another mark is read again."""
        with self._lock:
            self._cases.pop(launch.id, None)
        with suppress(JournalDown):
            self._launches.put(f"chart {launch.id}", token_urlsafe(9), int(time()) + _MARKED_SECONDS)

    def _mark(self, launch: Launch) -> str | None:
        """Taken before the chart is read: a write meanwhile makes another one. None while the journal is down."""
        try:
            return self._launches.get(f"chart {launch.id}", int(time())) or ""
        except JournalDown:
            return None

    def _read(self, launch: Launch) -> tuple[Launch, dict[str, Fetched]]:
        fetched = self._fetched(launch)
        if any(lane.why == _REFUSED for lane in fetched.values()):
            launch = self._renewed(launch)
            fetched = self._fetched(launch)
        return launch, fetched

    def _fetched(self, launch: Launch) -> dict[str, Fetched]:
        chart = self._open_chart(Access(launch.iss, launch.access_token, launch.user, launch.patient, APP))
        lanes = chart.lanes(dict.fromkeys(LANES, ""))
        is_known = lanes["patient"].why not in _UNKNOWN
        return {lane: replace(each, withheld=_withheld(lane, launch, is_known)) for lane, each in lanes.items()}

    def _judged(self, launch: Launch, record: PatientRecord) -> Assessment:
        """As the card was, if one led here: also when its order is not saved in the chart yet."""
        surgery = in_chart(record, self._site.limits_on("planned_surgery", record.as_of))
        with suppress(JournalDown):  # then without what was answered before
            found = card_behind(self._journal, self._trust, launch)
            if found and (surgery is None or (surgery.kind, surgery.regions) != (found.kind, frozenset(found.regions))):
                surgery = surgery_of(found)
            if surgery:
                limits = self._site.limits_on("silence", record.as_of)
                answers = earlier_answers(self._journal, self._trust, launch, record, surgery, limits)
                record = replace(record, answers=answers)
        return assess(record, surgery, launch.encounter, self._site, CHART_LANES, hook=APP)


def _withheld(lane: str, launch: Launch, is_known: bool) -> str:
    """Why a search that found nothing says nothing: of whom the server does not know, or of what we may not read."""
    if lane == "patient":
        return ""
    if not is_known:
        return _NOBODY
    return "" if launch.may_find_all(*type_of(lane)) else _NOT_GRANTED


def _patient(fetched: Mapping[str, Fetched], patient_id: str) -> dict[str, Any]:
    """The Patient as it came; {} if it is none, or another."""
    try:
        said = json.decode(b"".join(fetched["patient"].pages))
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    is_this = isinstance(said, dict) and said.get("resourceType") == "Patient" and said.get("id") == patient_id
    return said if is_this else {}
