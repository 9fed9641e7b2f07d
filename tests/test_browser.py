"""The demo in a real browser, as a newcomer meets it: from the first click to an accepted referral."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from fixtures.teaching import PATIENTS, teaching_patients

ROOT = Path(__file__).parent.parent
STARTUP_SECONDS = 30


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the mock EHR of a real demo, started from a folder that is not ours."""
    port = free_port()
    command = [sys.executable, "-m", "plugin", "demo", "--no-browser", "--port", str(port)]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    log = elsewhere / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=elsewhere, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}/sandbox/"
        wait_for(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=2):  # noqa: S310, our own loopback address
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The demo did not start. It said:\n{log.read_text('utf-8', 'replace')}")


@pytest.fixture
def page(browser: Browser, demo: str) -> Iterator[Page]:
    """The mock EHR's page; whatever a test does with it, its console stays free of errors."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(demo)
    yield opened
    opened.close()
    assert complaints == []


def choose(page: Page, patient: str) -> None:
    page.locator(f'[data-patient="{patient}"]').click()
    expect(page.locator(f'[data-patient="{patient}"]')).to_have_attribute("aria-current", "true")
    expect(page.locator("#workspace")).to_be_visible()


def spellings(day: date) -> list[str]:
    """The ways a card may write a date."""
    return [
        day.isoformat(),
        f"{day.day} {day:%b %Y}",
        f"{day.day} {day:%B %Y}",
        f"{day:%b} {day.day}, {day.year}",
        f"{day:%B} {day.day}, {day.year}",
    ]


def earlier_operation() -> date:
    ruth = teaching_patients(date.today())[0]
    procedures = [entry["resource"] for entry in ruth.chart["entry"] if entry["resource"]["id"].endswith("procedure-1")]
    return date.fromisoformat(procedures[0]["performedDateTime"])


def test_signing_more_surgery_after_a_failed_fusion_warns_and_names_the_earlier_operation(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#sign-order").click()
    card = page.locator('.card[data-indicator="warning"]')
    expect(card).to_have_count(1)
    said = card.inner_text()
    assert "fusion" in said.lower()
    assert any(day in said for day in spellings(earlier_operation())), said
    assert '"cards"' in page.locator("#response-json").inner_text()
    assert '"order-sign"' in page.locator("#request-json").inner_text()


def test_an_emergency_gets_no_card(page: Page) -> None:
    choose(page, "cauda-equina")
    page.locator("#sign-order").click()
    expect(page.locator("#no-card")).to_be_visible()
    expect(page.locator(".card")).to_have_count(0)


def test_accepting_the_referral_and_signing_again_gives_no_second_card(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#sign-order").click()
    page.locator(".card .accept").first.click()
    expect(page.locator("#resign-result")).to_have_attribute("data-cards", "0")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator("#chart-orders")).to_contain_text("From the card's suggestion")


def test_dismissing_a_card_is_told_to_the_service_which_heeds_it(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#sign-order").click()
    page.locator(".override select").select_option(label="Second opinion already obtained")
    page.locator(".override button").click()
    expect(page.locator(".outcome")).to_contain_text("Sent, and stored")
    page.locator(".outcome summary").first.click()
    expect(page.locator(".outcome")).to_contain_text('"overridden"')
    page.locator("#sign-order").click()
    expect(page.locator("#no-card")).to_contain_text("answered before")
    choose(page, "failed-fusion")
    page.locator("#sign-order").click()
    expect(page.locator(".card")).to_have_count(1)


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_teaching_patient_gives_what_the_page_promises(page: Page, patient: str) -> None:
    choose(page, patient)
    for button, hook in (
        ("open-chart", "patient-view"),
        ("select-order", "order-select"),
        ("sign-order", "order-sign"),
    ):
        page.locator(f"#{button}").click()
        expect(page.locator("#status")).to_have_text(re.compile(rf"^{hook}: .* As expected\.$"))


def test_an_error_of_the_service_is_shown_with_its_own_words(browser: Browser, demo: str) -> None:
    said = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "No patient in it."}]}
    with closing(browser.new_page()) as page:  # not the fixture: a browser logs every 400 as an error
        page.route("**/cds-services/*", lambda route: route.fulfill(status=400, json=said))
        page.goto(f"{demo}#knee")
        page.locator("#sign-order").click()
        expect(page.locator("#error")).to_contain_text("400")
        expect(page.locator("#error")).to_contain_text("No patient in it.")


def test_a_service_that_is_gone_is_an_error_and_not_an_empty_answer(browser: Browser, demo: str) -> None:
    with closing(browser.new_page()) as page:
        page.route("**/cds-services/*", lambda route: route.abort())
        page.goto(f"{demo}#knee")
        page.locator("#sign-order").click()
        expect(page.locator("#error")).to_contain_text("No answer from the server")
        expect(page.locator("#no-card")).to_be_hidden()


def test_nothing_is_asked_before_a_button_is_pressed(page: Page) -> None:
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    choose(page, "failed-fusion")
    assert not [url for url in calls if "/cds-services/" in url]


def test_all_works_by_keyboard_alone(page: Page) -> None:
    page.locator('[data-patient="failed-fusion"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("#workspace")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("#sign-order").evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator("#sign-order")).to_be_focused()


@pytest.mark.parametrize("width", [800, 1024, 1440])
def test_nothing_is_cut_off_at_the_side(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 768})
    choose(page, "failed-fusion")
    page.locator("#sign-order").click()
    expect(page.locator(".card")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
