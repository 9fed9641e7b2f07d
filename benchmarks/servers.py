"""The services that are compared, and how each is started in processes of its own and always stopped."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bodies import TODAY

ROOT = Path(__file__).resolve().parent.parent
_PEERS = ROOT / "benchmarks/peers/.venv"  # `make peers` makes it
PEERS_ARE_READY = _PEERS / "peers.stamp"
_PATIENCE = 30.0


@dataclass(frozen=True)
class Service:
    """`program` is started with a port as its last argument; `path` takes the calls."""

    name: str
    path: str
    program: tuple[str, ...]


def _on_our_server(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.apps", name)


def _healthchain(reading: str) -> Service:
    program = (str(_PEERS / "bin/python"), "-m", "benchmarks.peers.healthchain_service", reading, TODAY.isoformat())
    return Service(f"HealthChain, {reading}", "/cds/cds-services/second-opinion", program)


OURS = Service("second-opinion", "/cds-services/second-opinion-order-sign", _on_our_server("ours"))
FLOOR = Service("Flask + orjson, the floor", "/", _on_our_server("floor"))
DICTS = _healthchain("dicts")
MODELS = _healthchain("fhir.resources")


@dataclass(frozen=True)
class Running:
    service: Service
    port: int
    group: int


@contextmanager
def running(service: Service) -> Iterator[Running]:
    """The service, once it listens; its whole process group is gone afterwards."""
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [*service.program, str(port)], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            if not _listens(port, process):
                log.seek(0)
                said = log.read().decode("utf-8", "replace")[-2000:]
                raise SystemExit(f"{service.name} did not start. It said:\n{said}")
            yield Running(service, port, process.pid)
        finally:
            _stop(process)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
