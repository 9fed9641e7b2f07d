"""The worker's reader on a real socket: slow clients are dropped, no HTTP is refused, no call is lost at a stop."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from threading import Event, Thread
from typing import Any

import pytest
from msgspec import json

from plugin.reader import Patience, Reader

PATIENCE = 60.0
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Running:
    """A reader that turns in a thread until told to finish."""

    def __init__(self, app: Callable[..., Iterable[bytes]], patience: Patience) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.stopping = Event()
        self.reader = Reader(app, [self.listening], threads=2, patience=patience)
        self.thread = Thread(target=self._turn)
        self.thread.start()

    def _turn(self) -> None:
        while not self.stopping.is_set():
            self.reader.turn(0.02)
        self.reader.finish(PATIENCE)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE)

    def ask(self) -> bytes:
        with self.connect() as client:
            client.sendall(ASK)
            return answer(client)


def answer(client: socket.socket) -> bytes:
    """One answer, whole: head and body may come apart."""
    read = b""
    while b"\r\n\r\n" not in read or len(read.partition(b"\r\n\r\n")[2]) < length(read):
        if not (more := client.recv(65536)):
            break
        read += more
    return read


def length(head: bytes) -> int:
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])


def hello(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def run(app: Callable[..., Iterable[bytes]] = hello, patience: Patience = Patience()) -> Running:  # noqa: B008
        started.append(Running(app, patience))
        return started[-1]

    yield run
    for each in started:
        each.stopping.set()
        each.thread.join(PATIENCE)
        assert not each.thread.is_alive()
        each.listening.close()


def dropped(client: socket.socket, dripping: bytes = b"") -> bool:
    """Whether the server closes a connection on which byte after byte comes, but never a whole request."""
    client.settimeout(0.1)
    until = time.monotonic() + PATIENCE
    left = iter(dripping)
    while time.monotonic() < until:
        try:
            if (byte := next(left, None)) is not None:
                client.send(bytes([byte]))
            if client.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


SLOWLY = {
    "nothing": b"",
    "blank lines": b"\r\n" * 500,
    "headers": b"POST / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 200,
    "a body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n" + b" " * 900,
    "chunks": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 200,
}


@pytest.mark.parametrize("name", SLOWLY)
def test_who_sends_too_slowly_is_dropped_and_others_are_served(running: Callable[..., Running], name: str) -> None:
    server = running(patience=Patience(idle=1, whole=2))
    with ExitStack() as held:
        slow = [held.enter_context(closing(server.connect())) for _ in range(5)]
        assert server.ask().endswith(b"hello")
        assert dropped(slow[0], SLOWLY[name])
        assert server.ask().endswith(b"hello")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"no HTTP at all\r\n\r\n", b"400 Bad Request", "invalid"),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"400 Bad Request", "invalid"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", b"431 Request Header Fields Too Large", "too-long"),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000 + b"\r\n\r\n", b"431 Request Header Fields Too Large", "too-long"),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", b"413 Request Entity Too Large", "too-long"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"501 Not Implemented", "not-supported"),
    ],
    ids=["no HTTP", "no header", "too many headers", "too long a header", "too long a body", "unknown coding"],
)
def test_what_cannot_be_read_is_refused_with_an_operation_outcome(
    running: Callable[..., Running], sent: bytes, status: bytes, code: str
) -> None:
    server = running()
    with server.connect() as client:
        client.sendall(sent)
        head, _, body = answer(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status) or head.startswith(b"HTTP/1.0 " + status)
    assert b"application/fhir+json" in head
    assert json.decode(body)["issue"][0]["code"] == code
    assert server.ask().endswith(b"hello")


def test_a_call_that_waits_to_be_accepted_when_it_stops_is_answered(running: Callable[..., Running]) -> None:
    server = running()
    server.ask()
    held = Event()

    def hold(*given: Any) -> list[bytes]:
        held.wait(PATIENCE)
        return hello(*given)

    server.reader._server.application = hold
    with server.connect() as client, server.connect() as late:
        client.sendall(ASK)
        late.sendall(ASK)
        server.stopping.set()
        held.set()
        assert answer(client).endswith(b"hello")
        assert answer(late).endswith(b"hello")


def test_while_it_stops_each_answer_is_the_last_on_its_connection(running: Callable[..., Running]) -> None:
    entered, go_on = Event(), Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            entered.set()
            go_on.wait(PATIENCE)
        return hello(environ, start_response)

    server = running(slow)
    with server.connect() as client:
        client.sendall(ASK)
        assert b"Connection: close" not in answer(client)
        client.sendall(ASK.replace(b"/", b"/slow", 1))
        assert entered.wait(PATIENCE)
        server.stopping.set()
        until_it_takes_nobody(server)  # it stops by now
        go_on.set()
        last = answer(client)
        assert b"Connection: close" in last and last.endswith(b"hello")
        assert client.recv(1) == b""


def until_it_takes_nobody(server: Running) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            server.connect().close()
        except ConnectionError:
            return
        time.sleep(0.01)
    pytest.fail("It still takes connections.")
