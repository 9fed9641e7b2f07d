"""Which hook looks up what, and the lanes that one hook leaves warm for the signing."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import fhir_server as fake
import pytest
from fhir_server import FakeServer, Json, fhir_server
from flask.testing import FlaskClient
from look_ups import (
    DANIEL,
    LANES,
    RUTH,
    TODAY,
    TYPES,
    answered,
    call_of,
    cards,
    chart_of,
    one_of,
    service,
    without,
)  # fmt: skip
from signing import BASE, Signer, jwks, write_trust

from cds_hooks.calls import Call, read_call
from cds_hooks.client_trust import Gate
from cds_hooks.listeners import Listeners
from ehr.chart import LookedUp
from ehr.look_up import LookUp
from ehr.trust_file import read_trust
from ehr.warm import WarmLanes
from journal.journal import open_journal
from plugin.app import create_app
from second_opinion.data_needs import prefetch_templates
from second_opinion.from_fhir import Fetched

ALL_OPENED = tuple(prefetch_templates("patient-view"))
PLANNED_IN = ("service_requests", "care_plans", "appointments", "procedures")
ASPIRIN = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1191"}], "text": "Aspirin"}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fhir_server(chart_of(DANIEL, RUTH)) as started:
        yield started


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with service() as (client, _):
        yield client


def bare(hook: str, server: FakeServer | None, person: Any = DANIEL, **more: Any) -> Json:
    return call_of(person, hook, server, without(*ALL_OPENED), **more)


def types(lanes: Any) -> list[str]:
    return sorted(TYPES[lane] for lane in lanes)


def read(call: Json, look_up: LookUp) -> Call:
    return read_call(fake.as_bytes(call), TODAY, look_up=look_up)


# ---- only for spine operations


@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_an_order_that_is_no_spine_operation_is_not_looked_into(
    client: FlaskClient, server: FakeServer, hook: str
) -> None:
    call = bare(hook, server)
    call["context"]["draftOrders"]["entry"][0]["resource"]["code"] = ASPIRIN
    assert cards(client, call) == []
    assert server.connections == []


def test_an_operation_that_is_not_among_those_selected_is_not_looked_into(
    client: FlaskClient, server: FakeServer
) -> None:
    call = bare("order-select", server)
    call["context"]["selections"] = ["ServiceRequest/another"]
    assert cards(client, call) == []
    assert server.connections == []


def test_opening_a_chart_without_an_operation_asks_only_where_one_could_be_planned(
    client: FlaskClient, server: FakeServer
) -> None:
    assert cards(client, bare("patient-view", server)) == []
    assert sorted(server.types) == types(PLANNED_IN)


def test_opening_a_chart_with_an_operation_asks_for_the_rest(client: FlaskClient, server: FakeServer) -> None:
    planned = RUTH.order | {"status": "active"}
    server.chart.append(planned)
    assessment = answered(client, bare("patient-view", server, RUTH))
    assert assessment["planned_surgery"]["orders"] == [f"ServiceRequest/{planned['id']}"]
    assert sorted(server.types) == types(ALL_OPENED)
    assert sorted(server.types[:4]) == types(PLANNED_IN)


def test_opening_a_chart_that_shows_the_operation_asks_for_what_is_missing_at_once(
    client: FlaskClient, server: FakeServer
) -> None:
    call = call_of(RUTH, "patient-view", server, without("goals", "appointments"))
    assert len(cards(client, call)) == 1
    assert sorted(server.types) == ["Appointment", "Goal"]


def test_the_order_behind_an_appointment_is_looked_up(client: FlaskClient, server: FakeServer) -> None:
    server.chart.append(DANIEL.order | {"status": "active"})
    booked = {
        "resourceType": "Appointment", "id": "booked", "status": "proposed",
        "basedOn": [{"reference": f"ServiceRequest/{DANIEL.order['id']}"}],
        "participant": [{"actor": DANIEL.order["subject"]}],
    }  # fmt: skip
    call = bare("order-sign", server) | {"hook": "appointment-book"}
    del call["context"]["draftOrders"]
    call["context"]["appointments"] = {"resourceType": "Bundle", "entry": [{"resource": booked}]}
    assert answered(client, call)["planned_surgery"]["kind"] == "fusion"
    assert sorted(server.types) == types(LANES)
    del booked["basedOn"]
    before = len(server.asked)
    assert cards(client, call) == []
    assert len(server.asked) == before


def test_a_lane_of_which_some_came_under_a_key_of_the_clients_own_is_looked_up(
    client: FlaskClient, server: FakeServer
) -> None:
    call = call_of(DANIEL, "order-sign", server, without("procedures"))
    call["prefetch"]["procedureBundle"] = {"resourceType": "Bundle", "entry": [{"resource": one_of("procedures")}]}
    assert answered(client, call)["lanes"]["procedures"] == {"state": "complete", "count": 3}
    server.ways["Procedure"] = fake.status(403)
    lane = answered(client, call)["lanes"]["procedures"]
    assert (lane["state"], lane["why"]) == ("partial", "403; some came as 'procedureBundle'")


# ---- orders that are dispatched


def dispatched(server: FakeServer | None, *orders: str, sent: Json | None = None) -> Json:
    call = bare("order-sign", server) | {"hook": "order-dispatch", "prefetch": sent or {}}
    call["context"] = {"patientId": "daniel-osei", "dispatchedOrders": list(orders), "performer": "Organization/1"}
    return call


ORDER = f"ServiceRequest/{DANIEL.order['id']}"


def test_a_dispatched_order_is_read_by_its_reference(client: FlaskClient, server: FakeServer) -> None:
    server.chart.append(DANIEL.order | {"status": "active"})
    assessment = answered(client, dispatched(server, ORDER))
    assert assessment["planned_surgery"]["orders"] == [ORDER]
    assert server.asked[0].path == f"/fhir/r4/{ORDER}"
    assert sorted(server.types[1:]) == types(LANES)
    assert {assessment["lanes"][lane]["state"] for lane in LANES} == {"complete"}


def test_a_dispatched_order_is_read_also_where_the_ehr_had_none(client: FlaskClient, server: FakeServer) -> None:
    server.chart.append(DANIEL.order | {"status": "active"})
    assert answered(client, dispatched(server, ORDER, sent={"service_requests": None}))["planned_surgery"]
    assert "ServiceRequest" not in server.types[1:]


def test_a_dispatched_order_that_is_no_operation_ends_the_looking_up(client: FlaskClient, server: FakeServer) -> None:
    server.chart.append(DANIEL.order | {"status": "active", "code": ASPIRIN})
    assert cards(client, dispatched(server, ORDER)) == []
    assert server.types == ["ServiceRequest"]


def test_a_dispatched_order_of_another_patient_is_not_judged(client: FlaskClient, server: FakeServer) -> None:
    server.chart.append(DANIEL.order | {"status": "active", "subject": RUTH.order["subject"]})
    assert cards(client, dispatched(server, ORDER)) == []


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (fake.status(404), "404"),
        (fake.status(403), "403"),
        (fake.resource(fake.page()), "what came is of type Bundle, not ServiceRequest"),
        (fake.resource(DANIEL.order | {"id": "another"}), "another order came"),
        (fake.drop, "no answer"),
    ],
)
def test_orders_neither_sent_nor_to_be_had_are_412(
    client: FlaskClient, server: FakeServer, way: fake.Way, why: str
) -> None:
    server.ways["ServiceRequest"] = way
    response = client.post("/cds-services/second-opinion-order-dispatch", json=dispatched(server, ORDER))
    assert response.status_code == 412
    said = f"The dispatched orders {ORDER} were not sent, nor had from the EHR's server ({why}). Prefetch"
    assert said in response.get_json()["issue"][0]["diagnostics"]


def test_a_dispatched_order_on_a_server_that_is_not_on_the_list_is_412(server: FakeServer) -> None:
    with service(allowed=False) as (client, _):
        response = client.post("/cds-services/second-opinion-order-dispatch", json=dispatched(server, ORDER))
    assert response.status_code == 412
    assert "(the server is not on the list)" in response.text
    assert server.connections == []


def test_of_very_many_dispatched_orders_some_are_read(client: FlaskClient, server: FakeServer) -> None:
    call = dispatched(server, *(f"ServiceRequest/{number}" for number in range(200)))
    assert client.post("/cds-services/second-opinion-order-dispatch", json=call).status_code == 412
    assert len(server.asked) == 50


# ---- all at once


def test_nothing_begins_before_the_first_look_up(server: FakeServer) -> None:
    """The server parts into workers after it has made the application: threads would stay behind."""
    with service() as (client, _):
        before = threading.active_count()
        assert len(cards(client, call_of(DANIEL, "order-sign", server))) == 1
        assert (threading.active_count(), server.connections) == (before, [])


def test_lanes_are_looked_up_side_by_side(server: FakeServer) -> None:
    """No answer comes before all questions have."""
    all_asked = threading.Barrier(len(LANES))

    def with_the_others(server: FakeServer, handler: fake.Handler, asked: fake.Asked) -> None:
        all_asked.wait(fake.PATIENCE)
        fake.as_usual(server, handler, asked)

    server.ways = dict.fromkeys(TYPES.values(), with_the_others)
    with service(fake.PATIENCE) as (client, _):
        assessment = answered(client, bare("order-sign", server))
    assert {assessment["lanes"][lane]["state"] for lane in LANES} == {"complete"}


def test_what_was_in_time_is_kept_when_another_lane_is_late(server: FakeServer) -> None:
    server.ways["Goal"] = fake.hang
    with service(3.0) as (client, _):  # in which all the others come
        assessment = answered(client, bare("order-sign", server))
    states = {lane: assessment["lanes"][lane]["state"] for lane in LANES}
    assert states == dict.fromkeys(LANES, "complete") | {"goals": "unavailable"}


def test_a_call_tells_how_many_lanes_were_looked_up_and_for_how_long(server: FakeServer) -> None:
    server.ways["Goal"] = fake.slow(0.05)
    with service() as (_, look_up):
        assert read(call_of(DANIEL, "order-sign", server), look_up).looked_up == LookedUp()
        some = read(call_of(DANIEL, "order-sign", server, without("goals", "consents")), look_up).looked_up
        assert (some.lanes, some.warm) == (2, 0)
        assert some.milliseconds >= 50
        opened = read(bare("patient-view", server, RUTH), look_up).looked_up
        assert opened.lanes == len(ALL_OPENED)


def test_many_calls_at_once_never_mix_two_patients(client: FlaskClient, server: FakeServer) -> None:
    usual = {person.id: answered(client, call_of(person, "order-sign", None)) for person in (DANIEL, RUTH)}
    calls = [
        (person, bare(hook, server, person)) for hook in ("order-select", "order-sign") for person in (DANIEL, RUTH)
    ]

    def answer(number: int) -> tuple[str, Json]:
        person, call = calls[number % len(calls)]
        return person.id, answered(client.application.test_client(), call)

    with ThreadPoolExecutor(6) as threads:
        for person, assessment in threads.map(answer, range(40)):
            assert assessment == usual[person]


def test_listeners_are_told_of_each_look_up_how_long_it_took(server: FakeServer) -> None:
    times: list[float] = []
    server.ways["Goal"] = fake.slow(0.05)
    with closing(LookUp(10)) as look_up:
        client = create_app(
            BASE, lambda: TODAY, listeners=Listeners(looked_up=(times.append,)), look_up=look_up,
            allowed=lambda caller, address: True,
        ).test_client()  # fmt: skip
        answered(client, call_of(DANIEL, "order-sign", server))
        assert times == []
        answered(client, call_of(DANIEL, "order-sign", server, without("goals")))
    (seconds,) = times
    assert 0.05 <= seconds < 10


# ---- whose servers


def test_a_token_goes_to_the_servers_that_the_trust_file_lists_for_the_client_that_calls(
    server: FakeServer, tmp_path: Path
) -> None:
    signer, path = Signer(), "/cds-services/second-opinion-order-sign"
    (tmp_path / "ehr.jwks.json").write_bytes(jwks(signer))
    trust = read_trust(write_trust(tmp_path, f'jwks_file = "ehr.jwks.json"\nfhir_servers = ["{server.url}/"]'))
    with closing(LookUp(10)) as look_up, fhir_server(chart_of(DANIEL)) as elsewhere:
        journal = open_journal(f"sqlite:///{tmp_path / 'journal.sqlite3'}", "a secret of these tests alone")
        gate = Gate(trust, journal.tokens.spend)
        gated = create_app(BASE, lambda: TODAY, gate=gate, look_up=look_up).test_client()
        anybody = create_app(BASE, lambda: TODAY, look_up=look_up).test_client()
        for client, asked, why in (
            (gated, server, None),
            (gated, elsewhere, "the server is not on the list"),
            (anybody, elsewhere, "the server is not on the list"),
        ):
            call = call_of(DANIEL, "order-sign", asked, without("procedures"))
            (card,) = client.post(path, json=call, headers=signer.bearer(path)).get_json()["cards"]
            lanes = card["extension"]["org.second-opinion.assessment"]["lanes"]
            assert lanes["procedures"].get("why") == why
    assert server.types == ["Procedure"]
    assert elsewhere.connections == []


# ---- run-ahead


@pytest.mark.parametrize("before", ["order-select", "patient-view"])
def test_lanes_read_for_a_hook_before_are_warm_when_the_order_is_signed(server: FakeServer, before: str) -> None:
    server.chart.append(RUTH.order | {"id": "open", "status": "active"})
    with service() as (_, look_up):
        read(bare(before, server, RUTH), look_up)
        server.asked.clear()
        signed = read(bare("order-sign", server, RUTH), look_up)
        assert signed.looked_up.warm == len(LANES) - 1
    # What was ordered since must count, so orders are read anew.
    assert server.types == ["ServiceRequest"]
    assert all(signed.record[lane].complete for lane in LANES)


@pytest.mark.parametrize("hook", ["order-sign", "appointment-book"])
def test_other_hooks_leave_nothing_warm(server: FakeServer, hook: str) -> None:
    call = bare("order-sign", server) | {"hook": hook}
    call["context"]["appointments"] = {"resourceType": "Bundle", "entry": [{"resource": booked_for_daniel()}]}
    with service() as (_, look_up):
        assert read(call, look_up).looked_up.lanes == len(LANES)
        assert read(bare("order-sign", server), look_up).looked_up.warm == 0


def booked_for_daniel() -> Json:
    participants = [{"actor": DANIEL.order["subject"]}]
    booked = {"resourceType": "Appointment", "id": "b", "status": "proposed", "participant": participants}
    return booked | {"serviceType": [DANIEL.order["code"]]}


def another_user(call: Json) -> None:
    call["context"]["userId"] = "Practitioner/somebody-else"


def another_token(call: Json) -> None:
    call["fhirAuthorization"]["access_token"] = "canary-2"  # noqa: S105


def no_token(call: Json) -> None:
    del call["fhirAuthorization"]


def another_server(call: Json) -> None:
    call["fhirServer"] += "/"


def another_patient(call: Json) -> None:
    call["context"]["patientId"] = "ruth-keller"
    call["context"]["draftOrders"]["entry"][0]["resource"] = deepcopy(RUTH.order)


@pytest.mark.parametrize("change", [another_user, another_token, no_token, another_server, another_patient])
def test_warm_lanes_are_for_the_same_server_user_patient_and_token(server: FakeServer, change: Any) -> None:
    with service() as (_, look_up):
        read(bare("order-select", server), look_up)
        call = bare("order-sign", server)
        change(call)
        signed = read(call, look_up).looked_up
        assert (signed.warm, signed.lanes) == (0, len(LANES))


def test_lanes_are_warm_for_a_while_only(server: FakeServer) -> None:
    with service(warm=WarmLanes(seconds=0.05)) as (_, look_up):
        read(bare("order-select", server), look_up)
        time.sleep(0.1)
        assert read(bare("order-sign", server), look_up).looked_up.warm == 0


def test_a_lane_that_could_not_be_had_whole_is_asked_for_again(server: FakeServer) -> None:
    server.ways |= {"Goal": fake.status(403), "Procedure": fake.pages(fake.page(), then=fake.status(404))}
    with service() as (_, look_up):
        read(bare("order-select", server), look_up)
        server.ways, server.asked = {}, []
        signed = read(bare("order-sign", server), look_up)
    assert sorted(server.types) == ["Goal", "Procedure", "ServiceRequest"]
    assert all(signed.record[lane].complete for lane in LANES)


def test_what_came_by_prefetch_is_not_kept(server: FakeServer) -> None:
    link = [{"relation": "next", "url": f"{server.url}/Procedure?page=1"}]
    server.ways["Procedure"] = fake.resource(fake.page())
    with service() as (_, look_up):
        sent = {"procedures": fake.page(one_of("procedures")) | {"link": link}}
        assert read(call_of(DANIEL, "order-select", server, sent), look_up).looked_up.lanes == 1
        assert read(bare("order-sign", server), look_up).looked_up.warm == 0


def test_warm_lanes_take_no_more_memory_than_they_may() -> None:
    warm = WarmLanes(most=100)
    warm.keep("order-select", b"1", {"goals": Fetched((b"x" * 101,)), "consents": Fetched((b"x" * 60,))})
    warm.keep("order-select", b"2", {"consents": Fetched((b"x" * 70,))})
    assert warm.of("order-sign", b"1", ["goals", "consents"]) == {}
    assert warm.of("order-sign", b"2", ["goals", "consents"]) == {"consents": Fetched((b"x" * 70,))}
