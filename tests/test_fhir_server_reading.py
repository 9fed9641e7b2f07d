"""How one FHIR server is read: page by page, at its own address only, with its token and nobody else's."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import fhir_server as fake
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fhir_server import FakeServer, Json, fhir_server
from flask.testing import FlaskClient
from look_ups import DANIEL, LANES, TODAY, TOKEN, answered, call_of, chart_of, one_of, service, without

from cds_hooks.calls import read_call
from cds_hooks.requests import Authorization, read_request
from ehr.addresses import below, server_address
from ehr.chart import Access
from ehr.wire import NoAnswer, Wire
from second_opinion.data_needs import search_for

PROCEDURES = without("procedures")
EXERCISE = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "97110"}]}


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with service() as (client, _):
        yield client


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fhir_server(chart_of(DANIEL)) as started:
        yield started


@pytest.fixture
def elsewhere() -> Iterator[FakeServer]:
    with fhir_server(chart_of(DANIEL)) as started:
        yield started


def procedures(client: FlaskClient, server: FakeServer, sent: Json = PROCEDURES, token: str | None = TOKEN) -> Json:
    """How the lane was read that prefetch left out."""
    read: Json = answered(client, call_of(DANIEL, "order-sign", server, sent, token))["lanes"]["procedures"]
    return read


def therapy(*numbers: int, **elements: str) -> Json:
    visits = [one_of("procedures", id=str(n), code=EXERCISE, performedDateTime="2026-05-01") for n in numbers]
    return fake.page(*(visit | elements for visit in visits))


# ---- pages


def test_pages_are_followed_in_order_until_there_is_no_next(client: FlaskClient, server: FakeServer) -> None:
    server.ways["Procedure"] = fake.pages(therapy(1, 2), therapy(3), therapy(4))
    assert procedures(client, server) == {"state": "complete", "count": 4}
    assert [asked.query.get("page", "0") for asked in server.asked] == ["0", "1", "2"]
    assert all(asked.headers["Authorization"] == f"Bearer {TOKEN}" for asked in server.asked)


def test_a_total_is_that_of_all_pages_together(client: FlaskClient, server: FakeServer) -> None:
    several = [therapy(1, 2) | {"total": 3}, therapy(3) | {"total": 3}]
    server.ways["Procedure"] = fake.pages(*several)
    assert procedures(client, server) == {"state": "complete", "count": 3}
    server.ways["Procedure"] = fake.pages(*[each | {"total": 4} for each in several])
    assert procedures(client, server) == {"state": "partial", "count": 3, "why": "3 of 4 were sent"}


@pytest.mark.parametrize("written", ["Procedure?page=1", "/fhir/r4/Procedure?page=1", "?page=1", "{base}?page=1"])
def test_the_further_pages_of_a_prefetched_lane_are_looked_up(
    client: FlaskClient, server: FakeServer, written: str
) -> None:
    following = fake.resource(therapy(3))
    server.ways |= {"Procedure": following, "": following, "/fhir/r4": following}
    link = [{"relation": "next", "url": written.format(base=server.url)}]
    assert procedures(client, server, {"procedures": therapy(1, 2) | {"link": link}}) == {
        "state": "complete",
        "count": 3,
    }
    assert len(server.asked) == 1


def test_further_pages_that_cannot_be_had_leave_a_prefetched_lane_partial(
    client: FlaskClient, server: FakeServer
) -> None:
    server.ways["Procedure"] = fake.status(404)
    sent = therapy(1) | {"link": [{"relation": "next", "url": f"{server.url}/Procedure?page=1"}]}
    why = "further pages could not be had: 404"
    assert procedures(client, server, {"procedures": sent}) == {"state": "partial", "count": 1, "why": why}


def test_a_next_link_without_an_address_leaves_a_lane_partial(client: FlaskClient, server: FakeServer) -> None:
    server.ways["Procedure"] = fake.resource(therapy(1) | {"link": [{"relation": "next"}]})
    why = "there are further pages that were not sent"
    assert procedures(client, server) == {"state": "partial", "count": 1, "why": why}


def test_resources_without_an_id_count_on_every_page(client: FlaskClient, server: FakeServer) -> None:
    nameless = therapy(1)
    del nameless["entry"][0]["resource"]["id"]
    server.ways["Procedure"] = fake.pages(nameless, nameless, nameless)
    assert procedures(client, server) == {"state": "complete", "count": 3}


def test_another_patients_resource_on_a_later_page_is_reported_and_never_used(
    client: FlaskClient, server: FakeServer
) -> None:
    theirs = one_of("procedures", id="theirs", subject={"reference": "Patient/somebody-else"})
    server.ways["Procedure"] = fake.pages(therapy(1), fake.page(theirs))
    read = procedures(client, server)
    assert (read["state"], read["count"]) == ("partial", 1)
    assert read["unread"] == [{"reference": "Procedure/theirs", "why": "belongs to another patient"}]


def test_bundles_within_a_page_say_themselves_what_they_lack(client: FlaskClient, server: FakeServer) -> None:
    inner = therapy(2) | {"total": 5}
    server.ways["Procedure"] = fake.pages(therapy(1), fake.page(inner), fake.page(inner))
    read = procedures(client, server)
    assert (read["state"], read["why"]) == ("partial", "1 of 5 were sent")


def test_a_lane_of_more_than_eight_megabytes_is_not_taken_whole(client: FlaskClient, server: FakeServer) -> None:
    big = therapy(1) | {"note": "x" * 5_000_000}
    server.ways["Procedure"] = fake.pages(big, big)
    why = "further pages could not be had: it sent more than we take"
    assert procedures(client, server) == {"state": "partial", "count": 1, "why": why}


def test_packed_answers_are_unpacked(client: FlaskClient, server: FakeServer) -> None:
    server.ways["Procedure"] = fake.zipped
    assert procedures(client, server)["state"] == "complete"


# ---- elsewhere


def test_another_hosts_next_page_is_never_asked_for(
    client: FlaskClient, server: FakeServer, elsewhere: FakeServer
) -> None:
    server.ways["Procedure"] = fake.pages(therapy(1), therapy(2), link=f"{elsewhere.url}/Procedure?page=1")
    why = "further pages could not be had: another host's next page was not followed"
    assert procedures(client, server) == {"state": "partial", "count": 1, "why": why}
    sent = therapy(1) | {"link": [{"relation": "next", "url": f"{elsewhere.url}/Procedure?page=1"}]}
    assert procedures(client, server, {"procedures": sent}) == {"state": "partial", "count": 1, "why": why}
    assert elsewhere.connections == []


def test_a_redirect_is_never_followed(client: FlaskClient, server: FakeServer, elsewhere: FakeServer) -> None:
    for target in (f"{elsewhere.url}/Procedure?patient=daniel-osei", f"{server.url}/Encounter"):
        server.ways["Procedure"] = fake.redirect(target)
        why = "302, a redirect, was not followed"
        assert procedures(client, server) == {"state": "unavailable", "count": 0, "why": why}
    assert elsewhere.connections == []
    assert set(server.types) == {"Procedure"}


BASE = "https://ehr.example/fhir/r4"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://ehr.example/fhir/r4/Procedure?page=2", "https://ehr.example/fhir/r4/Procedure?page=2"),
        ("https://EHR.example:443/fhir/r4?_getpages=7", "https://ehr.example:443/fhir/r4?_getpages=7"),
        ("Procedure?page=2", "https://ehr.example/fhir/r4/Procedure?page=2"),
        ("http://ehr.example/fhir/r4/Procedure?page=2", ""),
        ("https://ehr.example:8443/fhir/r4/Procedure?page=2", ""),
        ("https://ehr.example.evil.example/fhir/r4/Procedure", ""),
        ("https://evil.example/fhir/r4/Procedure?page=2", ""),
        ("//evil.example/fhir/r4/Procedure?page=2", ""),
        ("https://ehr.example@evil.example/fhir/r4/Procedure", ""),
        ("https://us:secret@ehr.example/fhir/r4/Procedure", ""),
        ("https://ehr.example/fhir/r4b/Procedure", ""),
        ("https://ehr.example/other", ""),
        ("../../admin", ""),
        ("https://ehr.example/fhir/r4/../../admin", ""),
        ("https://ehr.example/fhir/r4/%2e%2E/%2e%2e/admin", ""),
        ("ftp://ehr.example/fhir/r4/Procedure", ""),
        ("https://[ehr.example/fhir/r4", ""),
        ("https://ehr.example:port/fhir/r4", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_a_next_page_is_one_below_the_servers_own_address(written: str, address: str) -> None:
    assert below(BASE, written) == address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://ehr.example/fhir/", "https://ehr.example/fhir"),
        ("HTTPS://EHR.example:443/fhir", "https://ehr.example/fhir"),
        ("https://ehr.example", "https://ehr.example"),
        ("http://127.0.0.1:8080/fhir", "http://127.0.0.1:8080/fhir"),
        ("http://ehr.example/fhir", ""),
        ("https://us:secret@ehr.example/fhir", ""),
        ("https://ehr.example/fhir?x=1", ""),
        ("https://ehr.example/fhir#x", ""),
        ("file:///etc/passwd", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_a_servers_address_is_https_with_a_host_and_nothing_besides(written: str, address: str) -> None:
    assert server_address(written) == address


def test_a_server_without_an_address_is_not_asked(client: FlaskClient, server: FakeServer) -> None:
    call = call_of(DANIEL, "order-sign", server, PROCEDURES) | {"fhirServer": "ftp://ehr.example/fhir"}
    read = answered(client, call)["lanes"]["procedures"]
    assert read == {"state": "unavailable", "count": 0, "why": "fhirServer is no https address"}


# ---- what is asked for


def test_a_patients_id_is_written_so_that_it_stays_one(client: FlaskClient, server: FakeServer) -> None:
    epic = "e" + "Ab-1._" * 33
    assert search_for("procedures", epic)[0] == f"Procedure?patient={epic}&_count=500"
    assert search_for("patient", "a/../b?c&d")[0] == "Patient/a%2F..%2Fb%3Fc%26d"
    call = call_of(DANIEL, "order-sign", server, without(*LANES))
    call["context"]["patientId"] = f"{epic}&x=1"
    client.post("/cds-services/second-opinion-order-sign", json=call)
    assert server.asked == []  # the order is for another patient: nothing is to be judged


def test_a_server_that_wants_a_category_is_asked_again_with_one(client: FlaskClient, server: FakeServer) -> None:
    server.ways |= {"Condition": fake.wants_category, "CarePlan": fake.wants_category}
    call = call_of(DANIEL, "order-sign", server, without("conditions", "care_plans"))
    assessment = answered(client, call)
    assert assessment["lanes"]["conditions"] == {"state": "complete", "count": 3}
    assert assessment["lanes"]["care_plans"] == {"state": "complete", "count": 0}
    with_category = [asked for asked in server.asked if "category" in asked.query]
    assert sorted(asked.query["category"] for asked in with_category) == [
        "assess-plan,38717003,734163000",
        "problem-list-item,encounter-diagnosis,health-concern",
    ]
    assert len(server.asked) == 4
    assert {asked.query["patient"] for asked in server.asked} == {"daniel-osei"}


def test_a_category_is_not_tried_where_access_is_refused(client: FlaskClient, server: FakeServer) -> None:
    server.ways["Condition"] = fake.status(403)
    assert answered(client, call_of(DANIEL, "order-sign", server, without("conditions")))["lanes"]["conditions"] == {
        "state": "unavailable", "count": 0, "why": "403",
    }  # fmt: skip
    assert len(server.asked) == 1


# ---- a second try


@pytest.mark.parametrize("way", [fake.status(502), fake.status(503), fake.status(504), fake.drop])
def test_what_did_not_answer_at_first_is_asked_once_more(
    client: FlaskClient, server: FakeServer, way: fake.Way
) -> None:
    server.ways["Procedure"] = fake.first(way, fake.as_usual)
    assert procedures(client, server)["state"] == "complete"
    server.ways["Procedure"] = fake.first(way, way, fake.as_usual)
    assert procedures(client, server)["state"] == "unavailable"
    assert len(server.asked) == 4


@pytest.mark.parametrize("way", [fake.status(500), fake.status(429), fake.break_off])
def test_what_did_answer_is_not_asked_again(client: FlaskClient, server: FakeServer, way: fake.Way) -> None:
    server.ways["Procedure"] = way
    assert procedures(client, server)["state"] == "unavailable"
    assert len(server.asked) == 1


def test_a_second_try_is_over_by_the_same_deadline(server: FakeServer) -> None:
    server.ways["Procedure"] = fake.first(fake.hang, fake.as_usual)
    server.chart = [one_of("procedures")]
    with service(1.0) as (client, _):  # in which it is asked
        assert procedures(client, server)["why"] == "the server was late"
    assert len(server.asked) == 1


def test_a_server_that_never_stops_sending_is_late(server: FakeServer) -> None:
    server.ways["Procedure"] = fake.flood
    with service(0.2) as (client, _):
        assert procedures(client, server)["why"] == "the server was late"
        # Its thread is free again: leaving here waits for it.


def test_nothing_is_asked_after_the_deadline(server: FakeServer) -> None:
    with pytest.raises(NoAnswer, match="the server was late"):
        Wire(1).get(server.url, {}, time.monotonic() - 1, 1)
    assert server.connections == []


# ---- connections and tokens


def test_connections_are_used_again(client: FlaskClient, server: FakeServer) -> None:
    for _ in range(4):
        assert procedures(client, server)["state"] == "complete"
    server.ways["Procedure"] = fake.status(403)
    for _ in range(4):
        assert procedures(client, server)["why"] == "403"
    assert (len(server.asked), len(server.connections)) == (8, 1)


@pytest.mark.parametrize("token", ["", None])
def test_without_a_token_none_is_sent(client: FlaskClient, server: FakeServer, token: str | None) -> None:
    assert procedures(client, server, token=token)["state"] == "complete"
    call = call_of(DANIEL, "order-sign", server, PROCEDURES)
    del call["fhirAuthorization"]
    assert answered(client, call)["lanes"]["procedures"]["state"] == "complete"
    assert [asked.headers.get("Authorization") for asked in server.asked] == [None, None]
    assert {asked.headers["Accept"] for asked in server.asked} == {"application/fhir+json"}


@pytest.mark.parametrize("token", ["canary\r\nX-Other: 1", "canary 5b1f", "canary-\u00e9"])
def test_a_token_that_no_header_can_carry_is_not_sent(client: FlaskClient, server: FakeServer, token: str) -> None:
    why = "the access token holds characters that no header can"
    assert procedures(client, server, token=token) == {"state": "unavailable", "count": 0, "why": why}
    assert server.connections == []


def test_a_server_that_is_not_on_the_list_is_never_contacted(server: FakeServer) -> None:
    with service(allowed=False) as (client, _):
        assert procedures(client, server) == {
            "state": "unavailable", "count": 0, "why": "the server is not on the list",
        }  # fmt: skip
        assert procedures(client, server, {}) == {"state": "complete", "count": 2}
    assert server.connections == []


def test_the_token_and_the_patient_are_in_no_log_and_in_no_repr(
    client: FlaskClient, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.ways |= {"Procedure": fake.drop, "Goal": fake.status(503), "Condition": fake.odd_headers}
    call = call_of(DANIEL, "order-sign", server, without(*LANES))
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "urllib3"):
        answered(client, call)
    body = fake.as_bytes(call)
    said = [
        caplog.text,
        repr(Access(server.url, TOKEN, "Practitioner/1", "daniel-osei", "order-sign")),
        repr(read_request(body)),
        repr(Authorization(TOKEN)),
        repr(read_call(body, TODAY, look_up=None).looked_up),
    ]
    for each in said:
        assert TOKEN not in each
        assert "daniel" not in each


@pytest.mark.parametrize("value", [5, True, ["x"], {}])
def test_a_token_that_is_no_string_is_a_malformed_call(client: FlaskClient, server: FakeServer, value: object) -> None:
    call = call_of(DANIEL, "order-sign", server)
    call["fhirAuthorization"]["access_token"] = value
    response = client.post("/cds-services/second-opinion-order-sign", json=call)
    assert response.status_code == 400
    assert "$.fhirAuthorization.access_token" in response.text


# ---- TLS


def certificate(folder: Path) -> Path:
    """Key and self-signed certificate for loopback, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "certificate.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_a_certificate_that_nobody_vouches_for_gets_no_token(client: FlaskClient, tmp_path: Path) -> None:
    with fhir_server(chart_of(DANIEL), certificate(tmp_path)) as server:
        why = "the server's certificate could not be verified"
        assert procedures(client, server) == {"state": "unavailable", "count": 0, "why": why}
    assert server.asked == []


def test_a_certificate_that_the_machine_trusts_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with fhir_server(chart_of(DANIEL), file) as server, service() as (client, _):
        assert procedures(client, server)["state"] == "complete"
        server.ways["Procedure"] = fake.drip
    with fhir_server(chart_of(DANIEL), file) as server, service(0.2) as (client, _):
        server.ways["Procedure"] = fake.drip
        assert procedures(client, server)["why"] == "the server was late"
