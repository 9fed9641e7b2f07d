"""The review page in a real browser: keys, charts, accessibility, narrow and on paper."""

from collections.abc import Iterator

import pytest
from a_site import served
from chromium import serious
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect
from review_cases import LAUNCH, app_with, case_from, case_of, fresh_journal
from review_charts import everything, marked, of_size

from fixtures.teaching import PATIENTS

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>{a|b}"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Pages of every teaching patient and of charts made for this, on loopback."""
    cases = {name: case_of(name) for name in PATIENTS}
    cases["everything"] = case_from(everything())
    cases["hostile"] = case_from(marked(everything(), HOSTILE))
    cases["large"] = case_from(of_size(5000))
    cases["from-card"] = case_of("failed-fusion", replace(LAUNCH, findings=("nonsurgical_care",)))
    for journal in fresh_journal(tmp_path_factory.mktemp("journal")):
        with served(app_with(cases, journal)) as base:
            yield f"{base}/review"


@pytest.fixture(params=[1280, 400])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page as wide as a screen or a side bar; whatever happens on it, its console stays free of errors."""
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append("a dialog"))
    yield opened
    opened.close()
    assert complaints == []


@pytest.mark.parametrize("case", [*PATIENTS, "everything", "hostile"])
def test_axe_finds_no_serious_violation_and_nothing_is_wider_than_the_page(case: str, page: Page, address: str) -> None:
    page.goto(f"{address}/{case}/")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_strip_with_the_operation_and_the_referral_is_always_in_sight(page: Page, address: str) -> None:
    page.goto(f"{address}/everything/")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("heading", name="Lumbar fusion L4-S1")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Refer for second opinion")).to_be_in_viewport()


def test_arrow_keys_go_from_event_to_event_and_say_date_status_and_source(page: Page, address: str) -> None:
    page.goto(f"{address}/everything/")
    page.locator("#timeline-chart").focus()
    page.keyboard.press("ArrowRight")
    said = page.locator("#timeline-says")
    expect(said).to_contain_text("1 of ")
    page.keyboard.press("End")
    expect(said).to_contain_text("Nov 2026")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    expect(said).to_contain_text("Observation/")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Procedure/op-1")
    expect(said).to_contain_text("8 Mar 2022: received")
    expect(page.locator("#timeline-chart svg")).to_contain_text("Procedure/op-1")
    page.keyboard.press("Escape")
    expect(page.locator("#timeline-chart svg")).not_to_contain_text("Procedure/op-1")
    page.keyboard.press("a")


def test_the_mouse_over_a_mark_shows_the_same(page: Page, address: str) -> None:
    page.goto(f"{address}/no-therapy-found/")
    chart = page.locator("#timeline-chart")
    chart.scroll_into_view_if_needed()
    chart.locator("svg path[stroke-dasharray='3 2.5'], svg path[stroke-dasharray='3,2.5']").first.hover(force=True)
    expect(chart.locator("svg")).to_contain_text("ordered, not found as received")


def test_buttons_and_keys_zoom(page: Page, address: str) -> None:
    page.goto(f"{address}/everything/")
    chart = page.locator("#timeline-chart svg")
    expect(chart).to_contain_text("2023")
    page.get_by_role("button", name="1 year").click()
    expect(page.get_by_role("button", name="1 year")).to_have_attribute("aria-pressed", "true")
    expect(chart).not_to_contain_text("2023")
    page.get_by_role("button", name="All").click()
    expect(chart).to_contain_text("2023")
    page.locator("#timeline-chart").focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(chart).not_to_contain_text("2023")
    page.keyboard.press("Home")
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(chart).to_contain_text("2023")
    page.get_by_role("button", name="Since last operation").click()
    expect(chart).not_to_contain_text("2023")


def test_everything_can_be_reached_by_keys_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/everything/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"Refer for second opinion", "timeline-chart", "Add care done elsewhere"} <= reached


def test_the_finding_that_the_card_named_is_scrolled_to_below_the_strip(page: Page, address: str) -> None:
    page.goto(f"{address}/from-card/")
    expect(page.locator("#finding-nonsurgical_care h3")).to_be_in_viewport()
    below = "document.querySelector('.strip-bar').getBoundingClientRect().bottom"
    assert page.evaluate(f"document.querySelector('#name-nonsurgical_care').getBoundingClientRect().top > {below}")


def test_it_is_not_covered_in_a_frame_narrower_than_the_strip_needs(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800}, reduced_motion="reduce")
    page.goto(f"{address}/from-card/")
    expect(page.locator("#finding-nonsurgical_care h3")).to_be_in_viewport()
    below = "document.querySelector('.strip-bar').getBoundingClientRect().bottom"
    assert page.evaluate(f"document.querySelector('#name-nonsurgical_care').getBoundingClientRect().top > {below}")
    page.close()


def test_a_chip_leads_to_its_finding_and_opens_what_it_rests_on(page: Page, address: str) -> None:
    page.goto(f"{address}/failed-fusion/")
    page.locator("#in-short a[href='#finding-repeat_surgery']").click()
    expect(page.locator("#finding-repeat_surgery")).to_be_focused()
    expect(page.locator("#finding-repeat_surgery .behind")).to_have_attribute("open", "")


def test_without_scripts_the_table_is_open_and_holds_everything(browser: Browser, address: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{address}/everything/")
    table = page.locator("#timeline-table table").first
    expect(table).to_be_visible()
    expect(table).to_contain_text("Lumbar discectomy L4-5")
    expect(table.get_by_role("row")).to_have_count(22)
    expect(page.locator("#timeline-chart")).to_be_hidden()
    page.close()


def test_if_the_chart_library_does_not_come_the_table_opens(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.route("**/echarts.min.js", lambda route: route.abort())
    page.goto(f"{address}/everything/")
    expect(page.locator("#timeline-table table").first).to_be_visible()
    expect(page.locator("#timeline-chart")).to_be_hidden()
    page.close()


def test_on_paper_the_charts_are_there_and_buttons_are_not(page: Page, address: str) -> None:
    page.goto(f"{address}/everything/")
    page.emulate_media(media="print")
    expect(page.locator("#timeline-chart svg")).to_be_visible()
    expect(page.get_by_role("link", name="Refer for second opinion")).to_be_hidden()
    expect(page.get_by_role("heading", name="Lumbar fusion L4-S1")).to_be_visible()
    assert page.pdf().startswith(b"%PDF")


def test_five_thousand_resources_are_drawn(page: Page, address: str) -> None:
    page.goto(f"{address}/large/")
    expect(page.locator("#timeline-chart svg")).to_contain_text("Physical therapy")


def test_nothing_is_fetched_from_elsewhere(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/everything/")
    assert asked and all(url.startswith(address.removesuffix("/review")) for url in asked)
