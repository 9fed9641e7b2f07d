"""The teaching patients on a FHIR server of others: all of them, once, tagged, and off again."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec import json
from smart_ehr import TODAY
from urllib3 import PoolManager

from fixtures.loading import TAG, address_of, resources_of
from fixtures.teaching import teaching_patients
from plugin.cli import main
from sandbox.fhir_process import fhir_process

Json = dict[str, Any]
EVERYTHING = {address_of(each) for patient in teaching_patients(TODAY) for each in resources_of(patient)}
EVERY_PATIENT = {patient.patient.partition(",")[0] for patient in teaching_patients(TODAY)}


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """A FHIR server with nobody on it."""
    with fhir_process() as base:
        yield base


def ask(url: str, method: str = "GET", body: Json | None = None) -> Json:
    headers = {"Content-Type": "application/fhir+json"}
    answer = PoolManager().request(method, url, headers=headers, body=json.encode(body) if body else None)
    found: Json = json.decode(answer.data)
    return found


def load(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fixtures", "load", *arguments])


def test_loaded_twice_every_teaching_patient_is_there_once_and_removed_they_are_gone(empty: str) -> None:
    for _ in range(2):
        done = load(empty)
        assert done.exit_code == 0, done.output
        assert all(name in done.output for name in EVERY_PATIENT)
        assert ask(f"{empty}/Patient")["total"] == len(EVERY_PATIENT)
        assert ask(f"{empty}/Procedure?patient=ruth-keller")["total"] == 12
    assert f"{len(EVERYTHING)} resources removed" in load(empty, "--remove").output
    assert [ask(f"{empty}/{kind}")["total"] for kind in ("Patient", "Procedure", "Practitioner")] == [0, 0, 0]
    assert load(empty, "--remove").output == "0 resources removed\n"


def test_every_resource_of_every_patient_can_be_read_back_with_its_dates_counted_from_today(sekmet: str) -> None:
    for patient in teaching_patients(TODAY):
        for resource in resources_of(patient):
            there = ask(f"{sekmet}/{address_of(resource)}")
            assert {key: value for key, value in there.items() if key != "meta"} == {
                key: value for key, value in resource.items() if key != "meta"
            }
            assert there["meta"]["tag"] == [TAG]


def test_what_others_put_there_stays(empty: str) -> None:
    theirs = {"resourceType": "Patient", "id": "theirs", "meta": {"tag": [{"system": "urn:x", "code": "teaching"}]}}
    ask(f"{empty}/Patient/theirs", "PUT", theirs)
    load(empty)
    load(empty, "--remove")
    assert [entry["resource"]["id"] for entry in ask(f"{empty}/Patient")["entry"]] == ["theirs"]


def test_a_patient_of_others_with_our_id_is_never_overwritten(empty: str) -> None:
    ask(f"{empty}/Patient/ruth-keller", "PUT", {"resourceType": "Patient", "id": "ruth-keller", "active": True})
    done = load(empty)
    assert done.exit_code == 1
    assert "Patient/ruth-keller that is not ours" in done.output
    assert ask(f"{empty}/Patient/ruth-keller")["active"]
    ask(f"{empty}/Patient/ruth-keller", "DELETE")


class Odd(BaseHTTPRequestHandler):
    """A server that answers as it is told, and remembers what it was asked."""

    answers: list[tuple[int, bytes]] = []  # noqa: RUF012, one server at a time
    asked: list[tuple[str, str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = self.answers.pop(0) if self.answers else (200, b'{"resourceType": "Bundle"}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *arguments: Any) -> None:
        """Tests read what is said, not this."""


@pytest.fixture
def odd() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Odd.answers, Odd.asked = [], []
    yield f"http://127.0.0.1:{server.server_port}/fhir"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"", "answered 401. Give an access token that may write there: --token."),
        (403, b"<html>", "answered 403. The token may not do that"),
        (200, b"<html>", "answered 200. Check that it is a FHIR R4 server"),
        (500, b'{"issue": [{"diagnostics": "Disk full"}]}', "answered 500 (Disk full). Check"),
        (500, b'{"issue": [{}]}', "answered 500. Check"),
    ],
)
def test_what_a_server_refuses_is_said_with_what_to_do(odd: str, status: int, body: bytes, said: str) -> None:
    Odd.answers = [(status, body)]
    done = load(odd, "--token", "not-to-be-shown")
    assert done.exit_code == 1
    assert said in done.output
    assert "not-to-be-shown" not in done.output
    assert Odd.asked[0][2] == "Bearer not-to-be-shown"


def test_a_server_that_is_not_there_and_an_address_that_is_none_are_said(odd: str) -> None:
    assert "does not answer" in load("http://127.0.0.1:9/fhir").output
    assert "no FHIR server's address" in load("fhir.example").output


def test_of_a_server_that_ignores_what_is_searched_only_ours_is_removed_page_by_page(odd: str) -> None:
    def found(*resources: Json, further: str = "") -> tuple[int, bytes]:
        links = [{"relation": "self", "url": "x"}, *([{"relation": "next", "url": further}] if further else [])]
        return 200, json.encode({"entry": [{"resource": each} for each in resources], "link": links})

    def one(kind: str, name: str, tagged: bool = True) -> Json:
        return {"resourceType": kind, "id": name, "meta": {"tag": [TAG]} if tagged else {}}

    Odd.answers = [
        found(
            one("CarePlan", "a"), one("CarePlan", "theirs", tagged=False), one("Patient", "x"), further="CarePlan?p=2"
        ),
        found(one("CarePlan", "c"), further="http://127.0.0.1:9/elsewhere"),
    ]
    done = load(odd, "--remove")
    assert done.output == "2 resources removed\n"
    assert [path for method, path, _ in Odd.asked if "CarePlan" in path][1] == "/fhir/CarePlan?p=2"


def test_pages_without_end_are_left_at_some_point(odd: str) -> None:
    endless = json.encode({"link": [{"relation": "next", "url": "CarePlan?again"}]})
    Odd.answers = [(200, endless)] * 100
    assert load(odd, "--remove").output == "0 resources removed\n"
