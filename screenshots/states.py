"""What there is to see: the app's and the mock EHR's main states, each with the way there."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

HELEN, AMAL, RUTH = "two-failed-operations", "chart-unreadable", "failed-fusion"


def nothing(page: Page) -> None:
    """The page as it opens."""


@dataclass(frozen=True)
class State:
    """One picture. `path` is below the launch's own pages; without it, the mock EHR itself is shown.

    `whole`: down to the end of the page, else as much as a screen of `height` shows.
    """

    name: str
    patient: str
    path: str | None = ""
    act: Callable[[Page], None] = nothing
    width: int = 1280
    height: int = 900
    whole: bool = False
    keeps_cookies: bool = True


def sign(page: Page) -> None:
    page.locator("#tab-orders").click()
    page.locator("#sign-order").click()
    expect(page.locator(".card .smart-link").first).to_be_visible()


def open_from_card(page: Page) -> None:
    sign(page)
    page.locator(".card .smart-link").first.click()
    expect(page.frame_locator("#app-frame").locator("main")).to_be_visible()
    page.wait_for_load_state("networkidle")


def open_from_chart(page: Page) -> None:
    page.locator("#open-app").click()
    expect(page.frame_locator("#app-frame").locator("main")).to_be_visible()


def preview_referral(page: Page) -> None:
    page.get_by_label("To whom").fill("Spine Centre, Second Opinion Clinic")
    page.get_by_role("button", name="See what will be written").click()
    expect(page.get_by_role("heading", name="What will be written")).to_be_visible()


def fill_discussion(page: Page) -> None:
    page.get_by_role("checkbox", name="Physical therapy").check()


STATES = (
    State("mock-ehr", RUTH, None, sign, height=760),
    State("app-in-frame", RUTH, None, open_from_card, height=800),
    State("review", HELEN, height=1180),
    State("review-not-checked", AMAL),
    State("side-bar", HELEN, width=400),
    State("refer", HELEN, "refer", whole=True),
    State("refer-preview", HELEN, "refer", preview_referral),
    State("discuss", HELEN, "discuss", fill_discussion),
    State("elsewhere", HELEN, "elsewhere", whole=True),
    State("leaflet-en", HELEN, "leaflet", width=900),
    State("leaflet-es", HELEN, "leaflet?lang=es", width=900),
    State("cookies-blocked", RUTH, None, open_from_chart, height=620, keeps_cookies=False),
)
