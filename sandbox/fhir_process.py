"""The FHIR R4 server behind the mock EHR, in a process of its own with its data in a folder that goes with it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from shutil import rmtree

from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from fixtures.loading import Target, load
from second_opinion.errors import SecondOpinionError

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0


class NoFhirServer(SecondOpinionError):
    """The FHIR server could not be started; says what to do."""


@contextmanager
def fhir_process(today: date | None = None) -> Iterator[str]:
    """The address of a FHIR R4 server, with the teaching patients unless `today` is None; gone on leaving.

    It also ends when this process does, however that ends: it reads a pipe that we hold open.
    """
    ours = os.getpid()
    command = [sys.executable, "-c", "from sandbox.fhir_child import main; main()"]
    # In a session of its own: Ctrl-C is for us, and we tell it.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as child:  # noqa: S603, ours
        folder = ""
        try:
            base, folder = _introduced(child)
            _await(base, child)
            if today:
                _load(base, today)
            yield base
        finally:
            if os.getpid() == ours:  # workers pass here, too, when they end
                _stop(child, folder)


def _introduced(child: subprocess.Popen[bytes]) -> tuple[str, str]:
    line = child.stdout.readline() if child.stdout else b""
    if not line:
        raise NoFhirServer(
            "The FHIR server (sekmet-fhir) did not start; its message is above. If it is not installed: "
            "pip install --require-hashes -r requirements/demo.txt"
        )
    said = json.loads(line)
    return said["base"], said["folder"]


def _await(base: str, child: subprocess.Popen[bytes]) -> None:
    pools = PoolManager()
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if pools.request("GET", f"{base}/metadata", timeout=5, retries=False).status == 200:
                return
        except HTTPError:
            pass  # not yet
        time.sleep(0.05)
    raise NoFhirServer(f"The FHIR server at {base} does not answer. Start again; its messages are above.")


def _load(base: str, today: date) -> None:
    target = Target(base)
    try:
        load(target, today, lambda said: None)
    finally:
        target.close()


def _stop(child: subprocess.Popen[bytes], folder: str) -> None:
    try:
        child.communicate(timeout=_STOP_SECONDS)  # ends its input
    except subprocess.TimeoutExpired:
        child.kill()
    if folder:
        rmtree(folder, ignore_errors=True)  # it had no time to do that itself
