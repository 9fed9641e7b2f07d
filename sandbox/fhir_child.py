"""Runs sekmet, a third-party FHIR R4 server, as a process of its own: on a free port, gone with whoever started it."""

import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from contextlib import chdir, suppress
from types import FrameType

import uvicorn
from sekmet.config import Settings, SimulatorSettings
from sekmet.fhir.search_params import PARAMS, SearchParam
from sekmet.main import create_app

# What sekmet 0.1.1 cannot search by it ignores (November 2026): by patient, it would find everybody's of these.
_LACKING = ("Goal", "QuestionnaireResponse")
_ADDED = (
    SearchParam("patient", "reference", ("subject",), "Patient"),
    SearchParam("subject", "reference", ("subject",)),
    SearchParam("identifier", "token", ("identifier",)),
)


def main() -> None:
    """Serves until told to stop, or until standard input ends: whoever started us is gone then."""
    logging.basicConfig(level=logging.WARNING)  # first, so that sekmet's own line for each request is not written
    signal.signal(signal.SIGTERM, _leave)
    for kind in _LACKING:
        PARAMS[kind] = {each.name: each for each in _ADDED} | PARAMS.get(kind, {})
    with (
        tempfile.TemporaryDirectory(prefix="second-opinion-fhir-", ignore_cleanup_errors=True) as folder,
        chdir(folder),  # sekmet makes its keys where it is
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        base = f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        settings = Settings(
            base_url=base, data_dir=folder, log_inbound=False, simulator=SimulatorSettings(enabled=False)
        )
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", timeout_graceful_shutdown=2))
        threading.Thread(target=_stop_when_alone, args=(server,), daemon=True).start()
        with suppress(BrokenPipeError):  # whoever started us is gone already
            print(json.dumps({"base": base, "folder": folder}), flush=True)
            server.run(sockets=[listening])


def _stop_when_alone(server: uvicorn.Server) -> None:
    os.read(0, 1)  # nothing is ever sent; not by sys.stdin: held by a thread, it would not let Python end
    server.should_exit = True


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)
