"""The demo in a real browser, as a newcomer meets it: every patient, every screen, everything that can be broken."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from chromium import serious
from demos import running_demo
from playwright.sync_api import Browser, Page, Route, expect
from urllib3 import request

from fixtures.teaching import PATIENTS
from sandbox.breaking import BREAKS

# Each button with its screen and its hook, in the order in which an operation comes about.
BUTTONS = {
    "open-chart": ("tab-chart", "patient-view"),
    "select-order": ("tab-orders", "order-select"),
    "sign-order": ("tab-orders", "order-sign"),
    "book-slot": ("tab-schedule", "appointment-book"),
    "send-referral": ("tab-referrals", "order-dispatch"),
}
_ANSWERED = re.compile(r"card|call failed")
PARTS = ("request", "prefetch", "answer", "timings", "token", "feedback", "journal")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running.address


@contextmanager
def opened(browser: Browser, demo: str, width: int = 1440) -> Iterator[Page]:
    with closing(browser.new_page(viewport={"width": width, "height": 900})) as page:
        page.goto(demo)
        yield page
        mend(page)


@pytest.fixture
def page(browser: Browser, demo: str) -> Iterator[Page]:
    """The mock EHR's page; whatever a test does with it, its console stays free of errors."""
    complaints: list[str] = []
    with opened(browser, demo) as page:
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


@pytest.fixture
def broken_page(browser: Browser, demo: str) -> Iterator[Page]:
    """The same for what ends in an error: a browser notes each in its console."""
    with opened(browser, demo) as page:
        yield page


def choose(page: Page, patient: str) -> None:
    page.locator(f'[data-patient="{patient}"]').click()
    expect(page.locator(f'[data-patient="{patient}"]')).to_have_attribute("aria-current", "true")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#workspace")).to_be_visible()


def press(page: Page, button: str) -> None:
    page.locator(f"#{BUTTONS[button][0]}").click()
    page.locator(f"#{button}").click()
    expect(page.locator("#status")).to_have_text(_ANSWERED)


def break_it(page: Page, fault: str) -> None:
    page.locator("#break-it").click()
    page.locator(f'[data-fault="{fault}"]').click()
    expect(page.locator("#broken")).to_be_visible()


def mend(page: Page) -> None:
    if page.locator("#mend").is_visible():
        page.locator("#mend").click()
        expect(page.locator("#broken")).to_be_hidden()


def part(page: Page, name: str) -> Any:
    """What the inspector shows in one of its tabs, as JSON."""
    page.locator(f"#part-{name}").click()
    expect(page.locator(f"#part-{name}")).to_have_attribute("aria-selected", "true")
    return json.loads(page.locator(f"#{name}-json").text_content() or "null")


def spellings(day: date) -> list[str]:
    """The ways a card may write a date."""
    return [
        day.isoformat(),
        f"{day.day} {day:%b %Y}",
        f"{day.day} {day:%B %Y}",
        f"{day:%b} {day.day}, {day.year}",
        f"{day:%B} {day.day}, {day.year}",
    ]


def earlier_operation(demo: str) -> date:
    """As the chart on the page has it."""
    sections = request("GET", f"{demo}patients/failed-fusion").json()["sections"]
    rows = next(section["rows"] for section in sections if section["id"] == "procedures")
    (fusion,) = [row for row in rows if row["what"] == "Lumbar fusion L4-5"]
    return datetime.strptime(fusion["when"], "%d %b %Y").date()


# ---- what every patient is there to show


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_teaching_patient_gives_what_the_page_promises(page: Page, patient: str) -> None:
    choose(page, patient)
    for button, (_, hook) in BUTTONS.items():
        press(page, button)
        expect(page.locator("#status")).to_have_text(re.compile(rf"^{hook}: .* As expected\.$"))


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_promise_holds_where_the_service_has_to_look_everything_up(page: Page, patient: str) -> None:
    choose(page, patient)
    page.locator('[name="prefetch"][value="omitted"]').check()
    press(page, "sign-order")
    assert "prefetch" not in part(page, "request")
    expect(page.locator("#status")).to_have_text(re.compile(r" As expected\.$"))


def test_signing_more_surgery_after_a_failed_fusion_warns_and_names_the_earlier_operation(
    page: Page, demo: str
) -> None:
    choose(page, "failed-fusion")
    press(page, "sign-order")
    card = page.locator('.card[data-indicator="warning"]')
    expect(card).to_have_count(1)
    said = card.inner_text()
    assert "fusion" in said.lower()
    assert any(day in said for day in spellings(earlier_operation(demo))), said


def test_a_card_comes_into_sight_below_the_patients_name(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 800})
    choose(page, "failed-fusion")
    press(page, "sign-order")
    expect(page.locator(".card .summary")).to_be_in_viewport(ratio=1)
    banner, card = (page.locator(place).bounding_box() for place in ("#banner", ".card"))
    assert banner and card and banner["y"] + banner["height"] <= card["y"]


def test_an_emergency_gets_no_card_and_the_reason_why(page: Page) -> None:
    choose(page, "cauda-equina")
    press(page, "sign-order")
    expect(page.locator("#no-card")).to_contain_text("emergency")
    expect(page.locator(".card")).to_have_count(0)


def test_another_procedure_can_be_ordered_and_nothing_is_promised_of_it(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#tab-orders").click()
    page.locator("#procedure").select_option("27447")
    expect(page.locator("#order-title")).to_have_text("Knee replacement")
    press(page, "sign-order")
    expect(page.locator("#status")).to_contain_text("nothing was promised")
    expect(page.locator("#no-card")).to_contain_text("No spine operation")


def test_the_slot_and_the_performer_that_were_chosen_are_in_the_call(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#tab-schedule").click()
    slot = page.locator('[name="slot"]').nth(1)
    slot.check()
    press(page, "book-slot")
    (entry,) = part(page, "request")["context"]["appointments"]["entry"]
    assert entry["resource"]["start"] == slot.get_attribute("value")
    page.locator("#tab-referrals").click()
    page.locator("#performer").select_option("Organization/harbour-surgical-group")
    press(page, "send-referral")
    assert part(page, "request")["context"]["performer"] == "Organization/harbour-surgical-group"


# ---- answering a card


def test_accepting_the_referral_creates_it_and_signing_again_gives_no_second_card(page: Page, demo: str) -> None:
    choose(page, "failed-fusion")
    press(page, "sign-order")
    page.locator(".card .accept").first.click()
    expect(page.locator("#resign-result")).to_have_attribute("data-cards", "0")
    expect(page.locator(".card")).to_have_count(1)
    assert drafts_on_the_server(demo) == 2  # her own order, and the referral
    page.locator("#tab-chart").click()
    expect(page.locator('#chart-orders .state[data-state="draft"]')).to_have_count(2)
    choose(page, "failed-fusion")
    assert drafts_on_the_server(demo) == 1


def drafts_on_the_server(demo: str) -> int:
    sections = request("GET", f"{demo}patients/failed-fusion").json()["sections"]
    (orders,) = [section for section in sections if section["id"] == "orders"]
    return sum(row["status"] == "draft" for row in orders["rows"])


def test_dismissing_a_card_is_told_to_the_service_which_heeds_it(page: Page) -> None:
    choose(page, "failed-fusion")
    press(page, "sign-order")
    page.locator(".override select").select_option(label="Second opinion already obtained")
    page.locator(".override button").click()
    expect(page.locator(".outcome")).to_contain_text("Sent, and stored")
    (sent,) = part(page, "feedback")
    assert (sent["status"], sent["body"]["feedback"][0]["outcome"]) == (200, "overridden")
    page.locator("#sign-order").click()
    expect(page.locator("#no-card")).to_contain_text("answered before")
    choose(page, "failed-fusion")
    press(page, "sign-order")
    expect(page.locator(".card")).to_have_count(1)


# ---- the app


def test_the_card_opens_the_app_in_a_frame_at_its_finding(page: Page) -> None:
    choose(page, "failed-fusion")
    press(page, "sign-order")
    page.locator(".card .smart-link").click()
    expect(page.locator("#app")).to_be_visible()
    app = page.frame_locator("#app-frame")
    expect(app.locator("body")).to_contain_text("Lumbar fusion L5-S1")
    expect(app.locator("body")).to_contain_text("from the card")
    assert [urlsplit(frame.url).hostname for frame in page.frames] == ["127.0.0.1", "localhost"]
    page.locator("#close-app").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#app")).to_be_hidden()


def test_the_app_opens_from_the_chart_too(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#open-app").click()
    expect(page.locator("#app-from")).to_have_text("Opened from the chart, for Keller, Ruth")
    expect(page.frame_locator("#app-frame").locator("body")).to_contain_text("Lumbar fusion L5-S1")
    page.locator("#close-app").click()
    expect(page.locator("#app")).to_be_hidden()


# ---- what is broken on purpose


@pytest.mark.parametrize("patient", ["failed-fusion", "enough-therapy"])
@pytest.mark.parametrize("fault", BREAKS, ids=[fault.id for fault in BREAKS])
def test_whatever_is_broken_the_page_shows_what_was_stated(broken_page: Page, fault: Any, patient: str) -> None:
    choose(broken_page, patient)
    break_it(broken_page, fault.id)
    expect(broken_page.locator("#broken")).to_contain_text(fault.see)
    for button in ("sign-order", "send-referral"):
        press(broken_page, button)
        expect(broken_page.locator("#status")).to_contain_text("As expected")


def test_one_click_mends_all_for_every_page(broken_page: Page, browser: Browser, demo: str) -> None:
    break_it(broken_page, "procedures-403")
    with closing(browser.new_page()) as other:
        other.goto(demo)
        expect(other.locator("#broken")).to_be_visible()
        mend(other)
    broken_page.reload()
    expect(broken_page.locator("#welcome")).to_be_visible()
    expect(broken_page.locator("#broken")).to_be_hidden()


def test_a_click_that_is_quicker_than_the_page_is_not_forgotten(broken_page: Page, demo: str) -> None:
    nothing_broken, held = request("GET", f"{demo}faults").json(), []
    broken_page.route("**/faults", lambda route: route.continue_() if route.request.post_data else held.append(route))
    broken_page.reload()
    broken_page.locator("#break-it").click()
    with broken_page.expect_response("**/faults"):
        broken_page.locator('[data-fault="procedures-403"]').click()
    held[0].fulfill(json=nothing_broken)
    expect(broken_page.locator("#broken")).to_be_visible()


def test_an_error_of_the_service_is_shown_with_its_own_words(broken_page: Page) -> None:
    said = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "No patient in it."}]}
    broken_page.route("**/cds-services/*", lambda route: route.fulfill(status=400, json=said))
    choose(broken_page, "knee")
    press(broken_page, "sign-order")
    expect(broken_page.locator("#error")).to_contain_text("400")
    expect(broken_page.locator("#error")).to_contain_text("No patient in it.")
    expect(broken_page.locator("#status")).to_contain_text("Not as expected")


def test_a_service_that_is_gone_is_an_error_and_not_an_empty_answer(broken_page: Page) -> None:
    broken_page.route("**/cds-services/*", lambda route: route.abort())
    choose(broken_page, "knee")
    press(broken_page, "sign-order")
    expect(broken_page.locator("#error")).to_contain_text("No answer from the server")
    expect(broken_page.locator("#no-card")).to_be_hidden()


# ---- the inspector


def test_the_inspector_shows_the_call_in_parts(page: Page, demo: str) -> None:
    choose(page, "failed-fusion")
    press(page, "sign-order")
    expect(page.locator(".card")).to_have_count(1)
    assert part(page, "request")["fhirServer"] == f"{demo}fhir"
    assert part(page, "prefetch")["patient"]["id"] == "ruth-keller"
    expect(page.locator(".lanes")).to_contain_text("procedures")
    assert len(part(page, "answer")["cards"]) == 1
    assert "service: the whole answer" in part(page, "timings")
    assert part(page, "token")["header"]["alg"] == "ES384"
    assert part(page, "token")["claims"]["aud"].endswith("/cds-services/second-opinion-order-sign")
    kept = part(page, "journal")
    assert (kept["hook"], kept["indicator"]) == ("order-sign", "warning")
    assert kept["lanes"]["procedures"]["state"] == "complete"
    assert "ruth" not in json.dumps(kept)


def test_the_arrow_keys_go_through_the_parts(page: Page) -> None:
    choose(page, "failed-fusion")
    page.locator("#part-request").focus()
    for name in (*PARTS[1:], PARTS[0]):
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#part-{name}")).to_be_focused()
        expect(page.locator(f"#part-{name}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#part-journal")).to_be_focused()


def test_the_copied_curl_command_gives_the_same_card(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(page, "asked-for-another-opinion")
    press(page, "open-chart")
    expect(page.locator(".card")).to_have_count(1)
    page.locator("#copy-curl").click()
    expect(page.locator("#copy-curl")).to_have_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=120)
    (card,) = json.loads(answer.stdout)["cards"]
    assert card["summary"] == page.locator(".card .summary").inner_text()


# ---- for everybody


def test_nothing_is_asked_before_a_button_is_pressed(page: Page) -> None:
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    choose(page, "failed-fusion")
    assert not [url for url in calls if "/cds-services/" in url]


def test_a_patient_who_was_chosen_comes_whatever_is_clicked_in_the_meantime(page: Page) -> None:
    choose(page, "minor")
    held: list[Route] = []
    page.route("**/patients/failed-fusion/**", lambda route: held.append(route))
    page.locator('[data-patient="failed-fusion"]').click()
    page.locator("#tab-orders").click()
    page.locator("#sign-order").dispatch_event("click")
    expect(page.locator("#sign-order")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#status")).to_have_text("Nothing was asked yet.")
    held[0].continue_()
    expect(page.locator("#patient-name")).to_have_text("Keller, Ruth")
    expect(page.locator("#sign-order")).to_have_attribute("aria-disabled", "false")


def test_all_works_by_keyboard_alone(page: Page) -> None:
    page.locator('[data-patient="failed-fusion"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("#workspace")).to_be_visible()
    page.locator("#tab-chart").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-orders")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("#sign-order").evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator("#sign-order")).to_be_focused()


def test_axe_finds_nothing_that_would_keep_somebody_out(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    assert serious(page) == []
    choose(page, "failed-fusion")
    press(page, "book-slot")
    part(page, "prefetch")
    assert serious(page) == []
    break_it(page, "procedures-403")
    press(page, "sign-order")
    part(page, "journal")
    page.locator("#break-it").click()
    assert serious(page) == []
    page.keyboard.press("Escape")  # the menu stands over the button that mends


@pytest.mark.parametrize("width", [400, 800, 900, 1440])
def test_nothing_is_cut_off_at_the_side(browser: Browser, demo: str, width: int) -> None:
    with opened(browser, demo, width) as page:
        choose(page, "failed-fusion")
        break_it(page, "procedures-403")
        for button in ("open-chart", "sign-order"):
            press(page, button)
            expect(page.locator(".card")).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_wide_page_ends_where_its_columns_do(page: Page) -> None:
    choose(page, "failed-fusion")
    assert page.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
