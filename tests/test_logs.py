"""The log: one line a request that tells what was decided, and never who the patient is, whoever writes it."""

import logging
import warnings
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import structlog
from flask.testing import FlaskClient
from msgspec import json
from teaching_calls import hook_call

from fixtures.teaching import teaching_patients
from plugin import request_log
from plugin.app import create_app
from plugin.logs import log_to
from sandbox.hook_calls import HOOKS

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}
SIGN = "/cds-services/second-opinion-order-sign"
CANARY = "Zebulon-Quackenbush"


class Terminal(StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    was, requests = (root.handlers[:], root.level), structlog.get_config()
    yield
    logging.captureWarnings(False)
    root.handlers[:] = was[0]
    root.setLevel(was[1])
    logging.raiseExceptions = True
    structlog.configure(**requests)


@pytest.fixture
def log() -> StringIO:
    stream = StringIO()
    log_to(stream)
    return stream


def lines(log: StringIO) -> list[Json]:
    return [json.decode(line) for line in log.getvalue().splitlines()]


def new_client() -> FlaskClient:
    return create_app("https://x.example", today=lambda: TODAY).test_client()


def call(patient: str = "failed-fusion", hook: str = "order-sign") -> Json:
    return deepcopy(hook_call(TEACHING[patient], hook))


# ---- one line a request


def test_a_request_is_one_line_that_tells_what_was_decided(log: StringIO) -> None:
    sent = call()
    new_client().post(SIGN, json=sent)
    (line,) = lines(log)
    assert UUID(line.pop("request_id")) and line.pop("timestamp").endswith("Z") and line.pop("milliseconds") > 0
    outcomes = line.pop("outcomes")
    assert outcomes["repeat_surgery"] == "concern"
    assert line == {
        "event": "request",
        "level": "info",
        "method": "POST",
        "route": "/cds-services/<service>",
        "service": "second-opinion-order-sign",
        "status": 200,
        "hook_instance": sent["hookInstance"],
        "indicator": "warning",
    }


def test_silence_and_what_was_not_read_are_in_the_line(log: StringIO) -> None:
    client = new_client()
    client.post(SIGN, json=call("cauda-equina"))
    client.post("/cds-services/second-opinion-patient-view", json=call(hook="patient-view") | {"prefetch": {}})
    silent, blind = lines(log)
    assert silent["silenced_by"] == "red_flag" and "indicator" not in silent
    assert "service_requests" in blind["could_not_look"]
    assert blind["lanes"]["procedures"] == "unavailable"


def test_orders_that_could_not_be_judged_are_counted_in_the_line(log: StringIO) -> None:
    sent = call()
    sent["context"]["draftOrders"]["entry"][0]["resource"]["modifierExtension"] = [{"url": CANARY}]
    assert new_client().post(SIGN, json=sent).json == {"cards": []}
    (line,) = lines(log)
    assert line["orders_not_judged"] == 1
    assert CANARY not in log.getvalue()


def test_a_hook_instance_that_is_no_uuid_is_not_logged(log: StringIO) -> None:
    new_client().post(SIGN, json=call() | {"hookInstance": f"visit of {CANARY}"})
    (line,) = lines(log)
    assert "hook_instance" not in line


def test_refusals_look_ups_and_answers_to_cards_are_in_the_line(log: StringIO) -> None:
    app = create_app("https://x.example", today=lambda: TODAY)

    @app.get("/three")
    def three() -> str:
        request_log.note_refusal("expired", "https://ehr.example")
        request_log.note_lookup(0.25)
        request_log.note_feedback("overridden", CANARY)
        request_log.note_feedback("accepted", "")
        return ""

    app.test_client().get("/three")
    (line,) = lines(log)
    assert (line["refused"], line["lookup_milliseconds"], line["feedback"]) == ("expired", 250.0, 2)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_is_asked_every_few_seconds_is_logged_only_when_it_fails(log: StringIO, path: str) -> None:
    new_client().get(path)
    assert lines(log) == []
    create_app("https://x.example", checks={"database": lambda: "down"}).test_client().get("/readyz")
    (line,) = lines(log)
    assert (line["route"], line["status"], line["level"]) == ("/readyz", 503, "error")


def test_a_method_that_nobody_knows_is_not_repeated(log: StringIO) -> None:
    new_client().open("/cds-services", method=CANARY.upper())
    (line,) = lines(log)
    assert (line["method"], line["status"]) == ("other", 405)


# ---- request ids


@pytest.mark.parametrize("sent", ["a", "4bf92f35-77b3.4da6_A", "x" * 64])
def test_a_request_id_is_kept_and_sent_back(log: StringIO, sent: str) -> None:
    response = new_client().get("/cds-services", headers={"X-Request-Id": sent})
    (line,) = lines(log)
    assert response.headers["X-Request-Id"] == line["request_id"] == sent


@pytest.mark.parametrize("sent", [None, "", "x" * 65, "a b", "Zoë", '{"a":1}'])
def test_a_request_id_that_is_no_plain_token_is_replaced(log: StringIO, sent: str | None) -> None:
    response = new_client().get("/cds-services", headers={"X-Request-Id": sent} if sent is not None else {})
    (line,) = lines(log)
    assert response.headers["X-Request-Id"] == line["request_id"] != sent
    assert UUID(line["request_id"])


# ---- never who the patient is


def planted(node: Any) -> Any:
    """A call in which every text but those that say what it is holds the canary."""
    if isinstance(node, dict):
        kept = ("resourceType", "system", "code", "status", "intent", "hook", "reference", "birthDate")
        return {key: value if key in kept else planted(value) for key, value in node.items()}
    if isinstance(node, list):
        return [planted(each) for each in node]
    return f"{CANARY} {node}" if isinstance(node, str) else node


def everything(hook: str) -> Json:
    sent: Json = planted(call(hook=hook))
    token = {"access_token": CANARY, "token_type": "Bearer", "expires_in": 300, "scope": CANARY, "subject": CANARY}
    return sent | {"fhirServer": f"https://ehr.example/{CANARY}", "fhirAuthorization": token, CANARY: CANARY}


@pytest.mark.parametrize("hook", HOOKS)
def test_no_name_id_or_token_of_a_call_is_in_the_log_or_the_metrics(log: StringIO, hook: str) -> None:
    client = new_client()
    client.environ_base |= {"HTTP_USER_AGENT": CANARY, "HTTP_X_REQUEST_ID": f"{CANARY} {CANARY}"}
    headers = {"Authorization": f"Bearer {CANARY}", "Origin": f"https://{CANARY}", "Cookie": f"id={CANARY}"}
    path = f"/cds-services/second-opinion-{hook}"
    sent = json.encode(everything(hook))
    at_once = sent.replace(CANARY.encode() + b" ", b"")  # as it should be, but for what is only ever the canary's
    for body in (
        sent,
        at_once,
        sent[: len(sent) // 2],
        CANARY.encode(),
        b"[" * 1000,
        b'{"hook":"%b"}' % CANARY.encode(),
    ):
        for suffix in ("", f"?patient={CANARY}", f"/{CANARY}", "/feedback"):
            client.post(path + suffix, data=body, content_type=f"application/json; of={CANARY}", headers=headers)
            client.open(f"/{CANARY}{suffix}", method="DELETE", data=body, content_type=CANARY, headers=headers)
    assert len(lines(log)) == 48
    assert {line["status"] for line in lines(log)} >= {200, 400, 404}
    for said in (log.getvalue(), client.get("/metrics").text):
        assert CANARY.lower() not in said.lower()


def test_an_error_that_nobody_expected_is_logged_by_kind_and_place_only(log: StringIO) -> None:
    def broken() -> date:
        raise LookupError(f"no day for {CANARY}")

    app = create_app("https://x.example", today=broken)
    response = app.test_client().post(f"{SIGN}?patient={CANARY}", json=everything("order-sign"))
    (line,) = lines(log)
    assert (response.status_code, line["status"], line["level"]) == (500, 500, "error")
    assert line["error"] == "LookupError" and line["error_in"].startswith("broken:")
    assert CANARY not in log.getvalue() + response.text


# ---- whoever writes it


@pytest.mark.parametrize(
    ("name", "message", "filled_in", "shown"),
    [
        ("requests", "Retrying after '%r': %s", (OSError(CANARY), f"/Patient/{CANARY}"), "…"),
        ("gunicorn.error", "Worker (pid:%s) was sent %s!", (7, CANARY), "Worker (pid:7) was sent …!"),
        ("waitress", f"Exception while serving /{CANARY}", (), "(words not shown)"),
        ("sqlalchemy.pool", "%(sql)s failed", ({"sql": CANARY},), "%(sql)s failed"),
        ("third", "%d of them", (Decimal(3),), "%d of them"),
        ("journal.writer", "The database is locked.", (), "The database is locked."),
        ("second_opinion", "Card for %s", (CANARY,), "Card for …"),
    ],
)
def test_others_are_shown_without_what_they_fill_in(
    log: StringIO, name: str, message: str, filled_in: tuple[Any, ...], shown: str
) -> None:
    logging.getLogger(name).warning(message, *filled_in)
    (line,) = lines(log)
    assert shown in line["event"] and (line["level"], line["logger"]) == ("warning", name)
    assert "test_others_are_shown" in line["where"]
    assert CANARY not in log.getvalue()


def test_an_exception_that_another_library_logs_shows_its_kind_and_place(log: StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("waitress").exception("When servicing %r", CANARY, stack_info=True)
    logging.getLogger("waitress").error("Nothing is wrong", exc_info=(None, None, None))
    line, other = lines(log)
    assert line["error"] == "ValueError" and line["error_in"].startswith("test_an_exception")
    assert "error" not in other
    assert CANARY not in log.getvalue() and "stack" not in log.getvalue()


def test_pythons_own_warnings_go_the_same_way(log: StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)  # so that the filter of this block is the one replaced
        log_to(log)
        warnings.warn(CANARY, UserWarning, stacklevel=1)
        logging.captureWarnings(False)
    (line,) = lines(log)
    assert line["logger"] == "py.warnings"
    assert CANARY not in log.getvalue()


@pytest.fixture
def untouched() -> Iterator[None]:
    """werkzeug's log as it is where none of its servers ran, as they do in other tests."""
    werkzeug = logging.getLogger("werkzeug")
    level = werkzeug.level
    werkzeug.setLevel(logging.NOTSET)
    yield
    werkzeug.setLevel(level)


@pytest.mark.usefixtures("untouched")
def test_what_is_not_worth_a_warning_is_kept_to_ourselves(log: StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").debug("%s %s", "GET", CANARY)
    logging.getLogger("werkzeug").info("GET %s", CANARY)
    logging.getLogger("second_opinion").debug("much")
    assert log.getvalue() == ""


def test_on_a_terminal_it_reads_like_a_sentence_and_only_from_the_level_asked_for() -> None:
    watched = Terminal()
    log_to(watched, logging.WARNING)
    new_client().get("/cds-services")
    assert watched.getvalue() == ""
    log_to(watched)
    new_client().get("/cds-services")
    assert "request" in watched.getvalue() and "status=200" in watched.getvalue()
    assert not watched.getvalue().startswith("{")
