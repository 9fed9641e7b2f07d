"""Looks up what prefetch left out: all lanes at once, within a time budget; a late one is unavailable, not absent."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from time import monotonic
from urllib.parse import quote

from ehr.addresses import server_address
from ehr.chart import Access, Chart, ClosedChart, LookedUp, OpenChart
from ehr.fhir_server import PAGES_MOST, FhirServer, sendable
from ehr.warm import WarmLanes, whose_chart
from ehr.wire import LATE, Wire
from second_opinion.data_needs import search_for
from second_opinion.from_fhir import Fetched

BUDGET = 0.35  # seconds, of the half that an answer may take
_NOT_LISTED = "the server is not on the list"
_NO_ADDRESS = "fhirServer is no https address"
_UNSENDABLE = "the access token holds characters that no header can"
_THREADS = 96  # every lane of as many calls as a worker judges at once
_ORDERS_MOST = 50

_Job = Callable[[list[bytes]], str]  # fills in pages; why not all were had


class LookUp:
    """One a process. Threads and connections begin with the first look-up, so a worker may be forked before."""

    def __init__(self, budget: float = BUDGET, warm: WarmLanes | None = None, most_pages: int = PAGES_MOST) -> None:
        self.budget, self.most_pages = budget, most_pages
        self.warm = warm or WarmLanes()
        self._wire = Wire(_THREADS)
        self._threads = ThreadPoolExecutor(_THREADS, "look-up")

    def __call__(self, access: Access) -> Chart:
        """The chart that a call may read; its time begins now."""
        base = server_address(access.server)
        if not base:
            return ClosedChart(_NO_ADDRESS)
        if not sendable(access.token):
            return ClosedChart(_UNSENDABLE)
        deadline = monotonic() + self.budget
        return ChartOnServer(
            access, FhirServer(self._wire, base, access.token, deadline, self.most_pages), self, deadline
        )

    def all_at_once(self, jobs: Mapping[str, _Job], deadline: float) -> dict[str, Fetched]:
        """Every job's pages by its name; what is not over at the deadline is left as it is."""
        pages: dict[str, list[bytes]] = {name: [] for name in jobs}
        running = {name: self._threads.submit(job, pages[name]) for name, job in jobs.items()}
        done, late = wait(running.values(), max(deadline - monotonic(), 0))
        for each in late:
            each.cancel()
        why = {name: each.result() if each in done else LATE for name, each in running.items()}
        return {name: Fetched(tuple(pages[name]), why[name]) for name in jobs}

    def close(self) -> None:
        """Lets threads and connections go."""
        self._threads.shutdown(cancel_futures=True)
        self._wire.close()


def on_listed(open_chart: OpenChart, is_listed: Callable[[str], bool]) -> OpenChart:
    """Opens charts on listed servers only; others are never contacted. Addresses are compared as they are written
    by `server_address`.
    """
    return lambda access: open_chart(access) if is_listed(server_address(access.server)) else ClosedChart(_NOT_LISTED)


class ChartOnServer:
    """The chart that can be read."""

    def __init__(self, access: Access, server: FhirServer, through: LookUp, deadline: float) -> None:
        self._hook, self._patient = access.hook, access.patient
        self._whose = whose_chart(access.server, access.user, access.patient, access.token)
        self._server, self._through, self._deadline = server, through, deadline
        self.looked_up = LookedUp()

    def lanes(self, missing: Mapping[str, str]) -> dict[str, Fetched]:
        whole = [lane for lane, following in missing.items() if not following]
        warm = self._through.warm.of(self._hook, self._whose, whole)
        jobs = {lane: self._job(lane, following) for lane, following in missing.items() if lane not in warm}
        fetched = self._timed(jobs, LookedUp(len(jobs), len(warm)))
        self._through.warm.keep(self._hook, self._whose, {lane: fetched[lane] for lane in whole if lane in fetched})
        return warm | fetched

    def orders(self, references: Iterable[str]) -> dict[str, Fetched]:
        jobs: dict[str, _Job] = {}
        for reference in list(references)[:_ORDERS_MOST]:
            kind, _, name = reference.partition("/")
            jobs[reference] = partial(self._server.read, f"{kind}/{quote(name, safe='')}", "")
        return self._timed(jobs, LookedUp())

    def _job(self, lane: str, following: str) -> _Job:
        if following:
            return partial(self._server.read_on, following)
        return partial(self._server.read, *search_for(lane, self._patient, self._hook))

    def _timed(self, jobs: Mapping[str, _Job], done: LookedUp) -> dict[str, Fetched]:
        start, so_far = monotonic(), self.looked_up
        fetched = self._through.all_at_once(jobs, self._deadline)
        self.looked_up = LookedUp(
            so_far.lanes + done.lanes,
            so_far.warm + done.warm,
            so_far.milliseconds + (monotonic() - start) * 1000,
        )
        return fetched
