"""The demo from its start to its end: what it says, what it leaves behind, and another FHIR server in place of ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
from demos import ROOT, running_demo
from playwright.sync_api import Browser, expect
from urllib3 import request

from journal.journal import open_journal
from plugin.demo import demo_on, external, kept
from plugin.serving import check_packages
from second_opinion.errors import SecondOpinionError


def demo_that_ends(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plugin", "demo", "--no-browser", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)


def test_ctrl_c_ends_everything_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        (fhir,) = servers_below(demo.process.pid)
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(timeout=180) == 0
        assert not Path(f"/proc/{fhir}").exists()
        assert [left.name for left in tmp_path.iterdir()] == ["demo.log"]
        assert "Traceback" not in demo.said


def servers_below(process: int) -> list[int]:
    """The processes of FHIR servers that were started by this one."""
    listed = subprocess.run(
        ["ps", "--ppid", str(process), "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "fhir_child" in line]


def test_a_port_that_is_taken_is_said_in_one_line_with_what_to_do(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        port = demo.address.split(":")[2].partition("/")[0]
        ended = demo_that_ends("--port", port, folder=tmp_path)
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith(f"Error: Port {port} on 127.0.0.1 cannot be used")
    assert line.endswith(f"Choose another: --port {int(port) % 65535 + 1}")


def test_without_its_packages_the_demo_says_what_to_install() -> None:
    check_packages()
    with pytest.raises(SecondOpinionError, match=r"pip install --require-hashes -r requirements/demo.txt$"):
        check_packages(["no_package_of_this_name"])


def test_an_address_that_is_none_is_said_with_what_to_do(tmp_path: Path) -> None:
    ended = demo_that_ends("--fhir", "http://ehr.example/fhir", folder=tmp_path)
    assert ended.returncode == 1
    assert "Use https" in ended.stderr


def test_the_server_of_other_charts_is_never_open_to_all() -> None:
    with pytest.raises(SecondOpinionError, match="Leave out --open, or --fhir"), demo_on(1, "http://a", is_open=True):
        pass


def test_an_open_demo_lets_a_page_without_a_token_read_write_and_launch_the_app(
    tmp_path: Path, browser: Browser
) -> None:
    """What the public CDS Hooks sandbox does."""
    with running_demo(tmp_path, "--open") as demo, closing(browser.new_page()) as page:
        fhir = f"{demo.address}fhir"
        assert "open: no token needed" in demo.said
        assert request("GET", f"{fhir}/Patient/ruth-keller").json()["id"] == "ruth-keller"
        assert len(request("GET", f"{fhir}/Patient?_count=50").json()["entry"]) > 1
        goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "To walk"}}
        assert (
            request("POST", f"{fhir}/Goal", json=goal | {"subject": {"reference": "Patient/ruth-keller"}}).status == 201
        )
        assert request("GET", f"{fhir}/Patient/ruth-keller", headers={"Authorization": "Bearer made-up"}).status == 401
        app = demo.address.replace("127.0.0.1", "localhost").replace("sandbox/", "launch")
        wanted = {"launch_url": app, "parameters": {"patient": "ruth-keller"}}
        launch = request("POST", f"{fhir}/_services/smart/Launch", json=wanted).json()["launch_id"]
        page.goto(f"{app}?iss={quote(fhir, safe='')}&launch={launch}")
        expect(page.locator("body")).to_contain_text("Ruth Keller")
        expect(page.get_by_role("link", name="Refer for second opinion")).to_be_visible()


def test_the_demo_works_on_another_fhir_server(tmp_path: Path, browser: Browser, sekmet: str) -> None:
    with (
        running_demo(tmp_path, "--fhir", sekmet) as demo,
        closing(browser.new_page(viewport={"width": 1440, "height": 900})) as page,
    ):
        page.goto(demo.address)
        page.locator("#search-name").fill("Keller")
        page.locator("#search button").click()
        page.locator('[data-patient="ruth-keller"]').click()
        expect(page.locator("#patient-name")).to_have_text("Keller, Ruth")
        page.locator("#tab-orders").click()
        page.locator("#sign-order").click()
        expect(page.locator('.card[data-indicator="warning"]')).to_have_count(1)
        expect(page.locator("#status")).to_contain_text("Nothing was promised for this chart.")
        page.locator('[name="prefetch"][value="omitted"]').check()
        page.locator("#tab-chart").click()
        page.locator("#tab-orders").click()
        page.locator("#sign-order").click()
        expect(page.locator('.card[data-indicator="warning"]')).to_have_count(1)
        page.locator(".card .smart-link").click()
        expect(page.frame_locator("#app-frame").locator("body")).to_contain_text("from the card")


def test_anybody_may_call_the_demo_but_nobody_as_its_ehr(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        prepared = request("POST", f"{demo.address}patients/failed-fusion/calls/order-sign", json={}).json()
        url = demo.address.replace("/sandbox/", "/cds-services/second-opinion-order-sign")
        unsigned = request("POST", url, json=prepared["body"])
        assert (unsigned.status, len(unsigned.json()["cards"])) == (200, 1)
        signed = {"Authorization": prepared["authorization"]}
        assert request("POST", url, json=prepared["body"], headers=signed).status == 200
        assert request("POST", url, json=prepared["body"], headers=signed).status == 401  # a token is good once


def test_another_server_gets_its_own_token_and_the_service_another() -> None:
    with recording() as (server, asked), demo_on(9, f"{server}/fhir/", "secret") as demo:
        assert demo.behind.own.base == f"{server}/fhir"
        demo.behind.own.get("Patient/p1", 5)
        demo.smart.upstream.get("Patient/p1")
        given = demo.behind.grant("Practitioner/visitor", "p1") or {}
    assert asked == [("/fhir/metadata", "Bearer secret")] + [("/fhir/Patient/p1", "Bearer secret")] * 2
    assert given["access_token"] not in ("", "secret")


@contextmanager
def recording() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server that notes what it is asked, and with which token."""
    asked: list[tuple[str, str]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"resourceType": "CapabilityStatement"}' if self.path == "/fhir/metadata" else b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_server_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(SecondOpinionError, match="--fhir: 'nowhere' is no address we take"):
        external("nowhere", "")
    with recording() as (server, _), pytest.raises(SecondOpinionError, match="answered 200 without a Capability"):
        external(f"{server}/wrong", "")
    with pytest.raises(SecondOpinionError, match=r"metadata did not answer\. Try: second-opinion doctor http"):
        external("http://127.0.0.1:9/fhir", "")


def test_a_journal_that_is_down_keeps_nothing_to_show(tmp_path: Path) -> None:
    journal = open_journal(f"sqlite:///{tmp_path}/journal.sqlite3", "k" * 64)
    assert kept(journal, "unknown") is None
    journal.database.reading.why = "The disk is gone."
    assert kept(journal, "unknown") is None
    journal.close(5)
