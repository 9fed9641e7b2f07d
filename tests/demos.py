"""A real demo in a process of its own, started from a folder that is not ours."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from ports import free_port

ROOT = Path(__file__).parent.parent
_SITE = Path(__file__).with_suffix(".toml")
_STARTUP_SECONDS = 180
_STOP_SECONDS = 60


@dataclass(frozen=True)
class RunningDemo:
    """`address` is the mock EHR's page."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


@contextmanager
def running_demo(folder: Path, *options: str) -> Iterator[RunningDemo]:
    port = free_port()
    command = [sys.executable, "-m", "plugin", "demo", "--no-browser", "--port", str(port), *options]
    log = folder / "demo.log"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "SECOND_OPINION_SITE": str(_SITE)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    demo = RunningDemo(f"http://127.0.0.1:{port}/sandbox/", process, log)
    try:
        _wait_for(demo)
        yield demo
    finally:
        process.terminate()
        process.wait(timeout=_STOP_SECONDS)


def _wait_for(demo: RunningDemo) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < deadline and demo.process.poll() is None:
        try:
            with urlopen(demo.address, timeout=10):  # noqa: S310, our own loopback address
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The demo did not start. It said:\n{demo.said}")
