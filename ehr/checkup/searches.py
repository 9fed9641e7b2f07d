"""Tries every way of asking for a lane, one by one, and has the core judge what came."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from time import monotonic
from urllib.parse import unquote

from ehr.checkup.report import LaneTried, Try
from ehr.fhir_server import FhirServer
from ehr.wire import LATE, NO_ANSWER
from second_opinion.data_needs import APP, Need, search_for
from second_opinion.from_fhir import Fetched, read_prefetch
from second_opinion.plain_words import plain
from second_opinion.record import Lane, Reading

OpenServer = Callable[[], FhirServer]  # each time with a deadline of its own
_GONE = {LATE: "late", NO_ANSWER: "none"}
_STATUS = re.compile(r"\d{3}\b")


def tried(need: Need, patient: str, open_server: OpenServer, declared: bool | None) -> LaneTried:
    """A server that gives no answer to the first is not asked the same in other ways: each would be waited for."""
    tries: list[Try] = []
    for form, full, category in _ways(need):
        tries.append(_try(need, patient, open_server(), form, full, category))
        if tries[-1].status in _GONE.values():
            break
    return LaneTried(need.lane, need.type, tuple(tries), declared)


def _ways(need: Need) -> Iterator[tuple[str, bool, bool]]:
    if need.lane == "patient":
        yield "GET", False, False
        return
    for category in (False, True) if need.categories else (False,):
        for form in ("GET", "POST"):
            for full in (False, True):
                yield form, full, category


def _try(need: Need, patient: str, server: FhirServer, form: str, full: bool, category: bool) -> Try:
    query = search_for(need.lane, f"Patient/{patient}" if full else patient)[category]
    pages: list[bytes] = []
    start = monotonic()
    why = server.search_by_post(query, pages) if form == "POST" else server.read(query, "", pages)
    milliseconds = round((monotonic() - start) * 1000)
    fetched = {need.lane: Fetched(tuple(pages), why)}
    lane = read_prefetch({}, APP, patient, date.today(), fetched=fetched)[need.lane]
    said = plain("; ".join(lane.why), 160)
    return Try(form, full, category, lane.state, _status(why, lane), said, lane.count, milliseconds)


def _status(why: str, lane: Lane) -> str:
    """At most five letters, for a table."""
    if lane.state is not Reading.UNAVAILABLE:
        return "ok" if lane.state is Reading.COMPLETE else "part"
    code = _STATUS.match(why)
    return code[0] if code else _GONE.get(why, "bad")


def id_of(patient: str) -> str:
    """'1' of '1', 'Patient/1', or of the address of Patient/1."""
    return unquote(patient.rstrip("/").rpartition("/")[2])
