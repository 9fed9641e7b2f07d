"""The forms and the leaflet in a real browser: by keyboard, in a side bar, on paper, and for a screen reader."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from a_site import served
from app_beside_an_ehr import Beside, beside
from chromium import serious
from playwright.sync_api import Browser, Page, expect

WIDTHS = (1280, 400)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Beside]:
    with beside(tmp_path) as running:
        yield running


@pytest.fixture
def base(app: Beside) -> Iterator[str]:
    with served(app.client.application) as address:
        yield address


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, base: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """At either width; its console stays free of errors other than our own 4xx pages."""
    opened = browser.new_page(viewport={"width": request.param, "height": 900}, base_url=base)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert [each for each in complaints if "status of 4" not in each] == []


def is_calm(page: Page) -> bool:
    """Nothing that keeps somebody out, and nothing that runs out of the page."""
    assert serious(page) == []
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_discussion_is_written_and_undone_with_the_keyboard_alone(page: Page, app: Beside) -> None:
    page.goto("/review/l1/discuss")
    assert is_calm(page)
    page.get_by_role("checkbox", name="The planned operation").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Leg pain may ease")
    page.keyboard.press("Tab")
    page.keyboard.type("Infection")
    page.get_by_role("radio", name="Another treatment first", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("I would rather avoid another operation.")
    page.get_by_role("button", name="See what will be written").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Options discussed: look at it once more")
    assert is_calm(page)
    page.get_by_role("button", name="Write it to the EHR").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("is in the EHR")
    assert is_calm(page)
    assert len(app.store.of("QuestionnaireResponse")) == len(app.store.of("Observation")) == 1
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("It was withdrawn")
    assert not app.store.of("QuestionnaireResponse")


def test_benefits_and_risks_are_asked_once_an_option_is_ticked_and_stay_in_sight_when_written(page: Page) -> None:
    page.goto("/review/l1/discuss")
    risks = page.locator('[id="option.injection.risks"]')
    expect(risks).to_be_hidden()
    page.get_by_role("checkbox", name="Injections").check()
    risks.fill("Bleeding")
    page.get_by_role("checkbox", name="Injections").uncheck()
    expect(risks).to_be_visible()


def test_what_is_wrong_is_said_at_the_field_and_can_be_mended(page: Page) -> None:
    page.goto("/review/l1/discuss")
    page.get_by_role("button", name="See what will be written").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("What you wrote is still here")
    alert.get_by_role("link", name="Tick what was discussed.").click()
    expect(page.locator("fieldset:target")).to_contain_text("Options discussed")
    assert is_calm(page)
    page.get_by_role("checkbox", name="Wait and see").check()
    page.get_by_role("button", name="See what will be written").click()
    expect(page.get_by_role("button", name="Write it to the EHR")).to_be_visible()


def test_the_note_is_copied_or_at_least_selected(page: Page) -> None:
    page.goto("/review/l1/discuss")
    page.get_by_role("checkbox", name="Wait and see").check()
    page.get_by_role("button", name="See what will be written").click()
    page.get_by_text("Text for your note").first.click()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#note-said")).to_have_text(re.compile("Copied|Selected"))


def test_care_done_elsewhere_is_added_by_its_labels(page: Page, app: Beside) -> None:
    page.goto("/review/l1/elsewhere")
    assert is_calm(page)
    page.get_by_label("What was done?").select_option("Physical therapy")
    page.get_by_label("From", exact=True).fill("2026-06")
    page.get_by_label("Until").fill("2026-10")
    page.get_by_role("radio", name="The patient").check()
    page.get_by_role("button", name="See what will be written").click()
    assert is_calm(page)
    page.get_by_role("button", name="Write it to the EHR").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("is in the EHR")
    assert app.store.of("Procedure")[0]["code"]["text"] == "Physical therapy"


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_leaflet_can_be_read_by_everybody_and_fits_on_two_pages(page: Page, language: str) -> None:
    page.goto(f"/review/l1/leaflet?lang={language}")
    assert is_calm(page)
    expect(page.get_by_role("button")).to_be_visible()
    for paper in ("A4", "Letter"):
        assert len(re.findall(rb"/Type */Page\b", page.pdf(format=paper))) <= 2


def test_the_leaflet_changes_its_language_by_a_link(page: Page) -> None:
    page.goto("/leaflet")
    page.get_by_role("link", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("link", name="Español")).to_have_attribute("aria-current", "true")
