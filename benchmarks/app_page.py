"""The app's review page in a real browser, from an open launch to a drawn timeline, on charts of two sizes."""

import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import urlopen

import orjson
from playwright.sync_api import Browser, sync_playwright

from benchmarks.app_server import BROWSER, LAUNCH
from benchmarks.chart_server import PATIENT
from benchmarks.servers import Service, running
from second_opinion.data_needs import LANES, search_for

SIZES = (500, 5000)
_ROUNDS = 7
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DRAWN = "#timeline-chart svg"


@dataclass(frozen=True)
class Shown:
    """Seconds: until the page's HTML came, until it was usable, and of reading the same chart one search at a time."""

    resources: int
    answered: float
    usable: float
    plain: float


def report(rounds: int = _ROUNDS) -> str:
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        return "The app's review page: not measured, there is no Chromium here (make chromium)."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        shown = [_shown(browser, size, rounds) for size in SIZES]
        browser.close()
    lines = [
        f"  {each.resources:5} resources: answered after {each.answered:.2f} s, usable after {each.usable:.2f} s; "
        f"that is {each.usable / each.plain:.1f} times fetching and decoding the chart alone ({each.plain:.2f} s)"
        for each in shown
    ]
    return "\n".join(["The app's review page, chart read anew each time, in Chromium (median):", *lines])


def _shown(browser: Browser, size: int, rounds: int) -> Shown:
    with _app(size) as (app, ehr), browser.new_context() as context:
        context.add_cookies([{"name": "second-opinion", "value": BROWSER, "url": app}])
        page = context.new_page()
        measured = []
        for _ in range(rounds + 1):
            plain = _plain(ehr)
            page.goto(f"{app}/review/{LAUNCH}/?again=1")
            page.wait_for_selector(_DRAWN)
            usable = page.evaluate("performance.now()") / 1000
            answered = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd") / 1000
            measured.append((answered, usable, plain))
    return Shown(size, *(statistics.median(each) for each in zip(*measured[1:], strict=True)))


@contextmanager
def _app(size: int) -> Iterator[tuple[str, str]]:
    """The addresses of the app and of its EHR."""
    chart = Service("an EHR", "/fhir", (sys.executable, "-m", "benchmarks.chart_server", str(size)))
    with running(chart) as ehr:
        address = f"http://127.0.0.1:{ehr.port}/fhir"
        app = Service("the app", "/review", (sys.executable, "-m", "benchmarks.app_server", address))
        with running(app) as served:
            yield f"http://localhost:{served.port}", address


def _plain(ehr: str) -> float:
    """All searches, one after the other, decoded and nothing more."""
    start = time.perf_counter()
    for lane in LANES:
        query: str = search_for(lane, PATIENT)[0]
        while query:
            with urlopen(f"{ehr}/{query}") as answer:  # noqa: S310, loopback
                found = orjson.loads(answer.read())
            query = next((link["url"] for link in found.get("link", ()) if link["relation"] == "next"), "")
    return time.perf_counter() - start


if __name__ == "__main__":
    print(report())
