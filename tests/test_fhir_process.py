"""The FHIR server behind the mock EHR is gone with whoever started it, however that ended, and leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from sandbox.fhir_process import NoFhirServer, fhir_process

ROOT = Path(__file__).parent.parent
HOLDING = """
import time
from sandbox.fhir_process import fhir_process
with fhir_process() as base:
    print(base, flush=True)
    time.sleep(600)
"""
PATIENCE = 120


def answers(base: str) -> bool:
    try:
        with urlopen(f"{base}/metadata", timeout=30) as answer:  # noqa: S310, our own loopback address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def left_behind(folder: Path) -> list[str]:
    return [each.name for each in folder.glob("second-opinion-fhir-*")]


def test_it_answers_while_it_is_held_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with fhir_process() as base:
        assert answers(base)
        assert len(left_behind(tmp_path)) == 1
    assert not answers(base)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_the_process_that_started_it_however_that_ends(tmp_path: Path, how: signal.Signals) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as holder:
        assert holder.stdout
        base = holder.stdout.readline().decode().strip()
        assert answers(base)
        holder.send_signal(how)
        holder.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while (answers(base) or left_behind(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(base)
    assert left_behind(tmp_path) == []


FORKING = """
import os, sys, urllib.request
from sandbox.fhir_process import fhir_process
with fhir_process() as base:
    worker = os.fork()
    if not worker:
        sys.exit(0)
    os.waitpid(worker, 0)
    somebody, said = b'{"resourceType": "Patient"}', {"Content-Type": "application/json"}
    made = urllib.request.urlopen(urllib.request.Request(base + "/Patient", somebody, said))
    print(made.status, len(os.listdir(os.environ["TMPDIR"])))
"""


def test_a_worker_that_ends_leaves_it_to_the_others(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FORKING], env=environment, capture_output=True, timeout=180)
    assert done.stdout == b"201 1\n", done.stderr
    assert left_behind(tmp_path) == []


def test_told_to_stop_it_takes_its_folder_with_it(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", "from sandbox.fhir_child import main; main()"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        child.stdout.readline()
        child.terminate()
        assert child.wait(PATIENCE) == 0
    assert left_behind(tmp_path) == []


# Another package of the same name, found first: how it fails is what is tried.
BROKEN = {
    "not installed": 'raise ImportError("not installed")',
    "ends when asked twice": """
import os
asked = []
async def application(scope, receive, send):
    if scope["type"] == "http":
        os._exit(1) if asked else asked.append(scope)
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})
def create_app(settings):
    return application
""",
    "does not want to end": """
import asyncio
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.sleep(600)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})
def create_app(settings):
    return application
""",
}


SEARCH_PARAMS = """
PARAMS = {}
class SearchParam:
    name = "patient"
    def __init__(self, *_): pass
"""


def replace_sekmet(folder: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "other" / "sekmet"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "fhir").mkdir()
    (package / "fhir" / "search_params.py").write_text(SEARCH_PARAMS)
    (package / "config.py").write_text("def Settings(**_): pass\ndef SimulatorSettings(**_): pass\n")
    (package / "main.py").write_text(BROKEN[how])
    monkeypatch.setenv("PYTHONPATH", f"{package.parent}{os.pathsep}{ROOT}")
    monkeypatch.setenv("TMPDIR", str(folder))


@pytest.mark.parametrize(
    ("how", "said"),
    [("not installed", "requirements/demo.txt"), ("ends when asked twice", "does not answer")],
)
def test_that_it_does_not_start_is_said_with_what_to_do(
    how: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_sekmet(tmp_path, how, monkeypatch)
    with pytest.raises(NoFhirServer) as raised, fhir_process():
        pass
    assert said in str(raised.value)
    assert left_behind(tmp_path) == []


def test_one_that_does_not_want_to_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_sekmet(tmp_path, "does not want to end", monkeypatch)
    with fhir_process() as base:
        assert answers(base)
    assert not answers(base)
    assert left_behind(tmp_path) == []
