"""The real server in a process of its own, on loopback: it starts, answers, stops, and says why if it cannot start."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from msgspec import json
from ports import free_port
from signing import BASE, Signer, key_server, served_settings, write_trust
from teaching_calls import hook_call

from fixtures.teaching import teaching_patients
from plugin.cli import main
from plugin.server import run
from second_opinion.errors import SecondOpinionError

ROOT = Path(__file__).resolve().parent.parent
SIGN = "/cds-services/second-opinion-order-sign"
PATIENCE = 120.0
EHR = Signer()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "plugin", *arguments]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


@dataclass
class Server:
    """A server that runs, and the file with all it says."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def ask(self, method: str, path: str, body: Any = None, timeout: float = PATIENCE) -> tuple[HTTPResponse, Any]:
        headers = {"Origin": "https://ehr.example"}
        if body:
            headers |= {"Content-Type": "application/json", **EHR.bearer(path)}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, json.encode(body) if body else None, headers)
            response = connection.getresponse()
            return response, json.decode(response.read())

    def wait(self) -> int:
        """The exit code, once it has stopped."""
        return self.process.wait(PATIENCE)


@contextmanager
def running(folder: Path, name: str, *arguments: str, **more: str) -> Iterator[Server]:
    port, log = free_port(), folder / f"{name}.log"
    more = served_settings(folder / "settings", EHR) | more
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(name, "--port", str(port), *arguments),
            cwd=folder, env=environment(**more), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    server = Server(port, process, log)
    try:
        until_it_answers(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            server.ask("GET", "/cds-services", timeout=10)
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"It did not start. It said:\n{server.said}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("serve"), "serve") as started:
        yield started


def refused(*arguments: str, **more: str) -> tuple[int, str]:
    """The exit code and the message of a command that should not start."""
    done = subprocess.run(
        command(*arguments), env=environment(**more), capture_output=True, text=True, timeout=PATIENCE
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def head(*more: str) -> str:
    """The beginning of a call as it goes over the wire."""
    token = EHR.bearer(SIGN)["Authorization"]
    lines = (f"POST {SIGN} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Authorization: {token}", *more)
    return "\r\n".join((*lines, "", ""))


def call() -> dict[str, Any]:
    return hook_call(teaching_patients(date.today())[0], "order-sign")


# ---- it runs


def test_it_prints_its_link_and_discovery_answers_there(server: Server) -> None:
    assert f"http://127.0.0.1:{server.port}/cds-services" in server.said
    response, body = server.ask("GET", "/cds-services")
    assert (response.status, len(body["services"])) == (200, 5)
    assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.example"


def test_a_call_gets_its_card_and_the_cards_link_is_the_address_that_ehrs_know(server: Server) -> None:
    response, body = server.ask("POST", SIGN, call())
    assert response.status == 200
    (card,) = body["cards"]
    assert card["indicator"] == "warning"
    assert [link["url"].partition("#")[0] for link in card["links"]] == [f"{BASE}/launch", f"{BASE}/why"]


def test_an_order_signed_after_its_card_gets_no_second_card(server: Server) -> None:
    again = call()
    server.ask("POST", SIGN, again)
    again["context"]["draftOrders"]["entry"][0]["resource"]["status"] = "active"
    assert server.ask("POST", SIGN, again)[1] == {"cards": []}


def test_the_mock_ehr_is_not_there(server: Server) -> None:
    response, body = server.ask("GET", "/sandbox/patients")
    assert (response.status, body["resourceType"]) == (404, "OperationOutcome")


def test_a_body_sent_in_chunks_is_read(server: Server) -> None:
    body = json.encode(call())
    assert b'"cards":[{' in sent_in_chunks(server, [body[:1000], body[1000:]])


def test_a_body_too_long_is_413_also_when_sent_in_chunks(server: Server) -> None:
    assert sent_in_chunks(server, [b" " * 2**20] * 33).startswith(b"HTTP/1.1 413 ")


def sent_in_chunks(server: Server, chunks: list[bytes]) -> bytes:
    """The beginning of the answer, as it comes over the wire."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        connection.sendall(head("Transfer-Encoding: chunked").encode())
        try:
            for chunk in [*chunks, b""]:
                connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough, and its answer is waiting
        answer = b""
        while b"}" not in answer.partition(b"\r\n\r\n")[2] and (more := connection.recv(65536)):
            answer += more
        return answer


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET /cds-serv",
        f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{{".encode(),
    ],
    ids=["nothing", "half a line", "half a body"],
)
def test_connections_that_send_only_half_keep_nobody_else_from_being_answered(server: Server, half: bytes) -> None:
    with ExitStack() as held:
        for _ in range(20):
            waiting = held.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            waiting.sendall(half)
        time.sleep(0.5)  # until they are all being waited for
        response, _ = server.ask("GET", "/cds-services", timeout=20)  # the others are dropped after 30
        assert response.status == 200


def test_several_workers_share_one_port(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--workers", "2") as both:
        shown = [both.ask("POST", SIGN, call())[1]["cards"] for _ in range(4)]
        assert [card["indicator"] for (card,) in shown] == ["warning"] * 4


def test_strangers_are_refused_and_a_token_works_once(server: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        token, statuses = EHR.bearer(SIGN), []
        for headers in ({}, token, token):
            connection.request("POST", SIGN, json.encode(call()), {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
    assert statuses == [401, 200, 401]
    assert f'"refused":"used before","client":"{EHR.iss}"' in server.said


def test_each_worker_fetches_the_keys_of_its_clients_itself(tmp_path: Path) -> None:
    with key_server(EHR) as keys:
        trust = write_trust(tmp_path, f'jku = "{keys.jku}"')
        assert keys.calls == []
        with running(tmp_path, "serve", "--workers", "2", SECOND_OPINION_TRUST=str(trust)) as both:
            assert [both.ask("POST", SIGN, call())[0].status for _ in range(8)] == [200] * 8
        assert len(keys.calls) in (1, 2)


# ---- it stops


def test_what_it_is_judging_when_told_to_stop_is_still_answered(tmp_path: Path) -> None:
    long = call()
    orders = long["context"]["draftOrders"]["entry"]
    orders += [{"resource": orders[0]["resource"] | {"id": str(number)}} for number in range(5_000)]
    body = json.encode(long)
    with running(tmp_path, "serve") as server:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            connection.sendall(head(f"Content-Length: {len(body)}").encode() + body)
            until_all_is_read(connection)  # judging takes longer
            server.process.terminate()
            answer = b""
            while more := connection.recv(65536):
                answer += more
        assert b'"cards":[{' in answer
        assert server.wait() == 0
        assert "Traceback" not in server.said
        with pytest.raises(ConnectionRefusedError):
            server.ask("GET", "/cds-services")


def test_a_call_half_sent_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    with running(tmp_path, "serve") as server:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            connection.sendall(f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{{".encode())
            until_all_is_read(connection)
            started = time.monotonic()
            server.process.terminate()
            assert server.wait() == 0
            assert time.monotonic() - started < 20  # a call that has come whole is waited for longer
    assert "Traceback" not in server.said


def until_all_is_read(connection: socket.socket) -> None:
    """Both ends are on this machine, which knows what lies between them."""
    deadline = time.monotonic() + PATIENCE
    while unread(connection):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def unread(connection: socket.socket) -> int:
    """The bytes that this end has not got rid of, or the other has not read."""
    ours, theirs = (f":{address[1]:04X}" for address in (connection.getsockname(), connection.getpeername()))
    bytes_left = 0
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        to_send, to_read = (int(each, 16) for each in queues.split(":"))
        bytes_left += to_send if local.endswith(ours) and remote.endswith(theirs) else 0
        bytes_left += to_read if local.endswith(theirs) and remote.endswith(ours) else 0
    return bytes_left


# ---- a site's own settings


def test_the_server_keeps_to_the_site_file_in_every_worker(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[referral]\nsystem = "urn:x"\ncode = "777"\ndisplay = "Spine clinic"\n', "utf-8")
    with running(tmp_path, "serve", "--workers", "2", SECOND_OPINION_SITE=str(site)) as server:
        for _ in range(4):
            (card,) = server.ask("POST", SIGN, call())[1]["cards"]
            order = card["suggestions"][0]["actions"][0]["resource"]
            assert order["code"]["coding"][0] == {"system": "urn:x", "code": "777", "display": "Spine clinic"}


# ---- it does not start, and says why


def test_a_site_file_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[rules]\nno_such_rule = "off"\n', "utf-8")
    code, said = refused("serve", "--port", str(free_port()), SECOND_OPINION_SITE=str(site))
    assert code == 1
    assert f"{site}, line 2" in said and "no_such_rule" in said


@pytest.mark.parametrize("key", ["", "short"])
def test_without_trust_file_and_secret_it_does_not_start_and_names_both(key: str) -> None:
    code, said = refused("serve", SECOND_OPINION_TRUST="", SECOND_OPINION_SECRET_KEY=key)
    assert code == 1
    for words in (
        "SECOND_OPINION_TRUST is not set", "second-opinion trust check FILE", "docs/deploy.md",
        f"SECOND_OPINION_SECRET_KEY {'has fewer than 32 characters' if key else 'is not set'}", "secrets.token_urlsafe",
    ):  # fmt: skip
        assert words in said


def test_all_that_keeps_it_from_starting_is_said_at_once(tmp_path: Path) -> None:
    site, trust = tmp_path / "site.toml", tmp_path / "trust.toml"
    site.write_text('[rules]\nno_such_rule = "off"\n', "utf-8")
    trust.write_text('base_url = "http://ehr.example"\n', "utf-8")
    code, said = refused("serve", SECOND_OPINION_SITE=str(site), SECOND_OPINION_TRUST=str(trust))
    assert code == 1
    for words in (f"{site}, line 2", f"{trust}, line 1: nobody is trusted", "SECOND_OPINION_SECRET_KEY is not set"):
        assert words in said


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_a_port_in_use_is_named_and_another_is_proposed(name: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused(name, "--port", str(port), **served_settings(tmp_path, EHR))
    assert code == 1
    assert f"Port {port}" in said and re.search(r"--port \d+", said)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_port_proposed_instead_of_the_last_is_one_that_there_is(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: Any) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(socket.socket, "bind", taken)
    with pytest.raises(SecondOpinionError, match=f"Port 65535 on {host} .*Address already in use.*--port 1$"):
        run(Flask("x"), host, 65535, 1, lambda: None)


@pytest.mark.parametrize("name", ["serve", "demo"])
@pytest.mark.parametrize("port", ["99999", "65536", "0", "-1", "http"])
def test_a_port_that_is_none_is_refused(name: str, port: str) -> None:
    done = CliRunner().invoke(main, [name, "--port", port])
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert "--port" in done.stderr and port in done.stderr


def test_the_other_loopback_address_is_served_too(tmp_path: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("serve", "--host", "::1", "--port", str(port)),
            env=environment(**served_settings(tmp_path, EHR)), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None and b"cds-services" not in log.read_bytes():
            time.sleep(0.05)
        assert f"http://[::1]:{port}/cds-services" in log.read_text()
        with socket.create_connection(("::1", port), PATIENCE) as connection:
            connection.sendall(b"GET /cds-services HTTP/1.0\r\n\r\n")
            assert b"200" in connection.recv(100)
    finally:
        process.terminate()
        process.wait(PATIENCE)


# ---- the demo


def test_the_demo_prints_the_link_to_its_mock_ehr(tmp_path: Path) -> None:
    with running(tmp_path, "demo", "--no-browser") as demo:
        assert f"http://127.0.0.1:{demo.port}/sandbox/" in demo.said
        assert f"http://127.0.0.1:{demo.port}/cds-services" in demo.said
        assert "Ctrl+C" in demo.said
        response, patients = demo.ask("GET", "/sandbox/patients")
        assert (response.status, len(patients)) == (200, 15)


def test_the_demo_opens_the_mock_ehr_in_a_browser(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    with running(tmp_path, "demo", BROWSER=f"{browser} %s", DISPLAY=":0") as demo:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not (opened.exists() and opened.read_text().strip()):
            time.sleep(0.05)
        assert opened.read_text().strip() == f"http://127.0.0.1:{demo.port}/sandbox/"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux would open a text browser")
def test_the_demo_opens_no_browser_where_there_is_no_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    opened = tmp_path / "opened"
    with running(tmp_path, "demo", BROWSER=f"touch {opened} #%s") as demo:
        assert f"http://127.0.0.1:{demo.port}/sandbox/" in demo.said
    assert not opened.exists()


def test_no_worker_outlives_a_master_that_was_killed(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--workers", "2") as server:
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + PATIENCE
        while not is_free(server.port) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert is_free(server.port)


def is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_cards_come_when_the_folder_of_the_metrics_was_tidied_away(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with running(tmp_path, "serve", TMPDIR=str(folder)) as server:
        for each in folder.glob("second-opinion-*"):
            shutil.rmtree(each)
        (worker,) = children(server.process.pid)
        os.kill(worker, signal.SIGKILL)  # the next one finds no folder
        until_it_answers(server)
        for _ in range(3):
            assert server.ask("POST", SIGN, call())[0].status == 200
        assert server.ask("POST", f"{SIGN}/feedback", {"feedback": []})[0].status == 200
        until = time.monotonic() + PATIENCE
        while "Metrics could not be written" not in server.said and time.monotonic() < until:
            time.sleep(0.1)
        assert "Metrics could not be written" in server.said


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()))
