"""The CDS Hooks services over HTTP: discovery, what a call must hold, which orders get a card, and every error."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.servicerequest import ServiceRequest
from flask import Blueprint
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json
from teaching_calls import hook_call
from werkzeug.test import TestResponse

from fixtures.teaching import PATIENTS, teaching_patients
from plugin.app import BODY_MOST, create_app
from second_opinion.data_needs import LANES, prefetch_templates
from second_opinion.rules import RULES
from second_opinion.site import read_site

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
BASE = "https://second-opinion.example"
HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")
SENDING = HOOKS[1:]  # the hooks that say themselves which operation they are about
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}
SIGN = "/cds-services/second-opinion-order-sign"
CANARY = "Zebulon-Quackenbush"


def new_client(today: Callable[[], date] = lambda: TODAY) -> FlaskClient:
    return create_app(BASE, today=today).test_client()


@pytest.fixture
def client() -> FlaskClient:
    """A new service: it has shown no card yet."""
    return new_client()


def call_of(patient: str, hook: str) -> Json:
    """A complete call about a teaching patient, the test's own to change."""
    return deepcopy(hook_call(TEACHING[patient], hook))


def failed_fusion(hook: str = "order-sign") -> Json:
    """A call that gets a warning, whatever of its chart is left out: its order's reason says enough."""
    return call_of("failed-fusion", hook)


def order_in(call: Json) -> Json:
    order: Json = call["context"]["draftOrders"]["entry"][0]["resource"]
    return order


def appointment_in(call: Json) -> Json:
    booked: Json = call["context"]["appointments"]["entry"][0]["resource"]
    return booked


def dispatched_in(call: Json) -> Json:
    """The dispatched order, as the chart that came along has it."""
    order: Json = call["prefetch"]["service_requests"]["entry"][-1]["resource"]
    return order


def planned_in(card: Json) -> Json:
    planned: Json = card["extension"]["org.second-opinion.assessment"]["planned_surgery"]
    return planned


def other_order(of: Json, **changes: Any) -> Json:
    return deepcopy(of) | {"id": "another", **changes}


def send(client: FlaskClient, call: Any, service: str = "") -> TestResponse:
    return client.post(f"/cds-services/{service or 'second-opinion-' + call['hook']}", json=call)


def cards(client: FlaskClient, call: Json) -> list[Json]:
    response = send(client, call)
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/json"
    shown: list[Json] = response.get_json()["cards"]
    return shown


def lanes(client: FlaskClient, call: Json) -> Json:
    (card,) = cards(client, call)
    read: Json = card["extension"]["org.second-opinion.assessment"]["lanes"]
    return read


def problem(response: TestResponse) -> str:
    """What the OperationOutcome of an error says; it must be valid FHIR R4."""
    assert response.mimetype == "application/fhir+json"
    outcome = OperationOutcome.model_validate(response.get_json())
    (issue,) = outcome.issue
    assert issue.severity == "error"
    return str(issue.diagnostics)


def changed(call: Json, *path: str | int, to: Any) -> Json:
    """A copy with one member set, or left out when `to` is `...`."""
    copy = deepcopy(call)
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return copy


# ---- discovery


def test_discovery_lists_one_service_a_hook_each_under_its_own_id(client: FlaskClient) -> None:
    response = client.get("/cds-services")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    services = response.get_json()["services"]
    assert [service["hook"] for service in services] == list(HOOKS)
    assert [service["id"] for service in services] == [f"second-opinion-{hook}" for hook in HOOKS]
    for service in services:
        assert service["title"] and service["description"]
        assert "prefetch" in service["usageRequirements"]


def test_every_service_listed_answers_at_its_id(client: FlaskClient) -> None:
    for service in client.get("/cds-services").get_json()["services"]:
        call = failed_fusion(service["hook"])
        assert send(client, call, service["id"]).status_code == 200


@pytest.mark.parametrize("hook", HOOKS)
def test_prefetch_templates_keep_to_what_every_ehr_can_fill(client: FlaskClient, hook: str) -> None:
    (service,) = [each for each in client.get("/cds-services").get_json()["services"] if each["hook"] == hook]
    assert set(service["prefetch"]) <= set(LANES)
    for lane, template in service["prefetch"].items():
        assert re.findall(r"\{\{(.*?)\}\}", template) == ["context.patientId"]
        assert re.sub(r"\{\{.*?\}\}", "", template).isascii()
        assert "{" not in re.sub(r"\{\{.*?\}\}", "", template)
        assert "date=" not in template
        if lane == "patient":
            assert template == "Patient/{{context.patientId}}"
        else:
            assert re.match(r"[A-Z]\w+\?patient=\{\{context\.patientId\}\}&", template)
            assert "_count=" in template
            assert set(re.findall(r"[?&](\w+)=", template)) <= {"patient", "code", "_include", "_count"}


# ---- 'Why am I seeing this?'


@pytest.mark.parametrize("today", [TODAY, date(2020, 1, 1)], ids=["today", "before any limit was set"])
def test_the_why_page_explains_every_rule_without_signing_in(today: date) -> None:
    response = new_client(lambda: today).get("/why")
    assert response.status_code == 200
    for name, rule in RULES.items():
        assert f'id="{name}"' in response.text
        assert rule.PAGE["question"] in response.text
    assert "https://doi.org/10.1302/0301-620X.105B4.BJJ-2022-0704.R1" in response.text


def test_the_why_page_brings_its_own_style(client: FlaskClient) -> None:
    (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', client.get("/why").text)
    with client.get(style) as response:
        assert response.status_code == 200


# ---- CORS and errors, whatever went wrong


def too_long(client: FlaskClient) -> TestResponse:
    return client.post(SIGN, data=b" " * (BODY_MOST + 1), content_type="application/json")


def chunked_too_long(client: FlaskClient) -> TestResponse:
    """A body of unknown length, as servers hand on what comes in chunks (ours tells the length)."""
    return client.post(
        SIGN,
        input_stream=BytesIO(b" " * (BODY_MOST + 1)),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def orders_not_sent(client: FlaskClient) -> TestResponse:
    return send(client, changed(failed_fusion("order-dispatch"), "prefetch", "service_requests", to=...))


def out_of_order(client: FlaskClient) -> TestResponse:
    def broken() -> date:
        raise LookupError(f"no day for {CANARY}")

    return new_client(broken).post(SIGN, json=failed_fusion(), headers={"Origin": "https://ehr.example"})


ANSWERS: dict[str, tuple[int, Callable[[FlaskClient], TestResponse]]] = {
    "discovery": (200, lambda client: client.get("/cds-services")),
    "a card": (200, lambda client: send(client, failed_fusion())),
    "malformed": (400, lambda client: client.post(SIGN, data="{", content_type="application/json")),
    "unknown service": (404, lambda client: client.post("/cds-services/second-opinion-nothing", json={})),
    "unknown path": (404, lambda client: client.get("/nothing/here")),
    "feedback without a journal": (503, lambda client: client.post(f"{SIGN}/feedback", json={"feedback": []})),
    "GET of a service": (405, lambda client: client.get(SIGN)),
    "POST to discovery": (405, lambda client: client.post("/cds-services", json={})),
    "orders not sent": (412, orders_not_sent),
    "too long": (413, too_long),
    "too long, in chunks": (413, chunked_too_long),
    "not JSON by its type": (415, lambda client: client.post(SIGN, data="a=b", content_type="text/plain")),
    "out of order": (500, out_of_order),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_cors_headers(name: str) -> None:
    status, ask = ANSWERS[name]
    browser = new_client()
    browser.environ_base["HTTP_ORIGIN"] = "https://ehr.example"
    response = ask(browser)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] in ("*", "https://ehr.example")


@pytest.mark.parametrize("name", [name for name, (status, _) in ANSWERS.items() if status >= 400])
def test_every_error_is_an_operation_outcome(client: FlaskClient, name: str) -> None:
    status, ask = ANSWERS[name]
    response = ask(client)
    assert response.status_code == status
    assert problem(response)


@pytest.mark.parametrize("path", ["/cds-services", *(f"/cds-services/second-opinion-{hook}" for hook in HOOKS)])
def test_a_preflight_is_answered_without_signing_in_and_without_a_body(client: FlaskClient, path: str) -> None:
    asked = {
        "Origin": "https://ehr.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    response = client.options(path, headers=asked)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] in ("*", "https://ehr.example")
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed and "content-type" in allowed
    assert {"GET", "POST"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))


def test_an_unknown_service_is_404_and_says_where_the_list_is(client: FlaskClient) -> None:
    assert "GET /cds-services" in problem(client.post("/cds-services/second-opinion-nothing", json={}))


def test_405_names_the_methods_that_would_do(client: FlaskClient) -> None:
    assert "POST" in client.get(SIGN).headers["Allow"]


def test_a_body_of_another_type_is_415_and_says_which_type_to_send(client: FlaskClient) -> None:
    assert "application/json" in problem(client.post(SIGN, data="a=b", content_type="text/plain"))


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/fhir+json", None])
def test_json_is_read_by_any_of_its_names_and_by_none(client: FlaskClient, content_type: str | None) -> None:
    body = json.encode(failed_fusion())
    assert len(client.post(SIGN, data=body, content_type=content_type).get_json()["cards"]) == 1


def test_the_largest_body_allowed_is_read(client: FlaskClient) -> None:
    body = json.encode(failed_fusion())
    response = client.post(SIGN, data=body + b" " * (BODY_MOST - len(body)), content_type="application/json")
    assert response.status_code == 200


def test_an_unexpected_error_says_nothing_of_the_chart_nor_of_our_code(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> date:
        raise LookupError(f"no day for {CANARY}")

    call = failed_fusion()
    call["context"]["patientId"] = call["prefetch"]["patient"]["id"] = CANARY
    order_in(call)["code"]["text"] = f"Lumbar fusion for {CANARY}"
    response = send(new_client(broken), call)
    assert response.status_code == 500
    assert "logged" in problem(response)
    captured = capfd.readouterr()
    for said in (response.text, caplog.text, captured.out, captured.err):
        assert CANARY not in said
        assert "Traceback" not in said
    assert "LookupError" not in response.text


def test_nothing_of_a_patient_is_logged_when_all_goes_well(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    for name in PATIENTS:
        for hook in HOOKS:
            cards(client, call_of(name, hook))
    captured = capfd.readouterr()
    for said in (caplog.text, captured.out, captured.err):
        assert "ruth" not in said.lower()


# ---- malformed calls

MISSING: Any = ...
WRONG: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    ("order-sign", ("hook",), MISSING, "hook"),
    ("order-sign", ("hook",), None, "$.hook"),
    ("order-sign", ("hook",), 5, "$.hook"),
    ("order-sign", ("hook",), "", "$.hook"),
    ("order-sign", ("hook",), "order-select", "$.hook"),
    ("order-sign", ("hook",), "order-dispatch", "$.hook"),
    ("order-sign", ("hookInstance",), MISSING, "hookInstance"),
    ("order-sign", ("hookInstance",), 5, "$.hookInstance"),
    ("order-sign", ("hookInstance",), None, "$.hookInstance"),
    ("order-sign", ("context",), MISSING, "context"),
    ("order-sign", ("context",), None, "$.context"),
    ("order-sign", ("context",), [], "$.context"),
    ("order-sign", ("context",), "x", "$.context"),
    ("order-sign", ("context",), {}, "$.context"),
    ("patient-view", ("context", "patientId"), MISSING, "patientId"),
    ("order-sign", ("context", "patientId"), None, "$.context.patientId"),
    ("order-sign", ("context", "patientId"), 5, "$.context.patientId"),
    ("order-sign", ("context", "patientId"), " ", "$.context.patientId"),
    ("patient-view", ("context", "userId"), MISSING, "userId"),
    ("order-sign", ("context", "userId"), ["Practitioner/1"], "$.context.userId"),
    ("order-sign", ("context", "userId"), "", "$.context.userId"),
    ("order-sign", ("context", "encounterId"), 5, "$.context.encounterId"),
    ("order-sign", ("context", "draftOrders"), MISSING, "draftOrders"),
    ("order-select", ("context", "draftOrders"), MISSING, "draftOrders"),
    ("order-sign", ("context", "draftOrders"), None, "$.context.draftOrders"),
    ("order-sign", ("context", "draftOrders"), [], "$.context.draftOrders"),
    ("order-sign", ("context", "draftOrders"), {"entry": []}, "$.context.draftOrders"),
    ("order-sign", ("context", "draftOrders"), {"resourceType": "ServiceRequest"}, "$.context.draftOrders"),
    ("order-sign", ("context", "draftOrders"), {"resourceType": 5}, "$.context.draftOrders"),
    ("order-select", ("context", "selections"), MISSING, "selections"),
    ("order-select", ("context", "selections"), None, "$.context.selections"),
    ("order-select", ("context", "selections"), "ServiceRequest/1", "$.context.selections"),
    ("order-select", ("context", "selections"), ["ServiceRequest/1", 5], "$.context.selections[1]"),
    ("appointment-book", ("hook",), "order-sign", "$.hook"),
    ("appointment-book", ("context", "patientId"), MISSING, "patientId"),
    ("appointment-book", ("context", "userId"), MISSING, "userId"),
    ("appointment-book", ("context", "appointments"), MISSING, "appointments"),
    ("appointment-book", ("context", "appointments"), None, "$.context.appointments"),
    ("appointment-book", ("context", "appointments"), [], "$.context.appointments"),
    ("appointment-book", ("context", "appointments"), {"resourceType": "Appointment"}, "$.context.appointments"),
    ("order-dispatch", ("context", "patientId"), MISSING, "patientId"),
    ("order-dispatch", ("context", "patientId"), " ", "$.context.patientId"),
    ("order-dispatch", ("context", "userId"), 5, "$.context.userId"),
    ("order-dispatch", ("context", "dispatchedOrders"), MISSING, "$.context.dispatchedOrders"),
    ("order-dispatch", ("context", "dispatchedOrders"), None, "$.context.dispatchedOrders"),
    ("order-dispatch", ("context", "dispatchedOrders"), [], "$.context.dispatchedOrders"),
    ("order-dispatch", ("context", "dispatchedOrders"), [""], "$.context.dispatchedOrders"),
    ("order-dispatch", ("context", "dispatchedOrders"), "ServiceRequest/1", "$.context.dispatchedOrders"),
    ("order-dispatch", ("context", "dispatchedOrders"), ["ServiceRequest/1", 5], "$.context.dispatchedOrders[1]"),
    ("order-dispatch", ("context", "order"), ["ServiceRequest/1"], "$.context.order"),
    ("order-sign", ("hookInstance",), " ", "$.hookInstance"),
    ("order-sign", ("prefetch",), [], "$.prefetch"),
    ("order-sign", ("prefetch",), "x", "$.prefetch"),
    ("order-sign", ("fhirServer",), 5, "$.fhirServer"),
    ("order-sign", ("fhirAuthorization",), "token", "$.fhirAuthorization"),
    ("order-sign", ("fhirAuthorization",), {"access_token": "x"}, "$.fhirServer"),
]


@pytest.mark.parametrize(("hook", "path", "value", "place"), WRONG)
def test_a_malformed_call_is_400_and_the_answer_names_the_place(
    client: FlaskClient, hook: str, path: tuple[str | int, ...], value: Any, place: str
) -> None:
    call = changed(failed_fusion(hook), *path, to=value)
    response = send(client, call, f"second-opinion-{hook}")
    assert response.status_code == 400
    assert place in problem(response)


def test_order_select_without_its_members_is_400_as_some_clients_send_it(client: FlaskClient) -> None:
    call = failed_fusion("order-select")
    del call["context"]["selections"], call["context"]["draftOrders"]
    assert send(client, call).status_code == 400


def test_a_call_for_another_hook_is_400_and_says_which_hook_belongs_here(client: FlaskClient) -> None:
    said = problem(send(client, failed_fusion("order-sign"), "second-opinion-order-select"))
    assert "order-select" in said and "order-sign" in said


NOT_JSON: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "only blanks": (b" \n ", "empty"),
    "cut off": (json.encode(failed_fusion())[:-9], "not valid JSON"),
    "NaN": (json.encode(failed_fusion()).replace(b'"value":52', b'"value":NaN'), "not valid JSON"),
    "two values": (json.encode(failed_fusion()) + b"{}", "not valid JSON"),
    "a form": (b"hook=order-sign", "not valid JSON"),
    "a list": (b"[]", "(at $)"),
    "a number": (b"7", "(at $)"),
    "null": (b"null", "(at $)"),
    "UTF-16": (json.encode(failed_fusion()).decode().encode("utf-16"), "not valid JSON"),
    "very deep": (b'{"context":' + b"[" * 100_000, "deep"),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_object_is_400_and_says_so(client: FlaskClient, name: str) -> None:
    body, said = NOT_JSON[name]
    response = client.post(SIGN, data=body, content_type="application/json")
    assert response.status_code == 400
    assert said in problem(response)


@pytest.mark.parametrize("place", [b"Lumbar fusion L5-S1", b"Ruth", b"order-sign"])
def test_a_call_or_its_orders_that_are_not_utf8_are_400(client: FlaskClient, place: bytes) -> None:
    body = json.encode(failed_fusion()).replace(place, b"Lumbar fusion \xfc")
    response = client.post(SIGN, data=body, content_type="application/json")
    assert response.status_code == 400
    assert "UTF-8" in problem(response)


def test_a_part_of_the_chart_that_is_not_utf8_is_unavailable_and_the_rest_is_read(client: FlaskClient) -> None:
    body = json.encode(failed_fusion())
    place = b"Lumbar fusion L4-5"
    assert body.count(place) == 1
    body = body.replace(place, b"Lumbar fusion \xfc")
    response = client.post(SIGN, data=body, content_type="application/json")
    assert response.status_code == 200
    (card,) = response.get_json()["cards"]
    read = card["extension"]["org.second-opinion.assessment"]["lanes"]
    assert (read["procedures"]["state"], read["conditions"]["state"]) == ("unavailable", "complete")
    assert "UTF-8" in read["procedures"]["why"]


@pytest.mark.parametrize("depth", [*range(300, 340), *range(930, 1001)])
def test_bundles_in_bundles_and_deep_nesting_are_400_or_read_at_any_depth(client: FlaskClient, depth: int) -> None:
    call = failed_fusion()
    call["prefetch"]["procedures"] = call["context"]["draftOrders"] = "@"
    inner = '{"resourceType":"Bundle","entry":[{"resource":' * (depth // 3) + "null" + "}]}" * (depth // 3)
    odd = '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Procedure","code":5,"contained":'
    for deep in (inner, odd + "[" * depth + "]" * depth + "}}]}"):
        body = json.encode(call).replace(b'"procedures":"@"', b'"procedures":' + deep.encode())
        body = body.replace(b'"draftOrders":"@"', b'"draftOrders":{"resourceType":"Bundle"}')
        assert client.post(SIGN, data=body, content_type="application/json").status_code in (200, 400)


def test_a_number_beyond_all_bounds_never_loses_the_chart(client: FlaskClient) -> None:
    body = json.encode(failed_fusion()).replace(b'"value":52', b'"value":1e999')
    response = client.post(SIGN, data=body, content_type="application/json")
    assert response.status_code in (200, 400), response.text


# ---- taken as it comes


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every place inside some JSON, with what stands there."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from places(item, (*path, step))


def test_unknown_members_are_ignored_everywhere(client: FlaskClient) -> None:
    call = failed_fusion()
    for _, place in list(places(call)):
        if isinstance(place, dict):
            place["unknownMember"] = {"of": ["the", {"future": None}]}
    call["extension"] = {"davinci-crd.configuration": {"no-such-option": True}}
    assert len(cards(client, call)) == 1


@pytest.mark.parametrize("instance", ["not-a-uuid", "f399c67c-c703-11ea-af16-460231621f93"])
def test_any_hook_instance_is_taken_and_the_same_one_again(client: FlaskClient, instance: str) -> None:
    call = failed_fusion() | {"hookInstance": instance}
    assert len(cards(client, call)) == 1
    assert len(cards(client, call)) == 1


def test_ids_of_200_characters_are_taken(client: FlaskClient) -> None:
    long = ("e-z.0_" * 40)[:200]
    text = json.encode(failed_fusion()).decode()
    for name in ("ruth-keller", "ruth-order-22633", "ruth-encounter-1", "lena-ortiz"):
        text = text.replace(name, f"{name[:4]}{long}"[:200])
    (card,) = cards(client, json.decode(text))
    assert card["suggestions"][0]["actions"][0]["resource"]["basedOn"] == [
        {"reference": f"ServiceRequest/ruth{long[:-4]}"}
    ]


def test_a_patient_id_may_come_with_its_type(client: FlaskClient) -> None:
    call = changed(failed_fusion(), "context", "patientId", to="Patient/ruth-keller")
    (card,) = cards(client, call)
    assert card["suggestions"][0]["actions"][0]["resource"]["subject"] == {"reference": "Patient/ruth-keller"}


def test_what_browser_clients_really_send_gets_its_card(client: FlaskClient) -> None:
    call = failed_fusion()
    del call["context"]["draftOrders"]["type"]
    order_in(call).update(reasonCode=[], category={"coding": [{}]})
    order_in(call)["code"]["coding"].insert(0, {})
    call["fhirServer"] = "https://ehr.example/fhir"
    call["fhirAuthorization"] = {"access_token": ""}
    call["prefetch"]["serviceRequestBundle"] = {"resourceType": "Bundle", "type": "collection", "entry": []}
    assert [card["indicator"] for card in cards(client, call)] == ["warning"]


def test_an_order_without_a_code_that_we_know_gets_no_card(client: FlaskClient) -> None:
    codes: list[Json] = [{"coding": [{}]}, {}, {"coding": [{"system": "urn:x", "code": "1"}]}]
    for code in codes:
        call = failed_fusion()
        order_in(call)["code"] = code
        assert cards(client, call) == []


def test_half_a_character_in_one_text_loses_neither_the_call_nor_the_chart(client: FlaskClient) -> None:
    body = json.encode(failed_fusion() | {"extension": {"note": "@"}}).replace(b"@", rb"cut \ud83d")
    assert len(client.post(SIGN, data=body, content_type="application/json").get_json()["cards"]) == 1


def test_a_byte_order_mark_is_passed_over(client: FlaskClient) -> None:
    body = b"\xef\xbb\xbf" + json.encode(failed_fusion())
    assert client.post(SIGN, data=body, content_type="application/json").status_code == 200


def dates_in(call: Json) -> list[tuple[str | int, ...]]:
    return [path for path, value in places(call) if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value)]


@pytest.mark.parametrize("written", ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "0000-00-00", "2026-13-45"])
@pytest.mark.parametrize("hook", ["order-sign", "patient-view"])
def test_dates_that_stand_for_no_date_never_lose_the_chart(client: FlaskClient, hook: str, written: str) -> None:
    call = failed_fusion(hook)
    lost = [path for path in dates_in(call) if send(client, changed(call, *path, to=written)).status_code != 200]
    assert lost == []


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
INSIDE = [path for path, _ in places(failed_fusion()) if path]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(path=st.sampled_from(INSIDE), value=ANY_JSON)
def test_whatever_stands_in_a_call_is_answered_200_or_400(path: tuple[str | int, ...], value: Any) -> None:
    response = send(new_client(), changed(failed_fusion(), *path, to=value), "second-opinion-order-sign")
    assert response.status_code in (200, 400), response.text


# ---- prefetch: absent, null, an error, empty, in pages, somebody else's

KEYS = list(prefetch_templates("order-sign"))
REFUSED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "forbidden", "diagnostics": "403: not for you"}],
}
NO_RESULTS = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}


@pytest.mark.parametrize("key", KEYS)
def test_what_was_not_sent_is_unavailable(client: FlaskClient, key: str) -> None:
    lane = lanes(client, changed(failed_fusion(), "prefetch", key, to=...))[key]
    assert (lane["state"], lane["why"]) == ("unavailable", "not sent by the EHR")


@pytest.mark.parametrize("key", KEYS)
def test_null_is_searched_and_empty_but_a_patient_must_be_there(client: FlaskClient, key: str) -> None:
    lane = lanes(client, changed(failed_fusion(), "prefetch", key, to=None))[key]
    assert lane["state"] == ("unavailable" if key == "patient" else "complete")
    assert lane["count"] == 0


@pytest.mark.parametrize("key", KEYS)
def test_an_operation_outcome_is_unavailable_and_its_words_are_passed_on(client: FlaskClient, key: str) -> None:
    lane = lanes(client, changed(failed_fusion(), "prefetch", key, to=REFUSED))[key]
    assert lane["state"] == "unavailable"
    assert "403: not for you" in lane["why"]


@pytest.mark.parametrize("key", KEYS[1:])
def test_epics_outcome_in_an_empty_searchset_is_searched_and_empty(client: FlaskClient, key: str) -> None:
    entry = {"resource": NO_RESULTS, "search": {"mode": "outcome"}}
    found = {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [entry]}
    lane = lanes(client, changed(failed_fusion(), "prefetch", key, to=found))[key]
    assert lane == {"state": "complete", "count": 0}


@pytest.mark.parametrize("key", KEYS[1:])
@pytest.mark.parametrize(
    "more", [{"total": 9999}, {"link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]}]
)
def test_a_page_with_more_behind_it_is_partial(client: FlaskClient, key: str, more: Json) -> None:
    call = failed_fusion()
    call["prefetch"][key].update(more)
    assert lanes(client, call)[key]["state"] == "partial"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [5, "x", True, [], {}, {"error": "timed out"}, {"resourceType": "Bundle2"}])
def test_what_is_no_resource_is_unavailable_and_never_an_error(client: FlaskClient, key: str, value: Any) -> None:
    assert lanes(client, changed(failed_fusion(), "prefetch", key, to=value))[key]["state"] == "unavailable"


def test_a_chart_of_another_patient_is_never_used(client: FlaskClient) -> None:
    call = failed_fusion()
    call["prefetch"] = call_of("revision-order", "order-sign")["prefetch"]
    (card,) = cards(client, call)
    assert "priya" not in json.encode(card["suggestions"]).decode()
    read = card["extension"]["org.second-opinion.assessment"]["lanes"]
    assert {read[key]["state"] for key in ("patient", "procedures", "observations")} == {"unavailable"}
    assert "another patient" in read["procedures"]["why"]


def test_all_of_the_chart_may_come_under_the_clients_own_key_but_is_never_taken_as_all(client: FlaskClient) -> None:
    call = failed_fusion()
    call["prefetch"] = {"everything": TEACHING["failed-fusion"].chart}
    (card,) = cards(client, call)
    assert "16 months after lumbar fusion" in card["summary"]
    read = card["extension"]["org.second-opinion.assessment"]["lanes"]
    assert read["procedures"]["state"] == "partial"


# ---- which orders get a card


@pytest.mark.parametrize("name", PATIENTS)
@pytest.mark.parametrize("hook", HOOKS)
def test_every_teaching_patient_gets_the_card_it_promises(client: FlaskClient, name: str, hook: str) -> None:
    expected = TEACHING[name].expect[hook]
    found = [card["indicator"] for card in cards(client, call_of(name, hook))]
    assert found == ([expected] if expected else [])


def test_only_the_selected_orders_are_judged(client: FlaskClient) -> None:
    call = failed_fusion("order-select")
    knee = call_of("knee", "order-select")
    order = order_in(knee) | {"subject": {"reference": "Patient/ruth-keller"}}
    call["context"]["draftOrders"]["entry"].append({"resource": order})
    chosen = call["context"]["selections"]
    assert len(cards(client, call)) == 1
    call["context"]["selections"] = [f"ServiceRequest/{order['id']}"]
    assert cards(client, call) == []
    call["context"]["selections"] += chosen
    assert len(cards(client, call)) == 1


@pytest.mark.parametrize("selections", [[], ["ServiceRequest/nowhere"], ["MedicationRequest/ruth-order-22633"], ["x"]])
def test_selections_that_are_none_of_the_orders_get_no_card(client: FlaskClient, selections: list[str]) -> None:
    assert cards(client, changed(failed_fusion("order-select"), "context", "selections", to=selections)) == []


def test_a_selection_may_be_an_absolute_reference(client: FlaskClient) -> None:
    names = ["https://ehr.example/fhir/ServiceRequest/ruth-order-22633"]
    assert len(cards(client, changed(failed_fusion("order-select"), "context", "selections", to=names))) == 1


NOT_JUDGED = [
    {"status": "revoked"},
    {"status": "completed"},
    {"status": "entered-in-error"},
    {"doNotPerform": True},
    {"subject": {"reference": "Patient/somebody-else"}},
    {"identifier": [{"system": "urn:org.second-opinion:referral", "value": "1"}]},
    {"modifierExtension": [{"url": "https://example.org/not", "valueBoolean": True}]},
    {"priority": "stat"},
    {"priority": "asap"},
]


@pytest.mark.parametrize("changes", NOT_JUDGED)
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_orders_that_plan_no_operation_of_this_patient_now_get_no_card(
    client: FlaskClient, hook: str, changes: Json
) -> None:
    call = failed_fusion(hook)
    order_in(call).update(changes)
    assert cards(client, call) == []


def test_an_order_of_another_patient_does_not_hide_the_patients_own_and_is_reported(client: FlaskClient) -> None:
    call = failed_fusion()
    foreign = other_order(order_in(call), subject={"reference": "Patient/somebody-else"})
    call["context"]["draftOrders"]["entry"].append({"resource": foreign})
    (card,) = cards(client, call)
    assessment = card["extension"]["org.second-opinion.assessment"]
    assert assessment["planned_surgery"]["orders"] == ["ServiceRequest/ruth-order-22633"]
    assert "ServiceRequest/another" in json.encode(assessment["lanes"]).decode()


def test_an_urgent_order_is_softened_to_info(client: FlaskClient) -> None:
    call = failed_fusion()
    order_in(call)["priority"] = "urgent"
    assert [card["indicator"] for card in cards(client, call)] == ["info"]


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_set_is_one_card(client: FlaskClient, hook: str) -> None:
    call = failed_fusion(hook)
    codes = ("22612", "22614", "22840", "63047")
    orders = [other_order(order_in(call), id=f"order-{code}") for code in codes]
    for order, code in zip(orders, codes, strict=True):
        order["code"] = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": code}]}
    call["context"]["draftOrders"]["entry"] = [{"resource": order} for order in orders]
    if hook == "order-select":
        call["context"]["selections"] = [f"ServiceRequest/{order['id']}" for order in orders]
    (card,) = cards(client, call)
    planned = card["extension"]["org.second-opinion.assessment"]["planned_surgery"]
    assert planned["kind"] == "fusion"
    # 22614 and 22840 are add-on codes; whichever of the set count as operations, the card names them together.
    assert set(planned["orders"]) <= {f"ServiceRequest/order-{code}" for code in codes}
    assert {"ServiceRequest/order-22612", "ServiceRequest/order-63047"} <= set(planned["orders"])


# ---- the loop: our own referral, and the order signed again


def accepted(client: FlaskClient, call: Json, status: str) -> Json:
    """The referral that the call's card suggests, as the EHR has it once it is accepted."""
    (card,) = cards(client, call)
    draft: Json = card["suggestions"][0]["actions"][0]["resource"]
    return draft | {"id": "accepted", "status": status}


@pytest.mark.parametrize("status", ["draft", "active"])
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_own_referral_is_not_flagged_when_it_comes_back(client: FlaskClient, hook: str, status: str) -> None:
    call = failed_fusion(hook)
    referral = accepted(client, call, status)
    call["context"]["draftOrders"]["entry"].append({"resource": referral})
    assert cards(new_client(), call) == []
    del call["context"]["draftOrders"]["entry"][0]
    if hook == "order-select":
        call["context"]["selections"] = ["ServiceRequest/accepted"]
    assert cards(new_client(), call) == []


@pytest.mark.parametrize("status", ["draft", "active"])
@pytest.mark.parametrize("hook", HOOKS)
def test_own_referral_in_the_chart_means_no_second_card(client: FlaskClient, hook: str, status: str) -> None:
    call = failed_fusion(hook)
    found = call["prefetch"]["service_requests"]
    found["entry"].append({"resource": accepted(client, call, status)})
    found["total"] += 1
    assert cards(new_client(), call) == []


def test_an_order_signed_after_its_card_gets_no_second_card(client: FlaskClient) -> None:
    call = failed_fusion()
    assert len(cards(client, call)) == 1
    order_in(call)["status"] = "active"
    assert cards(client, call) == []


def test_who_signs_gets_a_card_though_somebody_else_had_one_for_that_order(client: FlaskClient) -> None:
    call = failed_fusion()
    order_in(call)["status"] = "active"
    surgeon = call["context"]["userId"]
    call["context"]["userId"] = "Practitioner/a-nurse"
    assert len(cards(client, call)) == 1
    call["context"]["userId"] = surgeon
    assert len(cards(client, call)) == 1
    assert cards(client, call) == []


def test_an_order_that_is_still_a_draft_gets_its_card_again(client: FlaskClient) -> None:
    call = failed_fusion()
    assert len(cards(client, call)) == len(cards(client, call)) == 1


def test_a_signed_order_that_had_no_card_yet_gets_one(client: FlaskClient) -> None:
    call = failed_fusion()
    order_in(call)["status"] = "active"
    assert len(cards(client, call)) == 1


def test_a_signed_order_of_the_same_id_at_another_server_or_of_another_patient_gets_its_card(
    client: FlaskClient,
) -> None:
    cards(client, failed_fusion())
    call = failed_fusion()
    order_in(call)["status"] = "active"
    assert len(cards(client, call | {"fhirServer": "https://other.example/fhir"})) == 1
    other = json.decode(json.encode(call).replace(b"ruth-keller", b"another-patient"))
    assert len(cards(client, other)) == 1


def test_a_signed_order_beside_one_without_a_card_gets_a_card(client: FlaskClient) -> None:
    call = failed_fusion()
    cards(client, call)
    order_in(call)["status"] = "active"
    call["context"]["draftOrders"]["entry"].append({"resource": other_order(order_in(call))})
    assert len(cards(client, call)) == 1


def test_another_operation_under_the_same_order_id_gets_its_own_card(client: FlaskClient) -> None:
    call = failed_fusion()
    cards(client, call)
    order_in(call).update(
        status="active", code={"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22804"}]}
    )
    assert len(cards(client, call)) == 1


def test_orders_without_an_id_are_never_taken_for_one_another(client: FlaskClient) -> None:
    call = failed_fusion()
    del order_in(call)["id"]
    assert len(cards(client, call)) == 1
    order_in(call).update(
        status="active", code={"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22551"}]}
    )
    assert len(cards(client, call)) == 1


def test_the_oldest_orders_are_forgotten_first(client: FlaskClient) -> None:
    call = failed_fusion()
    cards(client, call)
    crowd = deepcopy(call)
    entry = crowd["context"]["draftOrders"]["entry"]
    entry[:] = [{"resource": order_in(call) | {"id": str(number)}} for number in range(10_000)]
    assert len(cards(client, crowd)) == 1
    order_in(call)["status"] = "active"
    assert len(cards(client, call)) == 1


# ---- appointment-book


def booking(**changes: Any) -> Json:
    """The failed fusion's operation is booked; `...` leaves a member of the appointment out."""
    call = failed_fusion("appointment-book")
    booked = appointment_in(call)
    del booked["basedOn"]
    booked |= {"id": "booked", **changes}
    for name in [name for name, value in changes.items() if value is ...]:
        del booked[name]
    return call


CPT_FUSION = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22612"}]}
CPT_KNEE = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "27447"}]}
NAMED: dict[str, tuple[Json, str, str]] = {
    "serviceType": ({"serviceType": [CPT_FUSION], "reasonCode": ...}, "fusion", "code"),
    "a later serviceType": ({"serviceType": [{"text": "Surgery"}, CPT_FUSION], "reasonCode": ...}, "fusion", "code"),
    "serviceType in words": ({"serviceType": [{"text": "Lumbar fusion L4-5"}]}, "fusion", "text"),
    "reasonCode": ({"serviceType": ..., "reasonCode": [CPT_FUSION]}, "fusion", "code"),
    "reasonCode in words": ({"serviceType": ..., "reasonCode": [{"text": "Lumbar fusion"}]}, "fusion", "text"),
    "the order behind it": (
        {"serviceType": ..., "reasonCode": ..., "basedOn": [{"reference": "ServiceRequest/ruth-order-22633"}]},
        "fusion",
        "code",
    ),
    "a contained order": (
        {
            "serviceType": ...,
            "contained": [{"resourceType": "ServiceRequest", "id": "inside", "status": "active", "code": CPT_FUSION}],
            "basedOn": [{"reference": "#inside"}],
        },
        "fusion",
        "code",
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_an_operation_booked_is_known_by_whatever_names_it(client: FlaskClient, name: str) -> None:
    changes, kind, by = NAMED[name]
    (card,) = cards(client, booking(**changes))
    planned = planned_in(card)
    assert (planned["kind"], planned["by"], planned["orders"]) == (kind, by, ["Appointment/booked"])
    assert card["indicator"] == "warning"
    assert "(Appointment/booked)" in card["detail"]


def test_an_appointments_own_words_win_over_the_order_behind_it(client: FlaskClient) -> None:
    decompression = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "63047"}]}
    behind = [{"reference": "ServiceRequest/ruth-order-22633"}]
    (card,) = cards(client, booking(serviceType=[decompression], basedOn=behind))
    assert planned_in(card)["kind"] == "decompression"


@pytest.mark.parametrize("status", ["proposed", "pending", "booked"])
def test_an_operation_that_is_still_to_come_gets_a_card(client: FlaskClient, status: str) -> None:
    assert len(cards(client, booking(status=status))) == 1


NOT_BOOKED = [
    {"status": "cancelled"},
    {"status": "noshow"},
    {"status": "fulfilled"},
    {"status": "entered-in-error"},
    {"serviceType": [CPT_KNEE]},
    {"serviceType": [{"text": "Follow-up after surgery"}]},
    {"serviceType": ...},
    {"serviceType": ..., "basedOn": [{"reference": "ServiceRequest/nowhere"}]},
    {"serviceType": ..., "basedOn": [{"reference": "Patient/ruth-keller"}]},
    {"participant": [{"actor": {"reference": "Patient/somebody-else"}}]},
    {"modifierExtension": [{"url": "https://example.org/not", "valueBoolean": True}]},
]


@pytest.mark.parametrize("changes", NOT_BOOKED)
def test_an_appointment_for_no_operation_of_this_patient_gets_no_card(client: FlaskClient, changes: Json) -> None:
    """Although the chart holds an open order: booking is judged by what is booked."""
    assert cards(client, booking(**changes)) == []


def test_no_appointment_gets_no_card(client: FlaskClient) -> None:
    assert cards(client, changed(booking(), "context", "appointments", "entry", to=...)) == []


def test_of_several_appointments_those_still_to_come_are_one_card(client: FlaskClient) -> None:
    call = booking()
    for name, status in (("second", "proposed"), ("third", "cancelled")):
        another = deepcopy(appointment_in(call)) | {"id": name, "status": status}
        call["context"]["appointments"]["entry"].append({"resource": another})
    (card,) = cards(client, call)
    assert planned_in(card)["orders"] == ["Appointment/booked", "Appointment/second"]


def test_a_referral_is_never_based_on_an_appointment_since_fhir_allows_none(client: FlaskClient) -> None:
    (card,) = cards(client, booking())
    for suggestion in card["suggestions"]:
        assert "basedOn" not in suggestion["actions"][0]["resource"]


def test_an_appointment_booked_again_gets_its_card_again(client: FlaskClient) -> None:
    assert len(cards(client, booking(status="booked"))) == len(cards(client, booking(status="booked"))) == 1


# ---- order-dispatch


def dispatch(*names: str, **changes: Any) -> Json:
    """The failed fusion's order goes out, or orders named otherwise; `changes` are those of the order in the chart."""
    call = failed_fusion("order-dispatch")
    dispatched_in(call).update(changes)
    if names:
        call["context"]["dispatchedOrders"] = list(names)
    return call


FUSION_ORDER = "ServiceRequest/ruth-order-22633"


@pytest.mark.parametrize(
    "name",
    [FUSION_ORDER, f"https://ehr.example/fhir/{FUSION_ORDER}", f"{FUSION_ORDER}/_history/2"],
    ids=["relative", "absolute", "versioned"],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_dispatched_order_gets_its_card_by_either_version_of_the_hook(
    client: FlaskClient, version: str, name: str
) -> None:
    call = dispatch(name)
    if version == "1.0":
        del call["context"]["dispatchedOrders"]
        call["context"] |= {"order": name, "task": {"resourceType": "Task"}}
    (card,) = cards(client, call)
    assert card["indicator"] == "warning"
    assert planned_in(card)["orders"] == [FUSION_ORDER]
    order = card["suggestions"][0]["actions"][0]["resource"]
    assert order["basedOn"] == [{"reference": FUSION_ORDER}]
    assert "requester" not in order  # the hook names no user


def test_an_order_known_by_a_uuid_alone_is_found(client: FlaskClient) -> None:
    call = dispatch("urn:uuid:9a2c61f0-26b4-4f4b-8f1d-6f2a9f4f3f11")
    order = dispatched_in(call)
    del order["id"]
    call["prefetch"]["service_requests"]["entry"][-1]["fullUrl"] = call["context"]["dispatchedOrders"][0]
    assert len(cards(client, call)) == 1


def test_an_order_sent_under_the_clients_own_key_is_found(client: FlaskClient) -> None:
    call = dispatch()
    call["prefetch"]["dispatched"] = call["prefetch"].pop("service_requests")
    assert len(cards(client, call)) == 1


NOT_THERE: dict[str, Any] = {
    "not sent": ...,
    "null": None,
    "refused": REFUSED,
    "found nothing": {"resourceType": "Bundle", "type": "searchset", "total": 0},
    "something else": {"resourceType": "Patient", "id": "ruth-keller"},
}


@pytest.mark.parametrize("name", NOT_THERE)
def test_a_dispatched_order_that_was_not_prefetched_is_412_and_is_named(client: FlaskClient, name: str) -> None:
    response = send(client, changed(dispatch(), "prefetch", "service_requests", to=NOT_THERE[name]))
    assert response.status_code == 412
    said = problem(response)
    assert FUSION_ORDER in said and "service_requests" in said
    assert response.get_json()["issue"][0]["code"] == "required"


@pytest.mark.parametrize("prefetch", [None, {}, ...])
def test_a_dispatch_without_any_prefetch_is_412(client: FlaskClient, prefetch: Any) -> None:
    assert send(client, changed(dispatch(), "prefetch", to=prefetch)).status_code == 412


def test_of_several_dispatched_orders_only_the_missing_one_is_named(client: FlaskClient) -> None:
    response = send(client, dispatch(FUSION_ORDER, "ServiceRequest/nowhere"))
    assert response.status_code == 412
    said = problem(response)
    assert "ServiceRequest/nowhere" in said and FUSION_ORDER not in said


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_where_only_medicines_are_dispatched_there_is_nothing_to_judge(client: FlaskClient, version: str) -> None:
    call = dispatch("MedicationRequest/1", "MedicationRequest/2")
    if version == "1.0":
        call["context"]["order"] = call["context"].pop("dispatchedOrders")[0]
    assert cards(client, call) == []
    assert cards(client, changed(call, "prefetch", to=...)) == []


def test_a_medicine_dispatched_along_changes_nothing(client: FlaskClient) -> None:
    assert len(cards(client, dispatch("MedicationRequest/1", FUSION_ORDER))) == 1


def test_only_what_is_dispatched_is_judged(client: FlaskClient) -> None:
    call = dispatch("ServiceRequest/knee")
    found = call["prefetch"]["service_requests"]
    found["entry"].append({"resource": other_order(dispatched_in(call), id="knee", code=CPT_KNEE)})
    found["total"] += 1
    assert cards(client, call) == []
    call["context"]["dispatchedOrders"].append(FUSION_ORDER)
    (card,) = cards(client, call)
    assert planned_in(card)["orders"] == [FUSION_ORDER]


@pytest.mark.parametrize("changes", NOT_JUDGED)
def test_a_dispatched_order_that_plans_no_operation_now_gets_no_card(client: FlaskClient, changes: Json) -> None:
    assert cards(client, dispatch(**changes)) == []


# ---- what a site changes


def of_site(text: str) -> FlaskClient:
    return create_app(BASE, lambda: TODAY, read_site(text, "site.toml")).test_client()


SITE_REFERRAL = '[referral]\nsystem = "urn:x:preference-list"\ncode = "777"\ndisplay = "Spine second opinion"\n'


@pytest.mark.parametrize("hook", SENDING)
def test_a_sites_own_code_comes_first_in_the_second_opinion_and_in_no_other_order(hook: str) -> None:
    (card,) = cards(of_site(SITE_REFERRAL), call_of("no-therapy-found", hook))
    second_opinion, therapy = (each["actions"][0]["resource"] for each in card["suggestions"])
    ServiceRequest.model_validate(second_opinion)
    assert [each["code"] for each in second_opinion["code"]["coding"]] == ["777", "103696004"]
    assert second_opinion["code"]["coding"][0]["system"] == "urn:x:preference-list"
    assert [each["code"] for each in therapy["code"]["coding"]] == ["308447003"]


@pytest.mark.parametrize("hook", SENDING)
@pytest.mark.parametrize("mode", ["off", "silent"])
def test_a_rule_that_a_site_does_not_show_raises_no_card_by_any_hook(hook: str, mode: str) -> None:
    call = call_of("no-therapy-found", hook)
    planned = {"appointment-book": appointment_in, "order-dispatch": dispatched_in}.get(hook, order_in)(call)
    # A usual reason for a fusion: the rule of indication has nothing to say.
    planned["reasonCode"] = [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M43.16"}]}]
    assert len(cards(of_site('[rules]\nnonsurgical_care = "on"\n'), call)) == 1
    assert cards(of_site(f'[rules]\nnonsurgical_care = "{mode}"\n'), call) == []


def test_a_silent_rule_stands_nowhere_on_the_card_of_another() -> None:
    name = RULES["nonsurgical_care"].PAGE["name"]
    for mode, stands in (("on", True), ("silent", False), ("off", False)):
        (card,) = cards(of_site(f'[rules]\nnonsurgical_care = "{mode}"\n'), failed_fusion())
        found = {each["rule"] for each in card["extension"]["org.second-opinion.assessment"]["findings"]}
        assert ("nonsurgical_care" in found, name in card["detail"]) == (stands, stands)
        assert "repeat_surgery" in found


def test_a_site_may_do_without_the_card_that_only_tells_what_was_not_read() -> None:
    call = call_of("chart-unreadable", "order-sign")
    assert len(cards(of_site("[card]\nincomplete = true\n"), call)) == 1
    assert cards(of_site("[card]\nincomplete = false\n"), call) == []


@pytest.mark.parametrize(("days", "shown"), [("3650 days", 1), ("30 days", 0)])
def test_a_sites_limit_decides_whether_an_open_order_is_still_planned(days: str, shown: int) -> None:
    call = failed_fusion("patient-view")
    for entry in call["prefetch"]["service_requests"]["entry"]:
        if entry["resource"]["id"] == "ruth-order-22633":
            entry["resource"]["authoredOn"] = "2026-09-01"
    assert len(cards(of_site(f'[limits.planned_surgery]\nopen_order = "{days}"\n'), call)) == shown


# ---- patient-view


def test_an_open_order_in_the_chart_gets_a_card_when_the_chart_is_opened(client: FlaskClient) -> None:
    (card,) = cards(client, failed_fusion("patient-view"))
    planned = card["extension"]["org.second-opinion.assessment"]["planned_surgery"]
    assert planned["orders"] == ["ServiceRequest/ruth-order-22633"]


@pytest.mark.parametrize("value", [..., REFUSED])
def test_when_the_orders_in_the_chart_could_not_be_read_opening_it_shows_no_card(
    client: FlaskClient, value: Any
) -> None:
    assert cards(client, changed(failed_fusion("patient-view"), "prefetch", "service_requests", to=value)) == []


@pytest.mark.parametrize("prefetch", [None, {}, ...])
def test_a_chart_of_which_nothing_was_sent_gets_no_card_and_no_error(client: FlaskClient, prefetch: Any) -> None:
    assert cards(client, changed(failed_fusion("patient-view"), "prefetch", to=prefetch)) == []


def test_a_stale_patient_leaves_the_age_unknown_and_is_still_answered(client: FlaskClient) -> None:
    call = changed(failed_fusion("patient-view"), "prefetch", "patient", "id", to="stale")
    assert lanes(client, call)["patient"]["state"] == "unavailable"


def test_the_demo_shows_its_mock_ehr_first_and_the_service_has_none() -> None:
    pages = Blueprint("sandbox", __name__)
    demo = create_app(BASE, today=lambda: TODAY, demo=[pages]).test_client()
    assert demo.get("/").headers["Location"] == "/sandbox/"
    assert new_client().get("/").status_code == new_client().get("/sandbox/").status_code == 404


def test_nothing_here_depends_on_the_folder_it_is_started_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_client().get("/why").status_code == 200


def test_many_orders_that_were_not_sent_are_named_in_part(client: FlaskClient) -> None:
    call = failed_fusion("order-dispatch")
    call["context"]["dispatchedOrders"] = [f"ServiceRequest/{number}" for number in range(1000)]
    answer = client.post("/cds-services/second-opinion-order-dispatch", json=call)
    assert answer.status_code == 412
    assert answer.json and "ServiceRequest/4 and 995 more were not sent" in answer.json["issue"][0]["diagnostics"]


def test_a_path_that_is_none_of_ours_is_no_redirect(client: FlaskClient) -> None:
    assert client.get("/cds-services//x").status_code == 404
