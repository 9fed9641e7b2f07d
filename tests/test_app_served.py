"""The app on the real server: what it waits for holds up no card."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from time import sleep
from urllib.parse import urlencode

import pytest
from sign_in import SignIn, query_of, sign_in
from signing import BASE
from test_server import SIGN, Server, call, running

from smart_app.places import AT_ONCE

TRUST = """
base_url = "{base}"

[[cds_client]]
iss = "https://ehr.example"
jwks_file = "settings/ehr.jwks.json"

[[smart_ehr]]
iss = "{iss}"
client_id = "second-opinion"
auth = "public"
"""


@pytest.fixture
def ehr() -> Iterator[SignIn]:
    with sign_in() as server:
        yield server


@pytest.fixture
def server(ehr: SignIn, tmp_path: Path) -> Iterator[Server]:
    trust = tmp_path / "trust.toml"
    trust.write_text(TRUST.format(base=BASE, iss=ehr.url), "utf-8")
    with running(tmp_path, "serve", SECOND_OPINION_TRUST=str(trust)) as started:
        yield started


def get(server: Server, path: str, cookie: str = "") -> HTTPResponse:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=120)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        return answer


def begun(server: Server, ehr: SignIn) -> tuple[str, str]:
    """Where an EHR sends the browser back to, and that browser's cookie."""
    answer = get(server, "/launch?" + urlencode({"iss": ehr.url, "launch": "xyz"}))
    asked = query_of(answer.headers["Location"])
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    return "/callback?" + urlencode({"code": "c", "state": asked["state"]}), cookie


def test_cards_are_answered_while_the_sign_in_of_an_ehr_hangs(server: Server, ehr: SignIn) -> None:
    tries = [begun(server, ehr) for _ in range(20)]
    ehr.answering.clear()
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(get, server, *each) for each in tries]
        while sum(each.done() for each in answers) < len(answers) - AT_ONCE or ehr.paths.count("/token") < AT_ONCE:
            sleep(0.02)
        response, body = server.ask("POST", SIGN, call())
        assert (response.status, len(body["cards"])) == (200, 1)
        assert ehr.paths.count("/token") == AT_ONCE
        assert get(server, "/leaflet").status == 200
        ehr.answering.set()
    assert sorted(each.result().status for each in answers)[-(20 - AT_ONCE) :] == [503] * (20 - AT_ONCE)
