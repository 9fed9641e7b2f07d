"""The pages for machines: whether the service lives and is ready, and what it counts."""

import time
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from teaching_calls import hook_call
from werkzeug.exceptions import ServiceUnavailable

from cds_hooks.calls import Call
from cds_hooks.listeners import NOBODY, Listeners
from fixtures.teaching import teaching_patients
from plugin import metrics
from plugin.app import create_app
from plugin.metrics_keeper import MetricsKeeper
from second_opinion.assess import Assessment

TODAY = date(2026, 11, 22)
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}
SIGN = "/cds-services/second-opinion-order-sign"
Json = dict[str, Any]


def app_with(checks: dict[str, Callable[[], str]] | None = None, listeners: Listeners = NOBODY) -> Flask:
    return create_app("https://x.example", today=lambda: TODAY, checks=checks or {}, listeners=listeners)


@pytest.fixture
def client() -> FlaskClient:
    return app_with().test_client()


def counted(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """All that is counted so far: name and labels in order of the alphabet, without buckets and times."""
    page = client.get("/metrics")
    assert (page.status_code, page.mimetype) == (200, "text/plain")
    samples = [s for family in text_string_to_metric_families(page.text) for s in family.samples]
    return {
        (each.name.removeprefix("second_opinion_"), *(value for _, value in sorted(each.labels.items()))): each.value
        for each in samples
        if not each.name.endswith(("_bucket", "_sum", "_created"))
    }


def counts_of(client: FlaskClient, happens: Callable[[], object]) -> dict[tuple[str, ...], float]:
    """What something that happens adds, besides the request for the counts themselves."""
    before = counted(client)
    happens()
    after = counted(client)
    added = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    added.pop(("request_seconds_count", "/metrics", "", "200"))
    return added


def call(patient: str, hook: str = "order-sign") -> Json:
    return deepcopy(hook_call(TEACHING[patient], hook))


# ---- health


def broken() -> str:
    raise ConnectionError("postgresql://user:secret@db/journal")


def test_it_lives_whatever_it_stands_on() -> None:
    response = app_with({"database": broken}).test_client().get("/healthz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def test_it_is_ready_when_all_it_stands_on_is() -> None:
    response = app_with({"database": lambda: "", "trust": lambda: ""}).test_client().get("/readyz")
    assert response.status_code == 200
    checks = {"knowledge": "ok", "database": "ok", "trust": "ok"}
    assert response.get_json() == {"status": "ready", "checks": checks}


def test_what_is_wrong_is_named_and_cards_still_come() -> None:
    client = app_with({"database": lambda: "cannot be opened", "trust": lambda: ""}).test_client()
    response = client.get("/readyz")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    checks = {"knowledge": "ok", "database": "cannot be opened", "trust": "ok"}
    assert response.get_json() == {"status": "not ready", "checks": checks}
    assert len(client.post(SIGN, json=call("failed-fusion")).get_json()["cards"]) == 1


def test_a_check_that_breaks_is_not_ready_and_tells_no_secrets() -> None:
    response = app_with({"database": broken}).test_client().get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["checks"]["database"] == "the check itself failed (ConnectionError)"


def test_what_cannot_be_done_now_says_when_to_come_again() -> None:
    app = app_with()

    @app.get("/busy")
    def busy() -> str:
        raise ServiceUnavailable("Cannot be stored now.", retry_after=5)

    response = app.test_client().get("/busy")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["issue"][0]["code"] == "transient"


# ---- what is counted


def test_a_call_with_a_card_is_counted_by_service_rule_and_indicator(client: FlaskClient) -> None:
    added = counts_of(client, lambda: client.post(SIGN, json=call("failed-fusion")))
    service = "second-opinion-order-sign"
    assert added["request_seconds_count", "/cds-services/<service>", service, "200"] == 1
    assert added["cards_total", "warning"] == 1
    assert added["outcomes_total", "concern", "repeat_surgery"] == 1
    assert not [name for name in added if name[0] in ("silenced_total", "could_not_look_total")]


def test_silence_is_counted_by_its_reason(client: FlaskClient) -> None:
    added = counts_of(client, lambda: client.post(SIGN, json=call("cauda-equina")))
    assert added["silenced_total", "red_flag"] == 1
    assert not [name for name in added if name[0] == "cards_total"]


def test_lanes_that_were_asked_for_and_not_read_are_counted_and_no_others(client: FlaskClient) -> None:
    unread = call("failed-fusion")
    del unread["prefetch"]["conditions"]
    added = counts_of(client, lambda: client.post(SIGN, json=unread))
    lanes = {name: value for name, value in added.items() if name[0] == "lanes_not_complete_total"}
    assert lanes == {("lanes_not_complete_total", "conditions", "unavailable"): 1}


def test_a_chart_in_which_we_could_not_look_is_counted(client: FlaskClient) -> None:
    blind = call("failed-fusion", "patient-view") | {"prefetch": {}}
    added = counts_of(client, lambda: client.post("/cds-services/second-opinion-patient-view", json=blind))
    assert added["could_not_look_total",] == 1


@pytest.mark.parametrize("path", ["/cds-services/Zebulon", "/Zebulon", "/cds-services/Zebulon/feedback"])
def test_what_callers_send_is_never_a_label(client: FlaskClient, path: str) -> None:
    added = counts_of(client, lambda: client.post(path, json={}))
    assert [name[0] for name in added] == ["request_seconds_count"]
    assert "Zebulon" not in client.get("/metrics").text


def test_answers_to_cards_are_counted_by_reasons_of_ours_only(client: FlaskClient) -> None:
    def happens() -> None:
        metrics.observe_feedback("overridden", "decide-later")
        metrics.observe_feedback("overridden", "Zebulon")
        metrics.observe_feedback("accepted", "")
        metrics.observe_feedback("Zebulon", "")

    assert counts_of(client, happens) == {
        ("feedback_total", "overridden", "decide-later"): 1,
        ("feedback_total", "overridden", "other"): 1,
        ("feedback_total", "accepted", "none"): 1,
        ("feedback_total", "other", "none"): 1,
    }


def test_refusals_look_ups_and_the_journals_state_are_counted(client: FlaskClient) -> None:
    def happens() -> None:
        metrics.observe_refusal("expired", "")
        metrics.observe_lookup(0.2)
        metrics.observe_journal(waiting=7, dropped=2)

    added = counts_of(client, happens)
    assert added == {
        ("refused_total", "expired"): 1,
        ("lookup_seconds_count",): 1,
        ("journal_backlog",): 7,
        ("journal_dropped_total",): 2,
    }
    metrics.observe_journal(waiting=0, dropped=0)
    assert counted(client)["journal_backlog",] == 0


def test_the_journals_queue_is_watched_while_nobody_calls(client: FlaskClient) -> None:
    journal = [3, 0]
    keeper = MetricsKeeper(lambda: (journal[0], journal[1]), every_seconds=0.01)
    before = counted(client)["journal_dropped_total",]
    keeper.start()
    for waiting, dropped in ((3, 0), (5, 2)):
        journal[:] = waiting, dropped
        until = time.monotonic() + 60
        while counted(client)["journal_backlog",] != waiting and time.monotonic() < until:
            time.sleep(0.01)
    journal[:] = 0, 3
    keeper.stop()
    after = counted(client)
    assert (after["journal_backlog",], after["journal_dropped_total",] - before) == (0, 3)


def test_without_a_keeper_what_is_noted_stays_small(client: FlaskClient) -> None:
    for _ in range(1001):
        metrics.observe_request("none", "", 404, 0.001)
    assert len(metrics._times) < 1000


# ---- who is told


def test_listeners_are_told_of_each_call_that_was_judged() -> None:
    told: list[tuple[str, str | None, int]] = []

    def tell(call: Call, assessment: Assessment, cards: Any) -> None:
        told.append((call.hook, assessment.indicator, len(cards)))

    client = app_with(listeners=Listeners(assessed=(tell,))).test_client()
    client.post(SIGN, json=call("failed-fusion"))
    client.post(SIGN, json=call("knee"))
    client.post(SIGN, json={})
    assert told == [("order-sign", "warning", 1), ("order-sign", None, 0)]
