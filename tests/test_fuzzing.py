"""Calls that nobody would write: whatever is sent, the answer is one that /openapi.json promises, and never a 5xx.

SECOND_OPINION_FUZZ_CALLS says how many are made; about half are real calls bent out of shape, half come from the
document alone.
"""

import atexit
import os
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import json
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from teaching_calls import hook_call

from fixtures.teaching import teaching_patients
from journal.journal import open_journal
from plugin.app import create_app

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
CALLS = int(os.environ.get("SECOND_OPINION_FUZZ_CALLS", "1000"))
QUIETLY = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
FOLDER = mkdtemp()
atexit.register(rmtree, FOLDER, ignore_errors=True)
JOURNAL = open_journal(f"sqlite:///{FOLDER}/journal.sqlite3", "x" * 32)  # so that answers to cards can be stored
APP = create_app("https://second-opinion.example", today=lambda: TODAY, journal=JOURNAL)
DOCUMENT: Json = APP.test_client().get("/openapi.json").get_json()
HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})


CARDS, OUTCOME = validator("Cards"), validator("OperationOutcome")


def calls() -> Iterator[Json]:
    """A call of each teaching patient by each hook."""
    for patient in teaching_patients(TODAY):
        for hook in HOOKS[:3]:
            yield hook_call(patient, hook)
        call = hook_call(patient, "order-sign")
        orders = call["context"].pop("draftOrders")
        about = {key: value for key, value in patient.order.items() if key in ("id", "code", "reasonCode")}
        booked = {"resourceType": "Appointment", "status": "proposed", **about, "serviceType": [patient.order["code"]]}
        booked["participant"] = [{"actor": patient.order["subject"], "status": "accepted"}]
        appointments = {"resourceType": "Bundle", "entry": [{"resource": booked}]}
        yield call | {"hook": "appointment-book", "context": call["context"] | {"appointments": appointments}}
        dispatched = {"dispatchedOrders": [f"ServiceRequest/{patient.order['id']}"], "performer": "Organization/1"}
        sent = call["prefetch"] | {"service_requests": orders}
        yield call | {"hook": "order-dispatch", "context": call["context"] | dispatched, "prefetch": sent}


WHOLE = tuple(calls())


def places(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a call."""
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, below in inside:
        yield (*path, step)
        yield from places(below, (*path, step))


# Written as they stand, since no encoder would write them.
RAW = {
    "@deep lists@": b"[" * 100_000 + b"]" * 100_000,
    "@deep objects@": b'{"extension":' * 100_000 + b"1" + b"}" * 100_000,
    "@open lists@": b"[" * 100_000,
    "@not a number@": b"NaN",
    "@endless@": b"-Infinity",
    "@too large@": b"1e999",
    "@many digits@": b"9" * 5_000,
    "@lone surrogate@": b'"\\ud800"',
    "@not UTF-8@": b'"\xff\xfe"',
    "@twice@": b'{"id":"1","id":"2","resourceType":"Patient"}',
    "@broken@": b'{"resourceType":',
}
ODD_TEXT = st.one_of(
    st.sampled_from(["", " ", "\0", "\u202e", "\ud7ff", "é" * 200, "A" * 20_000, "../../etc/passwd", "{{7*7}}", "<b>"]),
    st.sampled_from(["0000-00-00", "9999-12-31", "2026-13-40", "2026-11-22T25:61:61Z", "22.11.2026", "-1", "1e9"]),
    st.sampled_from(["Patient/1/_history/2", "urn:uuid:1", "#", "#self", "https://x/Patient/1?y=z", "Nothing/1", "/"]),
    st.text(max_size=20),
)
FOREIGN = st.sampled_from(
    [
        {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "x", "diagnostics": None}]},
        {"resourceType": "Bundle", "type": "searchset", "total": -5, "link": {"relation": "next"}, "entry": {}},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle", "entry": [None, 1, {}]}}]},
        {
            "resourceType": "Basic",
            "contained": [{"resourceType": "Basic", "id": "self"}],
            "subject": {"reference": "#"},
        },
        {"resourceType": ["Patient"], "id": {"value": 1}},
        {"resourceType": "ProcedureRequest", "status": "active", "code": {"coding": [[]]}},
        {"resourceType": "ServiceRequest", "modifierExtension": [{"url": "urn:x"}], "code": {"text": ["fusion"]}},
    ]
)
ODD = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 0.5, 2**63, -0.0, [], {}, [[]], [None], {"": ""}, [{}, 1, "x"]]),
    st.sampled_from(sorted(RAW)),
    ODD_TEXT,
    FOREIGN,
    st.recursive(ODD_TEXT | st.none() | st.integers(), lambda each: st.lists(each) | st.dictionaries(ODD_TEXT, each)),
)


@st.composite
def bent_calls(draw: st.DrawFn) -> tuple[str, bytes]:
    """A real call with up to five of its places replaced, left out, doubled or wrapped; and its service."""
    call = deepcopy(draw(st.sampled_from(WHOLE)))
    hook = call["hook"]
    for _ in range(draw(st.integers(1, 5))):
        there = sorted(places(call), key=str)
        if not there:
            break
        *above, last = draw(st.sampled_from(there))
        node: Any = call
        for step in above:
            node = node[step]
        match draw(st.sampled_from(["replace", "replace", "leave out", "wrap", "double", "rename"])):
            case "replace":
                node[last] = deepcopy(draw(ODD))  # what is drawn is bent further
            case "leave out":
                del node[last]
            case "wrap":
                node[last] = [node[last]]
            case "double":
                node[last] = [node[last], deepcopy(node[last])]
            case _ if isinstance(node, dict):
                node[draw(ODD_TEXT)] = node.pop(last)
    body = json.encode(call)
    for name, raw in RAW.items():
        body = body.replace(b'"%b"' % name.encode(), raw)
    return f"/cds-services/second-opinion-{hook}", body


@pytest.fixture(scope="module", autouse=True)
def all_is_written() -> Iterator[None]:
    yield
    JOURNAL.close(10)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return APP.test_client()


def promised(client: FlaskClient, path: str, body: bytes) -> int:
    """The status of an answer that is as the document says."""
    answer = client.post(path, data=body, content_type="application/json")
    assert str(answer.status_code) in DOCUMENT["paths"][path]["post"]["responses"]
    (CARDS if answer.status_code == 200 else OUTCOME).validate(answer.get_json())
    return answer.status_code


@pytest.mark.parametrize("call", WHOLE, ids=lambda call: call["hook"])
def test_calls_that_are_not_bent_are_answered_as_promised(client: FlaskClient, call: Json) -> None:
    assert promised(client, f"/cds-services/second-opinion-{call['hook']}", json.encode(call)) == 200


@settings(QUIETLY, max_examples=CALLS // 2)
@given(bent=bent_calls())
def test_a_call_bent_out_of_shape_is_answered_as_promised_and_never_with_a_5xx(
    client: FlaskClient, bent: tuple[str, bytes]
) -> None:
    assert promised(client, *bent) in (200, 400, 412)


@pytest.mark.parametrize("raw", RAW)
@pytest.mark.parametrize("place", ["context", "prefetch", "draftOrders", "entry", "code", "extension", "fhirServer"])
def test_what_no_encoder_writes_is_never_a_5xx_wherever_it_stands(client: FlaskClient, place: str, raw: str) -> None:
    call = deepcopy(WHOLE[2])
    orders = call["context"]["draftOrders"]
    holds: dict[str, Json] = {"draftOrders": call["context"], "entry": orders, "code": orders["entry"][0]["resource"]}
    holds.get(place, call)[place] = raw
    body = json.encode(call).replace(b'"%b"' % raw.encode(), RAW[raw])
    assert promised(client, "/cds-services/second-opinion-order-sign", body) in (200, 400)


schema = schemathesis.openapi.from_wsgi("/openapi.json", APP)
OPERATIONS = sum(len(path) for path in DOCUMENT["paths"].values())


@schema.parametrize()
@settings(QUIETLY, max_examples=max(1, CALLS // 2 // OPERATIONS))
def test_what_the_document_allows_and_forbids_is_answered_as_promised(case: schemathesis.Case[Any]) -> None:
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    case.call_and_validate(checks=checks)
