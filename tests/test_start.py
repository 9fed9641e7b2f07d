"""The command before a server runs: a signal ends it at once, without a word too many, and leaves nothing behind."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from demos import ROOT
from ports import free_port

from plugin.shared_folder import shared_folder
from plugin.start import main

_PATIENCE = 60


@pytest.fixture
def signals() -> Iterator[None]:
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


def demo_in(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *options, "-m", "plugin", "demo", "--no-browser", "--port", str(free_port())],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_ctrl_c_while_it_is_being_loaded_ends_it_without_a_word(tmp_path: Path) -> None:
    with demo_in(tmp_path, "-X", "importtime") as demo:
        assert demo.stderr
        next(line for line in demo.stderr if line.rstrip().endswith(" click"))
        demo.send_signal(signal.SIGINT)
        assert "Traceback" not in demo.stderr.read()
    assert demo.returncode == -signal.SIGINT


def test_sigterm_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo_in(tmp_path) as demo:
        until = time.monotonic() + _PATIENCE
        while not list(tmp_path.iterdir()) and time.monotonic() < until:
            time.sleep(0.01)
        demo.terminate()
        assert demo.stderr and "Traceback" not in demo.stderr.read()
    assert demo.returncode == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("usual", [signal.default_int_handler, signal.SIG_IGN])
def test_what_a_shell_decided_about_ctrl_c_stays(monkeypatch: pytest.MonkeyPatch, usual: signal.Handlers) -> None:
    signal.signal(signal.SIGINT, usual)
    monkeypatch.setattr(sys, "argv", ["second-opinion", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert signal.getsignal(signal.SIGINT) is usual
    with pytest.raises(SystemExit) as left:
        signal.raise_signal(signal.SIGTERM)
    assert left.value.code == 128 + signal.SIGTERM


def test_what_a_killed_server_left_behind_goes_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # so that it is as before afterwards
    for name in ("killed", "running", "just-begun"):
        (tmp_path / f"second-opinion-{name}").mkdir()
        (tmp_path / f"second-opinion-{name}" / ".running").touch()
    for name in ("killed", "running"):
        os.utime(tmp_path / f"second-opinion-{name}" / ".running", (0, 0))
    with (tmp_path / "second-opinion-running" / ".running").open() as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        with shared_folder() as ours:
            there = {each.name for each in tmp_path.iterdir()}
    assert there == {"second-opinion-running", "second-opinion-just-begun", ours.name}
    assert not ours.exists()
