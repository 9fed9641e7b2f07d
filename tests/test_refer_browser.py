"""Referring in a real browser: by keyboard alone, in a side bar, with a copy button, and with nobody kept out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from a_site import served
from chromium import serious
from journal_examples import opened
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect
from refer_rooms import Room, refer_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal, refer_room(journal) as room:
        yield room


@pytest.fixture
def address(room: Room) -> Iterator[str]:
    with served(room.flask) as base:
        yield f"{base}/review/launch-1"


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], base_url=address)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def is_as_wide_as_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_referral_is_made_and_undone_by_keyboard_alone(page: Page, address: str, room: Room) -> None:
    page.goto(f"{address}/refer")
    for button in ("See what will be written", "Write it to the EHR", "Undo"):
        to = page.get_by_role("button", name=button, exact=True)
        for _ in range(60):
            page.keyboard.press("Tab")
            if to.evaluate("each => each === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.wait_for_load_state()
        if button == "Write it to the EHR":
            expect(page.get_by_role("heading", name="The referral is in the EHR")).to_be_visible()
            assert len(room.orders) == 1
    expect(page.get_by_role("heading", name="It was withdrawn")).to_be_visible()
    assert not room.orders


@pytest.mark.parametrize("width", [1280, 400])
def test_nobody_is_kept_out_and_nothing_is_wider_than_the_screen(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("refer", "therapy"):
        page.goto(f"{address}/{path}")
        assert serious(page) == [] and is_as_wide_as_the_screen(page)
    page.goto(f"{address}/refer")
    page.get_by_label("Leave out the first recommendation").check()
    page.get_by_role("button", name="See what will be written").click()
    page.get_by_text("Text for your note").first.click()
    assert serious(page) == [] and is_as_wide_as_the_screen(page)
    page.get_by_role("button", name="Write it to the EHR").click()
    assert serious(page) == [] and is_as_wide_as_the_screen(page)


def test_without_the_scope_the_text_is_copied_by_a_button(page: Page, address: str, room: Room) -> None:
    room.case = replace(room.case, launch=replace(room.case.launch, scopes=frozenset(("patient/*.rs",))))
    page.goto(f"{address}/refer")
    page.get_by_role("button", name="See what will be written").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Referral for a second opinion before lumbar fusion") and "Lumbar fusion L4-5" in copied
    assert page.get_by_role("button", name="Write it to the EHR").count() == 0


def test_where_the_frame_may_not_use_the_clipboard_the_text_is_selected(page: Page, address: str, room: Room) -> None:
    room.case = replace(room.case, launch=replace(room.case.launch, scopes=frozenset()))
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(f"{address}/refer")
    page.get_by_role("button", name="See what will be written").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    note = page.get_by_label("Text for your note")
    assert note.evaluate("each => each.selectionEnd - each.selectionStart === each.value.length")


def test_the_packet_is_downloaded_under_a_name_that_tells_nothing(page: Page, address: str) -> None:
    page.goto(f"{address}/refer")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Packet as PDF").click()
    assert waiting.value.suggested_filename == "second-opinion-packet.pdf"
    assert waiting.value.path().read_bytes().startswith(b"%PDF")


def test_two_fast_clicks_write_once(page: Page, address: str, room: Room) -> None:
    page.goto(f"{address}/refer")
    page.get_by_role("button", name="See what will be written").click()
    page.get_by_role("button", name="Write it to the EHR").dblclick()
    expect(page.get_by_role("heading", name="The referral is in the EHR")).to_be_visible()
    assert len(room.orders) == 1
