"""A FHIR server on loopback, a real one over HTTP, that can fail in every way a test wants it to."""

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from chart_search import read, search

Json = dict[str, Any]
BASE = "/fhir/r4"
PATIENCE = 60.0
_BOMB = gzip.compress(b" " * 50_000_000)


class Asked:
    """One request, as the server saw it."""

    def __init__(self, path: str, headers: Mapping[str, str], form: str = "") -> None:
        self.path, self.headers, self.form = path, headers, form
        self.type = urlsplit(path).path.removeprefix(f"{BASE}/").partition("/")[0]
        self.query = {name: values[0] for name, values in parse_qs(form or urlsplit(path).query).items()}


Way = Callable[["FakeServer", "Handler", Asked], None]


class FakeServer(ThreadingHTTPServer):
    """Answers from a chart; `ways` says for which types otherwise."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, chart: list[Json] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.chart = chart or []
        self.ways: dict[str, Way] = {}
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.closing = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}{BASE}"

    @property
    def types(self) -> list[str]:
        return [asked.type for asked in self.asked]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers hang up: that is what they are tested for."""

    def found(self, asked: Asked) -> Json | None:
        """What the chart holds for a request, as a mock EHR finds it."""
        kept = {name: value.removeprefix("Patient/") for name, value in asked.query.items() if name != "category"}
        if not kept:
            return read(urlsplit(asked.path).path.removeprefix(f"{BASE}/"), self.chart)
        return search(f"{asked.type}?{urlencode(kept)}", self.chart)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeServer
    timeout = PATIENCE
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.asked(Asked(self.path, dict(self.headers)))

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked(Asked(self.path, dict(self.headers), form))

    def asked(self, asked: Asked) -> None:
        self.server.asked.append(asked)
        self.server.ways.get(asked.type, as_usual)(self.server, self, asked)

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/fhir+json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Tests read what the service says, not this."""


@contextmanager
def fhir_server(
    chart: list[Json] | None = None, certificate: Path | None = None, server: FakeServer | None = None
) -> Iterator[FakeServer]:
    server = server or FakeServer(chart)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        for connection in server.connections:
            with suppress(OSError):  # closed by now
                connection.shutdown(socket.SHUT_RDWR)
        server.server_close()


# ---- ways to answer


def as_usual(server: FakeServer, handler: Handler, asked: Asked) -> None:
    found = server.found(asked)
    handler.answer(as_bytes(found or outcome("error")), 200 if found else 404)


def as_bytes(resource: Any) -> bytes:
    return json.dumps(resource).encode()


def outcome(severity: str) -> Json:
    issue = {"severity": severity, "code": "processing", "details": {"text": "no results"}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def page(*resources: Json, **more: Any) -> Json:
    entries = [{"resource": each, "search": {"mode": "match"}} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def status(code: int) -> Way:
    return lambda server, handler, asked: handler.answer(as_bytes(outcome("error")), code)


def body(content: bytes, status: int = 200, **headers: str) -> Way:
    return lambda server, handler, asked: handler.answer(content, status, **headers)


def resource(content: Any) -> Way:
    return body(as_bytes(content))


def redirect(to: str) -> Way:
    return lambda server, handler, asked: handler.answer(b"", 302, Location=to)


def hang(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Says nothing until the test is over."""
    server.closing.wait(PATIENCE)
    handler.close_connection = True


def slow(seconds: float) -> Way:
    def wait(server: FakeServer, handler: Handler, asked: Asked) -> None:
        server.closing.wait(seconds)
        as_usual(server, handler, asked)

    return wait


def odd_headers(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """A line among the headers that is none."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnot a header\r\n\r\n{}")


def drip(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Every few milliseconds a byte of a body that never ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    _drip(server, handler)


def drip_headers(server: FakeServer, handler: Handler, asked: Asked) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drop: ")
    _drip(server, handler)


def _drip(server: FakeServer, handler: Handler) -> None:
    handler.close_connection = True
    while not server.closing.wait(0.01):
        handler.wfile.write(b" ")


def flood(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Always one more byte, and at once: no single read ever waits."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while not server.closing.is_set():
        handler.wfile.write(b"1\r\n \r\n" * 1000)


def drop(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Hangs up without a word."""
    handler.close_connection = True
    handler.connection.close()


def break_off(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Hangs up in the middle of an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"resourceType":')
    handler.close_connection = True


def zipped(server: FakeServer, handler: Handler, asked: Asked) -> None:
    handler.answer(gzip.compress(as_bytes(server.found(asked))), Content_Encoding="gzip")


def bomb(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Little on the wire, and more than anybody should unpack."""
    handler.answer(_BOMB, Content_Encoding="gzip")


def first(*ways: Way) -> Way:
    """One way after the other, the last one from then on."""
    left = list(ways)
    return lambda server, handler, asked: (left.pop(0) if len(left) > 1 else left[0])(server, handler, asked)


def pages(*several: Json, then: Way | None = None, link: str = "") -> Way:
    """A search in pages, by links that are relative to the server's address (or `link`); `then` answers after them."""

    def answer(server: FakeServer, handler: Handler, asked: Asked) -> None:
        number = int(asked.query.get("page", 0))
        if number >= len(several) and then:
            then(server, handler, asked)
            return
        sent = dict(several[number])
        if number + 1 < len(several) or then:
            following = link or f"{asked.type}?page={number + 1}"
            sent["link"] = [{"relation": "self", "url": "x"}, {"relation": "next", "url": following}]
        handler.answer(as_bytes(sent))

    return answer


def wants_category(server: FakeServer, handler: Handler, asked: Asked) -> None:
    """Epic's habit."""
    (as_usual if "category" in asked.query else status(400))(server, handler, asked)
