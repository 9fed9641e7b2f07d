"""The demo as anybody starts it, on a free port, and a browser to look at it."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, sync_playwright

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb")
_NO_COOKIES = '{"profile": {"default_content_setting_values": {"cookies": 2}}}'
_STARTUP_SECONDS = 60
_STOP_SECONDS = 30


@contextmanager
def running_demo() -> Iterator[str]:
    """The address of the mock EHR's page."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "plugin", "demo", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603, our own command
    try:
        yield _once_it_answers(f"http://127.0.0.1:{port}/sandbox/", process)
    finally:
        process.terminate()
        process.wait(timeout=_STOP_SECONDS)


@contextmanager
def chromium(profile: Path, keeps_cookies: bool = True) -> Iterator[BrowserContext]:
    """With an empty `profile`, which decides whether sites may keep cookies."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        sys.exit("There is no Chromium here: make chromium")
    if not keeps_cookies:
        settings = profile / "Default" / "Preferences"
        settings.parent.mkdir(parents=True)
        settings.write_text(_NO_COOKIES)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, args=_FLAGS, reduced_motion="reduce"
        )
        yield opened
        opened.close()


def _once_it_answers(address: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=2):  # noqa: S310, our own loopback address
                return address
        except OSError:
            time.sleep(0.1)
    sys.exit("The demo did not start: see above, and try `make demo`.")
