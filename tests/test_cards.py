"""What stands on a card: its form, its words, the orders it suggests and the assessment it carries."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

import pytest
from chart_search import fill
from fhir.resources.R4B.servicerequest import ServiceRequest
from fhirclient.models.servicerequest import ServiceRequest as ClientServiceRequest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import json
from teaching_calls import hook_call

from cds_hooks.wording import WORDING
from fixtures.teaching import teaching_patients
from fixtures.vignettes import Vignette, chart, vignettes
from plugin.app import create_app
from second_opinion.data_needs import LANES, prefetch_templates
from second_opinion.rules import RULES
from second_opinion.value_sets import VALUE_SETS

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
BASE = "https://second-opinion.example"
HOOKS = ("patient-view", "order-select", "order-sign")
NOT_ORDERED = ("appointment-book", "order-dispatch")
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}
ALL = vignettes()
ASSESSMENT = "org.second-opinion.assessment"
SCHEMAS = Path(__file__).resolve().parents[2] / "shared" / "protocol" / "schemas"
REFUSED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "forbidden", "diagnostics": "403: not for you"}],
}


def conforms_to(name: str) -> Draft202012Validator:
    path = SCHEMAS / f"{name}.schema.json"
    if not path.exists():
        pytest.skip(f"{path} is not here: the schemas are not part of the repository")
    return Draft202012Validator(json.decode(path.read_bytes()))


def answered(call: Json, today: date = TODAY) -> Json:
    """What a new service says to a call."""
    client: FlaskClient = create_app(BASE, today=lambda: today).test_client()
    response = client.post(f"/cds-services/second-opinion-{call['hook']}", json=call)
    assert response.status_code == 200, response.text
    body: Json = response.get_json()
    return body


def card_of(call: Json) -> Json:
    (card,) = answered(call)["cards"]
    assert isinstance(card, dict)
    return card


def teaching_card(patient: str = "failed-fusion", hook: str = "order-sign") -> Json:
    return card_of(hook_call(TEACHING[patient], hook))


def call_with(resources: Iterable[Json], hook: str = "order-sign", unread: Iterable[str] = (), **context: Any) -> Json:
    """A call about the patient of a vignette: its draft orders in the context, the rest as prefetch.

    By appointment-book they are booked; by order-dispatch they are active, in the chart, and named in the context.
    """
    everything = list(resources)
    orders = [each for each in everything if each["resourceType"] == "ServiceRequest" and each["status"] == "draft"]
    told = {"userId": "Practitioner/1", "patientId": "example", **context}
    if hook == "patient-view":
        orders = []
    elif hook == "appointment-book":
        told["appointments"] = {"resourceType": "Bundle", "entry": [{"resource": booked(order)} for order in orders]}
    elif hook == "order-dispatch":
        told["dispatchedOrders"] = [f"ServiceRequest/{order['id']}" for order in orders]
        everything = [each | {"status": "active"} if each in orders else each for each in everything]
        orders = []
    else:
        told["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}
    if hook == "order-select":
        told["selections"] = [f"ServiceRequest/{order['id']}" for order in orders]
    entries = [{"resource": each} for each in everything if each not in orders]
    prefetch = fill(prefetch_templates(hook), {"entry": entries}, told)
    prefetch |= {key: REFUSED for key in prefetch if key in set(unread)}
    return {"hook": hook, "hookInstance": "1", "context": told, "prefetch": prefetch}


def booked(order: Json) -> Json:
    """An appointment for what an order asks for."""
    who = [{"actor": order["subject"], "status": "accepted"}]
    named = {"serviceType": [order["code"]], "reasonCode": order.get("reasonCode", [])}
    return {"resourceType": "Appointment", "id": order["id"], "status": "proposed", "participant": who, **named}


def card_for(*lines: dict[str, str], **more: Any) -> Json:
    return card_of(call_with(chart(list(lines), TODAY), **more))


FUSION = {"today": "Order CPT 22612 lumbar fusion"}
FUSION_FOR_A_REASON = {"today": "Order CPT 22612 lumbar fusion [reason=ICD10CM M43.16 spondylolisthesis]"}


def calls() -> Iterator[tuple[str, Json, date]]:
    """Every vignette and teaching patient, by every hook; some of them booked and dispatched as well."""
    for vignette in ALL:
        for hook in HOOKS:
            yield (
                f"{vignette.rule}: {vignette.name}, {hook}",
                call_with(vignette.resources, hook, vignette.unread),
                vignette.as_of,
            )
    for vignette in ALL[::9]:
        for hook in NOT_ORDERED:
            call = call_with(vignette.resources, hook, set(vignette.unread) - {"service_requests"})
            if call["context"].get("dispatchedOrders", True):
                yield f"{vignette.rule}: {vignette.name}, {hook}", call, vignette.as_of
    for name, patient in TEACHING.items():
        for hook in HOOKS:
            yield f"{name}, {hook}", hook_call(patient, hook), TODAY


@pytest.fixture(scope="module")
def answers() -> dict[str, Json]:
    """What the service says to each of them."""
    return {name: answered(call, today) for name, call, today in calls()}


@pytest.fixture(scope="module")
def cards(answers: dict[str, Json]) -> dict[str, Json]:
    return {name: card for name, body in answers.items() for card in body["cards"]}


# ---- the form of every card


def test_a_call_gets_one_card_or_none_and_nothing_else(answers: dict[str, Json]) -> None:
    assert {len(body["cards"]) for body in answers.values()} == {0, 1}
    assert {tuple(body) for body in answers.values()} == {("cards",)}


def test_there_is_a_card_by_every_hook(cards: dict[str, Json]) -> None:
    assert {name.rpartition(", ")[2] for name in cards} == {*HOOKS, *NOT_ORDERED}


def test_every_answer_has_the_form_that_the_specification_asks(answers: dict[str, Json]) -> None:
    schema = conforms_to("response")
    for name, body in answers.items():
        assert not [error.message for error in schema.iter_errors(body)], name


def test_discovery_has_the_form_that_the_specification_asks() -> None:
    body = create_app(BASE, today=lambda: TODAY).test_client().get("/cds-services").get_json()
    assert not [error.message for error in conforms_to("discovery").iter_errors(body)]
    assert list(empties(body)) == []


def empties(value: Any, place: str = "$") -> Iterator[str]:
    """Places that hold null, "", [] or {}: the specification has them left out."""
    if value in (None, "", [], {}):
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from empties(item, f"{place}.{step}")


def test_nothing_empty_stands_on_a_card_outside_its_extension(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        assert list(empties({key: card[key] for key in card if key != "extension"})) == [], name


def test_a_card_is_a_warning_or_an_info_and_never_critical(cards: dict[str, Json]) -> None:
    assert {card["indicator"] for card in cards.values()} == {"warning", "info"}


def test_a_card_says_who_speaks_under_one_topic_that_never_changes(cards: dict[str, Json]) -> None:
    sources = {json.encode(card["source"]) for card in cards.values()}
    (source,) = map(json.decode, sources)
    assert source["label"]
    assert source["url"] == f"{BASE}/why"
    assert re.fullmatch(r"[A-Za-z0-9]{1,100}", source["topic"]["code"])
    assert source["topic"]["system"] and source["topic"]["display"]


def test_every_override_reason_has_a_code_a_system_and_words(cards: dict[str, Json]) -> None:
    for card in cards.values():
        codes = [reason["code"] for reason in card["overrideReasons"]]
        assert len(codes) == len(set(codes)) == 7
        assert all(reason["system"] and reason["display"] for reason in card["overrideReasons"])


def test_the_first_link_opens_the_app_and_names_card_and_findings_and_nobody(cards: dict[str, Json]) -> None:
    for card in cards.values():
        link = card["links"][0]
        assert (link["type"], link["url"]) == ("smart", f"{BASE}/launch")
        told = json.decode(link["appContext"])
        assert (told["v"], told["card"]) == (1, card["uuid"])
        assert told["findings"] and set(told["findings"]) <= set(RULES)
        assert set(told) == {"v", "card", "findings"}


def test_the_other_link_is_absolute_and_leads_to_the_rule_that_raised_the_card(cards: dict[str, Json]) -> None:
    page = create_app(BASE, today=lambda: TODAY).test_client().get("/why").text
    for card in cards.values():
        _, link = card["links"]
        assert (link["type"], set(link)) == ("absolute", {"label", "url", "type"})
        path, _, rule = link["url"].partition("#")
        assert path == f"{BASE}/why"
        assert rule in RULES and f'id="{rule}"' in page


def test_uuids_are_new_each_time() -> None:
    call = hook_call(TEACHING["no-therapy-found"], "order-sign")
    seen: list[str] = []
    for card in (card_of(call), card_of(call)):
        seen.append(card["uuid"])
        for suggestion in card["suggestions"]:
            seen.append(suggestion["uuid"])
            seen.append(suggestion["actions"][0]["resource"]["identifier"][0]["value"])
    assert [str(UUID(each)) for each in seen] == seen
    assert len(set(seen)) == len(seen) == 10


def test_workers_make_uuids_of_their_own() -> None:
    program = """
        import os
        from cds_hooks.uuids import new_uuid
        new_uuid()
        child = os.fork()
        print(new_uuid(), flush=True)
        if child:
            os.waitpid(child, 0)
    """
    said = subprocess.run([sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True).stdout
    one, other = said.split()
    assert one != other and {UUID(one).version, UUID(other).version} == {4}


# ---- summary and detail


def test_every_summary_is_one_sentence_or_two_in_at_most_139_characters(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        assert 20 < len(card["summary"]) <= 139, name
        assert card["summary"].endswith("."), name
        assert not re.search(r"\s\s|\n| \.|[{}<>|]|: could", card["summary"]), (name, card["summary"])


def test_a_card_names_the_order_it_is_about(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        (planned,) = re.findall(r"^\*\*Planned:\*\* (.+)$", card["detail"], re.MULTILINE)
        for order in card["extension"][ASSESSMENT]["planned_surgery"]["orders"]:
            assert order in planned, name


def test_an_operation_known_by_its_text_alone_is_said_so() -> None:
    card = card_for({"today": "Order text Lumbar fusion L4-5"})
    assert "(recognised by its text)" in card["detail"]


def test_a_long_order_id_is_left_out_of_the_detail_and_kept_in_the_assessment() -> None:
    long = "e" * 200
    card = card_for({"today": f"Order CPT 22612 lumbar fusion [id={long}]"})
    assert long not in card["detail"]
    assert "(ServiceRequest)" in card["detail"]
    assert card["extension"][ASSESSMENT]["planned_surgery"]["orders"] == [f"ServiceRequest/{long}"]


def test_the_detail_gives_four_pieces_of_evidence_and_says_how_many_more_there_are() -> None:
    visits = [{f"{day} days ago": "Procedure CPT 97110 exercise therapy"} for day in range(10, 16)]
    detail = card_for(FUSION, *visits)["detail"]
    assert detail.count("exercise therapy (received)") == 4
    assert "  - and 2 more\n" in detail
    assert " more\n" not in card_for(FUSION, *visits[:4])["detail"]


def searched(card: Json) -> str:
    (line,) = re.findall(r"^\*\*Searched:\*\* (.+)$", card["detail"], re.MULTILINE)
    return str(line)


def test_the_detail_says_what_was_searched_and_why_the_rest_was_not() -> None:
    in_part = searched(card_for(FUSION, unread=["procedures", "conditions"]))
    assert re.match(r"read in full: .*observations \(0\)", in_part)
    assert "not read in full: procedures and diagnoses (the EHR reported: 403: not for you)" in in_part
    assert searched(card_for(FUSION, unread=LANES)).startswith("not read in full: ")
    assert searched(card_for(FUSION)).startswith("read in full: procedures (0), ")


def test_a_card_that_could_not_look_draws_no_conclusion() -> None:
    card = card_for(FUSION_FOR_A_REASON, unread=["procedures"])
    assert card["indicator"] == "info"
    assert "No conclusion" in card["summary"]
    assert "No conclusion is drawn" in card["detail"]
    (order,) = suggested(card)
    assert order["code"]["coding"][0]["code"] == "103696004"


def test_the_evidence_line_and_the_draft_status_stand_on_every_card(cards: dict[str, Json]) -> None:
    for card in cards.values():
        assert "**Evidence:** In published series" in card["detail"]
        assert card["detail"].startswith(("A second opinion before this operation", "Parts of the chart"))
        assert card["detail"].endswith("*This rule is a draft, not yet signed by a clinician.*")


def test_a_card_raised_by_reviewed_rules_does_not_call_them_drafts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "draft" in teaching_card()["detail"]
    for rule in RULES.values():
        monkeypatch.setitem(rule.PAGE.content, "status", "reviewed")
    assert "draft" not in teaching_card()["detail"]


def test_every_finding_is_headed_by_its_rules_own_words_or_the_usual_ones(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        headings = re.findall(r"^- \*\*(.+?)\*\* ", card["detail"], re.MULTILINE)
        findings = [each for each in card["extension"][ASSESSMENT]["findings"] if each["outcome"] != "not_applicable"]
        assert len(headings) == len(findings), name
        for heading, finding in zip(headings, findings, strict=True):
            page = RULES[finding["rule"]].PAGE
            words = WORDING["outcomes"] | page.content.get("outcome_words", {})
            assert heading == f"{page['name']}: {words[finding['outcome']]}.", name


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        (FUSION, "Reason for the operation: not found in the record."),
        (FUSION_FOR_A_REASON, "Reason for the operation: documented."),
        (
            {"today": "Order CPT 22612 lumbar fusion [reason=ICD10CM M54.50 low back pain]"},
            "Reason for the operation: not the usual one.",
        ),
    ],
)
def test_a_rule_may_say_its_outcome_in_its_own_words(line: dict[str, str], heading: str) -> None:
    assert f"- **{heading}** " in card_for(line)["detail"]


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        ("Condition SNOMED 185481008 dissatisfied with doctor", "patient_concern"),
        ("Condition SNOMED 310343007 further opinion sought", "patient_concern"),
    ],
)
def test_what_the_patient_says_raises_a_card_of_its_own(stated: str, rule: str) -> None:
    call = deepcopy(hook_call(TEACHING["enough-therapy"], "order-sign"))
    assert answered(call)["cards"] == []
    condition = chart([{"10 days ago": stated}], TODAY)[1]
    condition["subject"] = {"reference": f"Patient/{call['context']['patientId']}"}
    call["prefetch"]["conditions"]["entry"].append({"resource": condition})
    card = card_of(call)
    assert (card["indicator"], card["links"][1]["url"]) == ("info", f"{BASE}/why#{rule}")
    assert "patient" in card["summary"].lower()


@pytest.mark.parametrize(
    ("written", "summary", "detail"),
    [
        ("2025-07-22", "16 months after lumbar fusion (22 Jul 2025)", "on 22 Jul 2025"),
        ("2025-07", "about 16 months after lumbar fusion (Jul 2025)", "in Jul 2025"),
        ("2024", "about 2 years after lumbar fusion (2024)", "in 2024"),
    ],
)
def test_a_date_that_the_chart_has_only_in_part_is_said_in_part(written: str, summary: str, detail: str) -> None:
    call = deepcopy(hook_call(TEACHING["failed-fusion"], "order-sign"))
    call["prefetch"]["procedures"]["entry"][0]["resource"]["performedDateTime"] = written
    card = card_of(call)
    assert f"Lumbar fusion planned {summary};" in card["summary"]
    assert f"Earlier operation: lumbar fusion L4-5 {detail};" in card["detail"]


def test_an_earlier_operation_that_was_found_is_never_headed_as_not_found(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        signs = {each["sign"] for finding in card["extension"][ASSESSMENT]["findings"] for each in finding["evidence"]}
        if "earlier_operation" in signs:
            assert "Earlier surgery: not found" not in card["detail"], name


def test_absence_from_the_record_is_never_called_absence_of_care(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        for said in (card["summary"], card["detail"]):
            assert not re.search(r"\b(never|not) (done|tried|performed|given|received)\b", said), name
            assert not re.search(r"\bno (therapy|care|treatment) (done|tried|performed)\b", said, re.IGNORECASE), name


def test_no_detail_holds_html_or_a_table(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        assert not re.search(r"[<>|]|&#?\w+;", card["detail"]), name


MARKUP = "<img src=x onerror=alert(1)> &lt;b&gt; `code` | a | [link](https://evil.example) **bold** # x"
MARKED_UP = {
    "the order": [{"today": "Order CPT 22612 lumbar fusion"}],
    "an order by its text": [{"today": "Order text Lumbar fusion"}],
    "an earlier operation": [FUSION, {"400 days ago": "Procedure CPT 63047 lumbar laminectomy"}],
    "a diagnosis": [FUSION, {"400 days ago": "Condition ICD10CM M96.1 postlaminectomy syndrome"}],
    "hardware": [FUSION, {"400 days ago": "Condition ICD10CM T84.226A displaced implant"}],
    "care received": [FUSION, {"40 days ago": "Procedure CPT 97110 exercise therapy"}],
    "care read from text": [FUSION, {"40 days ago": "Procedure text Physical therapy"}],
    "care declined": [FUSION, {"40 days ago": "Procedure CPT 97110 exercise [status=not-done; why=declined]"}],
    "care declined without a reason": [FUSION, {"40 days ago": "Procedure CPT 97110 exercise [status=not-done]"}],
    "care ordered": [FUSION, {"40 days ago": "Order CPT 97110 exercise therapy [status=active]"}],
    "an order marked completed": [FUSION, {"40 days ago": "Order CPT 97110 exercise therapy [status=completed]"}],
    "care without a date": [FUSION, {"undated": "Procedure CPT 97110 exercise therapy"}],
    "an unknown status": [FUSION, {"40 days ago": "Procedure CPT 97110 exercise therapy [status=odd]"}],
    "an operation of unknown status": [FUSION, {"400 days ago": "Procedure CPT 63047 laminectomy [status=odd]"}],
    "a medicine": [FUSION, {"40 days ago": "Prescription RXNORM 197806 ibuprofen"}],
    "an activity": [FUSION, {"40 days ago": "Activity CPT 97110 exercise therapy"}],
    "a score": [
        FUSION,
        {"400 days ago": "Procedure CPT 63047 lumbar laminectomy"},
        {"100 days ago": "Score LOINC 97909-6 ODI [value=60]"},
    ],
}


def marked_up(value: Any) -> Any:
    """The same resource with markup in everything a person may have typed, and in statuses we do not know."""
    if isinstance(value, list):
        return [marked_up(item) for item in value]
    if isinstance(value, dict):
        return {
            key: f"{item} {MARKUP}" if key in ("text", "display") or item == "odd" else marked_up(item)
            for key, item in value.items()
        }
    return value


@pytest.mark.parametrize("name", MARKED_UP)
def test_markup_in_the_chart_never_reaches_the_card(name: str) -> None:
    card = card_of(call_with(marked_up(chart(MARKED_UP[name], TODAY))))
    for said in (card["summary"], card["detail"]):
        assert not re.search(r"[<>|`]|\[link\]|\*\*bold\*\*", said), said
    assert len(card["summary"]) <= 139
    for suggestion in card["suggestions"]:
        assert "<" not in json.encode(suggestion).decode()
    # What the assessment carries is read by the app: labels are clean there, too.
    carried = card["extension"][ASSESSMENT]
    shown = [each["shows"] for finding in carried["findings"] for each in finding["evidence"]]
    for said in (carried["planned_surgery"]["label"], *shown, *(each["says"] for each in carried["findings"])):
        assert not re.search(r"[<>|`]|\[link\]|\*\*bold\*\*", said), said


@pytest.mark.parametrize("label", ["<", "***", " ", "\u200b"])
def test_a_label_of_nothing_but_markup_or_blanks_leaves_no_hole_in_a_sentence(label: str) -> None:
    resources = chart([FUSION, {"30 days ago": "Condition ICD10CM M96.1 x"}], TODAY)
    for resource in resources[1:]:
        resource["code"] = {"coding": [{key: resource["code"]["coding"][0][key] for key in ("system", "code")}]}
        resource["code"]["text"] = label
    card = card_of(call_with(resources))
    for said in (card["summary"], card["detail"]):
        sentences = re.sub(r"\*\*[^*]+\*\* ?", "", said)  # without headings: 'Earlier surgery: to consider.'
        assert not re.search(r"\S  |\(\)|: +on record| ;", sentences), said


def test_markup_in_an_error_of_the_ehr_never_reaches_the_card() -> None:
    call = call_with(chart([FUSION], TODAY))
    refused = deepcopy(REFUSED)
    refused["issue"][0]["diagnostics"] = f"<h1>403</h1> {MARKUP}"  # type: ignore[index]
    call["prefetch"]["procedures"] = refused
    call["prefetch"][MARKUP] = {"resourceType": "Bundle", "entry": []}
    card = card_of(call)
    assert not re.search(r"[<>|`]", card["summary"] + card["detail"])


CODES = sorted(
    {
        line.split()[1]
        for group in VALUE_SETS["spine_surgery"]["groups"]
        for line in group["codes"]
        if line.startswith("CPT ") and line.split()[1].isdigit()
    }
)
NEEDED = [name for name in prefetch_templates("order-sign") if name != "patient"]
LABEL = st.text(min_size=1, max_size=300).filter(lambda label: any(map(str.isalnum, label)))
EARLIER = st.tuples(st.sampled_from(CODES), st.integers(1, 20_000), LABEL)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    planned=st.lists(st.tuples(st.sampled_from(CODES), LABEL), min_size=1, max_size=3),
    earlier=st.lists(EARLIER, max_size=3),
    failed=st.none() | LABEL,
    care=st.lists(st.integers(1, 364), max_size=2),
    unread=st.sets(st.sampled_from(NEEDED)),
    priority=st.sampled_from(["", "routine", "urgent"]),
)
def test_whatever_the_chart_says_the_summary_fits_and_the_detail_is_plain(
    planned: list[tuple[str, str]],
    earlier: list[tuple[str, int, str]],
    failed: str | None,
    care: list[int],
    unread: set[str],
    priority: str,
) -> None:
    def dated(days: int) -> str:
        return (TODAY - timedelta(days)).isoformat()

    more = f" [priority={priority}]" if priority else ""
    lines = [{"today": f"Order CPT {code} x{more}"} for code, _ in planned]
    lines += [{dated(days): f"Procedure CPT {code} x"} for code, days, _ in earlier]
    lines += [{dated(days): "Procedure CPT 97110 exercise"} for days in care]
    lines += [{"30 days ago": "Condition ICD10CM M96.1 x"}] if failed else []
    resources = chart(lines, TODAY)
    labels = [label for _, label in planned] + [label for *_, label in earlier]
    for resource, label in zip(resources[1:], labels, strict=False):
        resource["code"]["text"] = label
    if failed:
        resources[-1]["code"]["text"] = failed
    for card in answered(call_with(resources, unread=unread))["cards"]:
        assert 20 < len(card["summary"]) <= 139
        assert "\n" not in card["summary"] and "  " not in card["summary"]
        assert not re.search(r"[<>|]", card["detail"])
        for suggestion in card["suggestions"]:
            ServiceRequest.model_validate(suggestion["actions"][0]["resource"])


# ---- what the card suggests


def suggested(card: Json) -> list[Json]:
    return [action["resource"] for suggestion in card["suggestions"] for action in suggestion["actions"]]


def test_a_second_opinion_is_always_suggested_and_is_the_one_recommended(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        first, *others = card["suggestions"]
        assert card["selectionBehavior"] == "any", name
        assert first["isRecommended"] is True, name
        assert not any("isRecommended" in other for other in others), name
        (action,) = first["actions"]
        assert (action["type"], bool(action["description"])) == ("create", True)
        reasons = action["resource"]["reasonCode"][0]["coding"]
        assert [(each["system"], each["code"]) for each in reasons] == [
            ("http://terminology.hl7.org/CodeSystem/v2-0336", "S")
        ]


def test_physical_therapy_is_suggested_only_when_too_little_nonsurgical_care_was_found(
    cards: dict[str, Json],
) -> None:
    for name, card in cards.items():
        findings = {each["rule"]: each["outcome"] for each in card["extension"][ASSESSMENT]["findings"]}
        lacking = findings["nonsurgical_care"] in ("concern", "not_documented")
        assert len(card["suggestions"]) == (2 if lacking else 1), name


def test_every_suggested_order_is_valid_fhir_and_coded(cards: dict[str, Json]) -> None:
    for card in cards.values():
        for order in suggested(card):
            ServiceRequest.model_validate(order)
            assert ClientServiceRequest(order).as_json() == order
            assert order["code"]["coding"][0].keys() == {"system", "code", "display"}
            assert (order["status"], order["intent"]) == ("draft", "order")
            assert "id" not in order
            assert order["identifier"][0]["system"] == "urn:org.second-opinion:referral"


def test_a_suggested_order_is_based_on_the_planned_ones_and_speaks_for_their_clinician() -> None:
    for order in suggested(teaching_card("no-therapy-found")):
        assert order["basedOn"] == [{"reference": "ServiceRequest/daniel-order-22612"}]
        assert order["requester"]["reference"].startswith("Practitioner/")
        assert order["encounter"]["reference"].startswith("Encounter/")
        assert order["subject"] == {"reference": "Patient/daniel-brooks"} or order["subject"]["reference"]
        assert order["authoredOn"] == "2026-11-22"


def test_an_order_set_is_the_basis_as_a_whole() -> None:
    card = card_for(FUSION, {"today": "Order CPT 63047 lumbar laminectomy"})
    assert [each["reference"] for each in suggested(card)[0]["basedOn"]] == [
        "ServiceRequest/order-0",
        "ServiceRequest/order-1",
    ]


@pytest.mark.parametrize(
    ("user", "requester"),
    [
        ("Practitioner/5", "Practitioner/5"),
        ("PractitionerRole/e-Qok.EG_5", "PractitionerRole/e-Qok.EG_5"),
        ("Patient/example", None),
        ("RelatedPerson/5", None),
        ("5", None),
        ("Practitioner/5 or so", None),
    ],
)
def test_only_a_clinician_becomes_the_requester(user: str, requester: str | None) -> None:
    (order, *_) = suggested(card_for(FUSION, userId=user))
    assert order.get("requester") == ({"reference": requester} if requester else None)


@pytest.mark.parametrize(
    ("encounter", "reference"), [("7", "Encounter/7"), ("Encounter/7", "Encounter/7"), ("", None), (None, None)]
)
def test_the_encounter_of_the_hook_becomes_that_of_the_order(encounter: str | None, reference: str | None) -> None:
    (order, *_) = suggested(card_for(FUSION, encounterId=encounter))
    assert order.get("encounter") == ({"reference": reference} if reference else None)


def test_an_order_without_an_id_is_no_basis() -> None:
    resources = chart([FUSION], TODAY)
    call = call_with(resources)
    del call["context"]["draftOrders"]["entry"][0]["resource"]["id"]
    assert all("basedOn" not in order for order in suggested(card_of(call)))


def test_a_planned_appointment_is_no_basis_since_fhir_allows_none() -> None:
    card = card_for({"in 20 days": "Appointment CPT 22612 lumbar fusion"}, hook="patient-view")
    assert all("basedOn" not in order for order in suggested(card))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Order CPT 22612 lumbar fusion", "Referral for a second opinion before lumbar fusion"),
        ("Order CPT 22856 disc", "Referral for a second opinion before cervical disc replacement"),
        ("Order CPT 22842 rods", "Referral for a second opinion before spinal instrumentation"),
    ],
)
def test_a_suggested_order_says_before_which_operation(line: str, words: str) -> None:
    assert suggested(card_for({"today": line}))[0]["code"]["text"] == words


def test_the_planned_order_is_never_changed(cards: dict[str, Json]) -> None:
    for card in cards.values():
        assert {action["type"] for each in card["suggestions"] for action in each["actions"]} == {"create"}
        assert all(len(each["actions"]) == 1 for each in card["suggestions"])


# ---- the assessment it carries

FOR_THE_APP = {"financial_ties"}  # never on a card
FINDING = {"rule", "outcome", "says", "evidence", "could_not_read"}
OUTCOMES = {"concern", "not_documented", "met", "could_not_assess", "not_applicable"}
EVIDENCE = {"reference", "date", "shows", "sign", "code"}
LANE = {"state", "count", "why", "unread", "set_aside"}


def test_the_card_carries_its_assessment_in_the_form_of_the_contract(cards: dict[str, Json]) -> None:
    for name, card in cards.items():
        assert set(card["extension"]) == {ASSESSMENT}, name
        carried = card["extension"][ASSESSMENT]
        assert set(carried) == {"as_of", "planned_surgery", "silenced_by", "indicator", "findings", "lanes"}, name
        assert date.fromisoformat(carried["as_of"])
        assert set(carried["planned_surgery"]) == {"kind", "regions", "orders", "label", "by"}
        assert carried["planned_surgery"]["by"] in ("code", "text")
        assert carried["silenced_by"] is None
        assert carried["indicator"] == card["indicator"]
        assert [each["rule"] for each in carried["findings"]] == [rule for rule in RULES if rule not in FOR_THE_APP]
        assert tuple(carried["lanes"]) == LANES
        for finding in carried["findings"]:
            assert set(finding) == FINDING
            assert finding["outcome"] in OUTCOMES
            assert finding["says"].endswith(".")
            assert set(finding["could_not_read"]) <= set(LANES)
            for evidence in finding["evidence"]:
                assert set(evidence) == EVIDENCE
                assert re.fullmatch(r"[A-Z]\w+/\S+", evidence["reference"])
                assert evidence["date"] is None or date.fromisoformat(evidence["date"])
        for lane in carried["lanes"].values():
            assert {"state"} <= set(lane) <= LANE
            assert lane["state"] in ("complete", "partial", "unavailable")
            assert (lane["state"] == "complete") == ("why" not in lane)


def test_no_name_or_birth_date_of_the_patient_stands_on_a_card() -> None:
    text = json.encode(teaching_card()).decode()
    for secret in ("Keller", "Ruth", "1965", "T-100461"):
        assert secret not in text


def test_every_vignette_gets_the_indicator_it_expects_by_the_hook_as_well(answers: dict[str, Json]) -> None:
    """By patient-view, which finds the operation where a vignette puts it."""
    for vignette in ALL:
        if "indicator" in vignette.expected and not unseen(vignette):
            shown = [card["indicator"] for card in answers[f"{vignette.rule}: {vignette.name}, patient-view"]["cards"]]
            assert shown == [each for each in [vignette.expected["indicator"]] if each], vignette.name


def unseen(vignette: Vignette) -> bool:
    """Whether a vignette needs what no prefetch template asks for, a lane read in part, or an earlier answer."""
    asked = {template.partition("?")[0].partition("/")[0] for template in prefetch_templates("patient-view").values()}
    return bool({each["resourceType"] for each in vignette.resources} - asked or vignette.unread or vignette.answers)


def test_a_card_lists_so_much_evidence_and_says_how_much_it_leaves_out() -> None:
    call = deepcopy(hook_call(TEACHING["failed-fusion"], "order-sign"))
    visit = {"resourceType": "Procedure", "status": "completed", "performedDateTime": "2026-10-01",
             "subject": {"reference": f"Patient/{call['context']['patientId']}"},
             "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "97110"}]}}  # fmt: skip
    visits = [{"resource": visit | {"id": f"visit-{number}"}} for number in range(1000)]
    call["prefetch"]["procedures"] = {"resourceType": "Bundle", "type": "searchset", "entry": visits}
    (card,) = create_app(BASE, today=lambda: TODAY).test_client().post(
        "/cds-services/second-opinion-order-sign", json=call
    ).get_json()["cards"]  # fmt: skip
    findings = {finding["rule"]: finding for finding in card["extension"][ASSESSMENT]["findings"]}
    care = findings["nonsurgical_care"]
    assert len(care["evidence"]) == 200
    assert care["evidence_left_out"] >= 800
    assert "evidence_left_out" not in findings["indication"]
