"""The real server as operators see it: metrics of all workers, logs, stopping under load, traces to a collector."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from msgspec import json
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ports import free_port
from signing import Signer, served_settings
from teaching_calls import hook_call

from fixtures.teaching import teaching_patients
from plugin.serving import tracing_of
from plugin.shared_folder import shared_folder
from second_opinion.errors import SecondOpinionError

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
SIGN = "/cds-services/second-opinion-order-sign"
PATIENCE = 120.0
CANARY = "Zebulon-Quackenbush"
EHR = Signer("RS384", kid="rs")
SETTINGS: dict[str, str] = {}  # of `serve`: a trust file, a secret, a database
# `serve`, with steps at the beginning and the end of each worker's life that say so in a file.
WITH_STEPS = """
import os, sys
from pathlib import Path
from plugin.server import run
from plugin.shared_folder import shared_folder
said, port = Path(sys.argv[1]), int(sys.argv[2])
def say(word):
    with said.open("a") as file:
        file.write(f"{word} {os.getpid()}\\n")
with shared_folder():
    from plugin.app import create_app
    app = create_app("http://127.0.0.1")
    run(app, "127.0.0.1", port, 2, lambda: None, [lambda: say("started")], [lambda: say("stopped")])
"""


class Server:
    """A process of ours that serves, with what it prints."""

    def __init__(self, folder: Path, *command: str, **environment: str) -> None:
        self.port = free_port()
        self.out, self.err = folder / "out", folder / "err"
        given = [str(self.port) if each == "PORT" else each for each in command]
        everything = (
            os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)} | environment
        )
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, *given], env=everything, stdout=out, stderr=err, cwd=folder
            )

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        if body:  # a call, from the client that `serve` trusts
            headers = EHR.bearer(SIGN, jti=f"{CANARY} {uuid4()}") | headers
        with closing(self.connect()) as connection:
            connection.request(method, path, json.encode(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, response.read()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE + 15)

    @property
    def log(self) -> list[Json]:
        return [json.decode(line) for line in self.err.read_bytes().splitlines()]


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Server] = []

    def begin(*command: str, **environment: str) -> Server:
        started.append(Server(tmp_path, *command, **environment))
        until(lambda: started[-1].process.poll() is not None or answers(started[-1]))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.process.wait()


def answers(server: Server) -> bool:
    try:
        return server.ask("GET", "/healthz")[0] == 200
    except OSError:
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True, scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    SETTINGS.update(served_settings(tmp_path_factory.mktemp("settings"), EHR))


def serve(start: Start, *more: str, **environment: str) -> Server:
    return start("-m", "plugin", "serve", "--port", "PORT", *more, **SETTINGS, **environment)


def call() -> Json:
    return hook_call(teaching_patients(date.today())[0], "order-sign")


# ---- metrics and logs of a server


def test_the_metrics_of_all_workers_are_on_one_page_and_leave_nothing_behind(start: Start, tmp_path: Path) -> None:
    server = serve(start, "--workers", "2")
    for _ in range(10):
        server.ask("POST", SIGN, call())
    until(lambda: 'second_opinion_cards_total{indicator="warning"} 10.0' in metrics_of(server))
    for _ in range(4):  # whichever worker answers
        page = metrics_of(server)
        assert 'second_opinion_cards_total{indicator="warning"} 10.0' in page
    assert "second_opinion_journal_backlog 0.0" in page and "pid=" not in page
    assert len(list(tmp_path.glob("second-opinion-*"))) == 1
    assert server.stop() == 0
    assert list(tmp_path.glob("second-opinion-*")) == []


def test_a_worker_that_dies_is_replaced_and_what_it_counted_stays(start: Start) -> None:
    server = serve(start)
    server.ask("POST", SIGN, call())
    assert 'second_opinion_cards_total{indicator="warning"} 1.0' in metrics_of(server)
    (worker,) = children(server.process.pid)
    os.kill(worker, signal.SIGKILL)
    until(lambda: children(server.process.pid) not in ([worker], []) and answers(server))
    assert 'second_opinion_cards_total{indicator="warning"} 1.0' in metrics_of(server)
    assert any("Perhaps out of memory" in line["event"] for line in server.log)


def metrics_of(server: Server) -> str:
    return server.ask("GET", "/metrics")[1].decode()


def children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def test_serve_logs_json_lines_on_standard_error_and_nothing_of_the_patient(start: Start) -> None:
    server = serve(start)
    server.ask("POST", f"{SIGN}?patient={CANARY}", call())
    server.ask("GET", f"/{CANARY}")
    server.stop()
    one, other = server.log
    assert (one["route"], one["status"], one["indicator"]) == ("/cds-services/<service>", 200, "warning")
    assert (other["route"], other["status"]) == ("none", 404)
    assert CANARY not in server.err.read_text()


@pytest.mark.parametrize(("option", "lines"), [((), 0), (("--verbose",), 1)])
def test_the_demo_logs_requests_only_when_asked_to(start: Start, option: tuple[str, ...], lines: int) -> None:
    server = start("-m", "plugin", "demo", "--no-browser", "--port", "PORT", *option)
    server.ask("GET", "/cds-services")
    server.stop()
    assert len(server.log) == lines


def test_without_a_folder_for_temporary_files_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> str:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(SecondOpinionError, match=r"Read-only file system.*Make /tmp writable"), shared_folder():
        pass


# ---- it stops


def test_steps_run_in_each_worker_before_its_first_call_and_after_its_last(start: Start, tmp_path: Path) -> None:
    said = tmp_path / "said"
    server = start("-c", WITH_STEPS, str(said), "PORT")
    until(lambda: said.read_text().count("started") == 2)
    assert "stopped" not in said.read_text()
    assert server.stop() == 0
    words = [line.split() for line in said.read_text().splitlines()]
    assert sorted(word for word, _ in words) == ["started"] * 2 + ["stopped"] * 2
    assert {pid for word, pid in words if word == "started"} == {pid for word, pid in words if word == "stopped"}


def test_under_load_every_call_sent_before_it_is_told_to_stop_is_answered(start: Start) -> None:
    server = serve(start, "--workers", "2")
    body, told = json.encode(call()), threading.Event()
    answered: list[int] = []
    lost: list[float] = []

    def client() -> None:
        with closing(server.connect()) as connection:
            while True:
                sent, token = math.inf, EHR.bearer(SIGN)
                try:
                    connection.request("POST", SIGN, body, token)
                    sent = time.monotonic()  # in full: it lies at the server's door, at the least
                    response = connection.getresponse()
                    answered.append(response.status)
                    response.read()
                except (OSError, HTTPException):
                    lost.append(sent)
                    return
                if told.is_set() and response.will_close:
                    return

    clients = [threading.Thread(target=client) for _ in range(8)]
    for each in clients:
        each.start()
    until(lambda: len(answered) > 100)
    at = time.monotonic()
    told.set()
    assert server.stop() == 0
    for each in clients:
        each.join(PATIENCE)
    assert set(answered) == {200}
    assert [sent for sent in lost if sent < at] == []
    assert [line["status"] for line in server.log] == [200] * len(answered)


# ---- traces


class Collector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP, as a real one would."""

    received: "Queue[bytes]"

    def do_POST(self) -> None:
        self.received.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, "Queue[bytes]"]]:
    Collector.received = Queue()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", Collector.received
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_traces_reach_a_collector_with_route_and_status_and_no_more(
    start: Start, collector: tuple[str, "Queue[bytes]"]
) -> None:
    address, received = collector
    server = serve(start, "--workers", "2", OTEL_EXPORTER_OTLP_ENDPOINT=address)
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    planted = {
        "User-Agent": CANARY, "tracestate": f"x={CANARY}", "baggage": f"patient={CANARY}",
        "X-Forwarded-For": CANARY,
    }  # fmt: skip
    server.ask("POST", f"{SIGN}?patient={CANARY}", call(), traceparent=parent, **planted)
    server.ask("GET", f"/{CANARY}", **planted)
    server.stop()
    sent = []
    while not received.empty():
        sent.append(received.get())
    assert CANARY.encode() not in b"".join(sent)
    exports = [ExportTraceServiceRequest.FromString(each) for each in sent]
    spans = [
        span for each in exports for resource in each.resource_spans
        for scope in resource.scope_spans for span in scope.spans
    ]  # fmt: skip
    by_name = {span.name: {a.key: a.value.string_value or a.value.int_value for a in span.attributes} for span in spans}
    assert by_name == {
        "POST /cds-services/<service>": {
            "http.method": "POST", "http.route": "/cds-services/<service>", "http.status_code": 200,
        },
        "no such path": {"http.method": "GET", "http.status_code": 404},
    }  # fmt: skip
    assert {span.trace_id.hex() for span in spans if span.parent_span_id} == {"4bf92f3577b34da6a3ce929d0e0e4736"}


def test_where_no_traces_are_configured_nothing_of_it_is_loaded() -> None:
    code = "import sys; from plugin.serving import tracing_of; from plugin.app import create_app; "
    code += "assert tracing_of(create_app('http://x'), {}) == ([], []); "
    code += "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_traces_that_are_configured_but_not_installed_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "plugin.tracing", raising=False)
    with pytest.raises(SecondOpinionError, match=r"not installed.*second-opinion\[opentelemetry\]"):
        tracing_of(Flask("x"), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
