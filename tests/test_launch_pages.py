"""The pages of launching in a real browser: readable, calm, open to everybody, at a screen's and a side bar's width."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import serious
from launches import BASE, Place, place
from playwright.sync_api import Browser, Page, Route, expect

from smart_app.sign_in.routes import PAGES

WIDTHS = (1280, 400)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path) as made:
        yield made


@pytest.fixture
def page(browser: Browser, there: Place) -> Iterator[Page]:
    """A page whose every address is answered by the app; nothing else is asked."""
    client = there.app.browser()

    def answer(route: Route) -> None:
        with client.get(route.request.url.removeprefix(BASE), base_url=BASE) as got:
            route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.data)

    opened = browser.new_page()
    opened.route("**/*", answer)
    yield opened
    opened.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/launch", "Open a chart"),
        ("/launch?iss=https://evil.example", PAGES["unknown_ehr"].title),
        ("/callback?state=x", PAGES["unknown"].title),
        ("/review/none/", PAGES["ended"].title),
    ],
)
def test_each_page_is_readable_and_keeps_nobody_out(page: Page, path: str, title: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(BASE + path)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []


def test_the_way_on_can_be_taken_with_the_keyboard(page: Page, there: Place) -> None:
    page.goto(f"{BASE}/launch")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=there.server.url)).to_be_focused()
