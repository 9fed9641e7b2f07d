"""`python -m screenshots` writes docs/images/*.png, all of them or those named."""

import subprocess
import tempfile
from pathlib import Path

import click
from playwright.sync_api import BrowserContext, Page, expect

from screenshots.demo import chromium, running_demo
from screenshots.states import HELEN, STATES, State

FOLDER = Path(__file__).parent.parent / "docs" / "images"
PACKET = "packet"
_LAUNCH = """patient => fetch("launches", {method: "POST", headers: {"Content-Type": "application/json"},
  body: JSON.stringify({patient, url: ""})}).then(answer => answer.json()).then(answer => answer.url)"""
_PATIENCE_MS = 20_000


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*(state.name for state in STATES), PACKET]))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, help="Another folder.")
def main(names: tuple[str, ...], into: Path) -> None:
    """Writes the pictures of the documentation."""
    into.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=_PATIENCE_MS)
    wanted = [state for state in STATES if not names or state.name in names]
    with running_demo() as ehr:
        for keeps_cookies in (True, False):
            with tempfile.TemporaryDirectory() as profile, chromium(Path(profile), keeps_cookies) as browser:
                for state in wanted:
                    if state.keeps_cookies is keeps_cookies:
                        take(state, browser, ehr, into)
                if keeps_cookies and (not names or PACKET in names):
                    take_packet(browser, ehr, into)


def take(state: State, browser: BrowserContext, ehr: str, into: Path) -> None:
    page = opened(state, browser, ehr)
    state.act(page)
    page.wait_for_load_state("networkidle")
    _saved(page.screenshot(full_page=state.whole), into / f"{state.name}.png")
    page.close()


def opened(state: State, browser: BrowserContext, ehr: str) -> Page:
    page = browser.new_page()
    page.set_viewport_size({"width": state.width, "height": state.height})
    page.goto(ehr)
    page.locator(f'[data-patient="{state.patient}"]').click()
    expect(page.locator("#workspace")).to_be_visible()
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    if state.path is not None:
        page.goto(page.evaluate(_LAUNCH, state.patient))
        page.wait_for_url("**/review/**")
        page.goto(page.url.split("?")[0].split("#")[0] + state.path)
    return page


def take_packet(browser: BrowserContext, ehr: str, into: Path) -> None:
    """The first page of the packet, as Poppler shows it."""
    page = opened(State(PACKET, HELEN, "refer"), browser, ehr)
    page.get_by_label("To whom").fill("Spine Centre, Second Opinion Clinic")
    with page.expect_download() as download:
        page.get_by_role("button", name="Packet as PDF").click()
    command = ["pdftoppm", "-png", "-singlefile", "-r", "80", str(download.value.path()), str(into / PACKET)]
    subprocess.run(command, check=True)  # noqa: S603, the file is ours
    click.echo(f"{PACKET}.png")
    page.close()


def _saved(picture: bytes, path: Path) -> None:
    path.write_bytes(picture)
    click.echo(f"{path.name}: {len(picture) // 1000} KB")


if __name__ == "__main__":
    main()
