"""/openapi.json tells the truth: every path is there, and every answer is as it says, errors too."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker
from teaching_calls import hook_call
from werkzeug.test import TestResponse

from fixtures.teaching import teaching_patients
from plugin.app import BODY_MOST, create_app
from sandbox.hook_calls import HOOKS

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
BASE = "https://second-opinion.example"
SIGN = "/cds-services/second-opinion-order-sign"
DISPATCH = "/cds-services/second-opinion-order-dispatch"
CALLS = [hook_call(patient, hook) for patient in teaching_patients(TODAY) for hook in HOOKS]


def app_with(**given: Any) -> Flask:
    return create_app(BASE, **({"today": lambda: TODAY} | given))


APP = app_with()
DOCUMENT: Json = APP.test_client().get("/openapi.json").get_json()


@pytest.fixture
def client() -> FlaskClient:
    return app_with().test_client()


def validator(schema: Json) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": DOCUMENT["components"]}, format_checker=FormatChecker())


def resolved(told: Json) -> Json:
    if "$ref" not in told:
        return told
    found: Any = DOCUMENT
    for step in told["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found


def is_as_told(path: str, method: str, answer: TestResponse) -> bool:
    told = resolved(DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)])
    schema = told["content"][answer.mimetype]["schema"]
    validator(schema).validate(answer.get_json() if answer.is_json else answer.text)
    assert set(told.get("headers", ())) <= set(answer.headers.keys())
    return True


# ---- the document


def test_it_is_valid_openapi_3_1_and_names_our_address() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["servers"] == [{"url": BASE}]
    schemathesis.openapi.from_wsgi("/openapi.json", APP).validate()


def test_every_path_of_the_service_is_described_and_no_other() -> None:
    served = {rule.rule for rule in APP.url_map.iter_rules() if "/static/" not in rule.rule}
    described = {path.replace("{service}", "<service>") for path in DOCUMENT["paths"]}
    services = {path for path in described if path.startswith("/cds-services/second-opinion-")}
    assert len(services) == 5
    assert (described - services) | {"/cds-services/<service>"} == served


def test_what_an_application_does_not_have_is_not_described() -> None:
    bare = Flask("bare")

    @bare.get("/healthz")
    def alive() -> str:
        return ""

    from plugin.openapi import document

    assert list(document(bare, BASE)["paths"]) == ["/healthz"]


def test_every_schema_that_is_referred_to_is_there_and_every_one_there_is_referred_to() -> None:
    def references(node: Any) -> set[str]:
        inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        here = {node["$ref"]} if isinstance(node, dict) and "$ref" in node else set()
        return here.union(*map(references, inside))

    named = references(DOCUMENT)
    kinds = ("schemas", "responses")
    there = {f"#/components/{kind}/{name}" for kind in kinds for name in DOCUMENT["components"][kind]}
    unserved = (
        {"Feedback", "OverrideReason", "NotFound"}
        if "/cds-services/{service}/feedback" not in DOCUMENT["paths"]
        else set()
    )
    assert named <= there
    assert {name.rpartition("/")[2] for name in there - named} <= unserved


# ---- requests


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["hook"])
def test_calls_as_ehrs_make_them_are_what_it_asks_for(call: Json) -> None:
    told = DOCUMENT["paths"][f"/cds-services/second-opinion-{call['hook']}"]["post"]["requestBody"]
    validator(told["content"]["application/json"]["schema"]).validate(call)


@pytest.mark.parametrize("hook", HOOKS)
def test_what_it_requires_is_what_the_service_requires(client: FlaskClient, hook: str) -> None:
    path = f"/cds-services/second-opinion-{hook}"
    schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    (call,) = [each for each in CALLS[: len(HOOKS)] if each["hook"] == hook]
    for inside, name in [(None, name) for name in call] + [("context", name) for name in call["context"]]:
        less = deepcopy(call)
        del (less[inside] if inside else less)[name]
        # 412: the form is right, but the order dispatched cannot be had.
        accepted = client.post(path, json=less).status_code in (200, 412)
        assert validator(schema).is_valid(less) == accepted, name


# ---- answers


def test_discovery_the_pages_for_machines_and_the_page_for_people_are_as_told(client: FlaskClient) -> None:
    for path in ("/cds-services", "/healthz", "/readyz", "/metrics", "/why", "/openapi.json"):
        assert is_as_told(path, "get", client.get(path))
    down = app_with(checks={"database": lambda: "down"}).test_client().get("/readyz")
    assert down.status_code == 503 and is_as_told("/readyz", "get", down)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["hook"])
def test_cards_and_silence_are_as_told(client: FlaskClient, call: Json) -> None:
    path = f"/cds-services/second-opinion-{call['hook']}"
    assert is_as_told(path, "post", client.post(path, json=call))


def test_errors_are_as_told(client: FlaskClient) -> None:
    def broken() -> date:
        raise LookupError

    unsent = {"hook": "order-dispatch", "hookInstance": "1", "context": {"patientId": "1", "order": "ServiceRequest/1"}}
    answers = {
        400: client.post(SIGN, data="{"),
        412: client.post(DISPATCH, json=unsent),
        413: client.post(SIGN, data=b" " * (BODY_MOST + 1)),
        415: client.post(SIGN, data="a=b", content_type="text/plain"),
        500: app_with(today=broken).test_client().post(SIGN, json=CALLS[2]),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert is_as_told(DISPATCH if status == 412 else SIGN, "post", answer)
