"""What each form of a prefetch value says about its lane: found, searched and not found, or could not be read."""

import json
from datetime import date
from typing import Any

import pytest
from chart_search import fill
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec import Raw
from msgspec.json import decode

from second_opinion.assess import as_json, assess
from second_opinion.data_needs import LANES, NEEDS, prefetch_templates, smart_scopes
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import OWN_REFERRAL, read_page, read_prefetch
from second_opinion.planned_surgery import in_orders
from second_opinion.record import PatientRecord

AS_OF = date(2026, 11, 22)
HOOK = "patient-view"  # the hook that asks for most: all but documents, which no hook asks for
HOOKS = ["patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch"]
SUBJECT = {"reference": "Patient/p"}
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1966-05-01"}
KEYS = {need.lane: need.type for need in NEEDS if HOOK in need.hooks}
TYPES = {need.lane: need.type for need in NEEDS}
LISTED = [lane for lane in KEYS if lane != "patient"]
NEVER_ASKED = [lane for lane in LANES if lane not in KEYS]
OTHER = dict(zip(KEYS, [*list(KEYS)[1:], "procedures"], strict=True))  # of each lane, some other one
ABSENT = object()

Json = dict[str, Any]


def one_of(lane: str, **elements: Any) -> Json:
    """Some resource of the type that the lane's own query finds."""
    if lane == "patient":
        return PATIENT | elements
    if lane == "appointments":
        return {"resourceType": "Appointment", "id": "1", "participant": [{"actor": SUBJECT}], **elements}
    return {"resourceType": TYPES[lane], "id": "1", "subject": SUBJECT, **elements}


def page(*entries: Any, **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries), **more}


def found(resource: Any) -> Json:
    return {"resource": resource, "search": {"mode": "match"}}


def outcome(severity: str, **said: Any) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing", **said}]}


def usual(lane: str) -> Any:
    return PATIENT if lane == "patient" else page(found(one_of(lane)), total=1)


def read(prefetch: Json, hook: str = HOOK, patient: str = "p", drafts: Any = None) -> PatientRecord:
    """As a hook brings it: every value still as it was written."""
    raw = decode(
        json.dumps({key: value for key, value in prefetch.items() if value is not ABSENT}), type=dict[str, Raw]
    )
    orders = None if drafts is None else read_page(json.dumps(drafts).encode(), "orders")
    return read_prefetch(raw, hook, patient, AS_OF, orders)


def with_form(lane: str, value: Any) -> PatientRecord:
    """Everything else is sent as it should be."""
    return read({name: usual(name) for name in KEYS} | {lane: value})


def odd_lanes(record: PatientRecord) -> dict[str, str]:
    return {name: str(record[name].state) for name in KEYS if not record[name].complete}


# ---- every key, every form

NEXT = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
FORMS: dict[str, tuple[Any, str, str]] = {
    # name: (value; a function where it depends on the lane, the lane's state, words of why)
    "absent": (ABSENT, "unavailable", "not sent"),
    "null": (None, "complete", ""),
    "an empty searchset": (page(total=0), "complete", ""),
    "a searchset without entry": ({"resourceType": "Bundle", "type": "searchset", "total": 0}, "complete", ""),
    "Epic's warning that there are no results": (
        page({"resource": outcome("warning", details={"text": "no results"}), "search": {"mode": "outcome"}}, total=0),
        "complete",
        "",
    ),
    "results beside a warning": (
        lambda lane: page(
            found(one_of(lane)), {"resource": outcome("warning"), "search": {"mode": "outcome"}}, total=1
        ),
        "complete",
        "",
    ),
    "an error among the entries": (
        page({"resource": outcome("error", diagnostics="index is down"), "search": {"mode": "outcome"}}),
        "unavailable",
        "index is down",
    ),
    "a fatal error among the entries": (
        page({"resource": outcome("fatal", details={"text": "no access"})}),
        "unavailable",
        "no access",
    ),
    "results beside an error": (
        lambda lane: page(found(one_of(lane)), found(outcome("error", diagnostics="cut short"))),
        "partial",
        "cut short",
    ),
    "an OperationOutcome": (outcome("error", diagnostics="forbidden"), "unavailable", "forbidden"),
    "an OperationOutcome that only warns": (outcome("warning"), "unavailable", "an OperationOutcome"),
    "an OperationOutcome without issues": ({"resourceType": "OperationOutcome"}, "unavailable", "an OperationOutcome"),
    "an OperationOutcome that says only a code": (outcome("error"), "unavailable", "processing"),
    "a next link": (lambda lane: page(found(one_of(lane)), link=NEXT), "partial", "further pages"),
    "a next link behind an empty page": (page(link=NEXT), "partial", "further pages"),
    "a total above what was sent": (lambda lane: page(found(one_of(lane)), total=2), "partial", "1 of 2"),
    "a total with nothing sent": (page(total=12), "partial", "0 of 12"),
    "another type alone": (
        lambda lane: page(found(one_of(OTHER[lane]))),
        "unavailable",
        "it holds no",
    ),
    "a type alone that no rule reads": (
        page(found({"resourceType": "Immunization", "id": "1"})),
        "unavailable",
        "it holds no",
    ),
    "a lone resource of another type": (lambda lane: one_of(OTHER[lane]), "unavailable", "it holds no"),
    "a lone resource of a type that no rule reads": (
        {"resourceType": "Immunization", "id": "1"},
        "unavailable",
        "it holds no",
    ),
    "a string": ("none", "unavailable", "not an object"),
    "an empty string": ("", "unavailable", "not an object"),
    "a number": (0, "unavailable", "not an object"),
    "true": (True, "unavailable", "not an object"),
    "false": (False, "unavailable", "not an object"),
    "a list": ([], "unavailable", "not an object"),
    "a list of results": (lambda lane: [one_of(lane)], "unavailable", "not an object"),
    "an empty object": ({}, "unavailable", "not an object"),
    "an object without a resourceType": ({"entry": []}, "unavailable", "not an object"),
    "entries null": ({"resourceType": "Bundle", "entry": None}, "complete", ""),
    "an entry null": (lambda lane: page(found(one_of(lane)), None), "partial", "could not be read"),
    "an entry alone and null": (page(None), "unavailable", "it holds no"),
    "an entry without a resourceType": (lambda lane: page(found(one_of(lane)), found({"id": "2"})), "partial", "read"),
    "an entry without a resource": (lambda lane: page(found(one_of(lane)), {"fullUrl": "x"}), "partial", "read"),
    "an entry of an older version": (
        lambda lane: page(found(one_of(lane)), found({"resourceType": "ProcedureRequest"})),
        "partial",
        "read",
    ),
    "an entry with an element of a wrong type": (
        lambda lane: page(found(one_of(lane, modifierExtension="x"))),
        "complete",  # a lone item where a list belongs is mended: the resource is set aside, not lost
        "",
    ),
    "entries that are no list": ({"resourceType": "Bundle", "entry": 5}, "unavailable", ""),
}


def cases() -> list[Any]:
    return [pytest.param(lane, form, id=f"{lane}: {form}") for lane in KEYS for form in FORMS]


@pytest.mark.parametrize(("lane", "form"), cases())
def test_each_form_of_a_prefetch_value_says_how_well_its_lane_was_read(lane: str, form: str) -> None:
    value, state, why = FORMS[form]
    record = with_form(lane, value(lane) if callable(value) else value)
    if lane == "patient" and state == "complete" and record[lane].count == 0:
        state, why = "unavailable", ""  # a patient in context exists: none found is not read
    assert odd_lanes(record) == ({} if state == "complete" else {lane: state})
    assert why in "; ".join(record[lane].why)


@pytest.mark.parametrize("lane", KEYS)
def test_a_lane_sent_in_full_is_complete(lane: str) -> None:
    record = with_form(lane, usual(lane))
    assert record[lane].count == 1
    assert odd_lanes(record) == {}


@pytest.mark.parametrize("lane", LISTED)
def test_one_resource_instead_of_a_bundle_is_used_and_its_lane_partial(lane: str) -> None:
    record = with_form(lane, one_of(lane))
    assert record[lane].count == 1
    assert odd_lanes(record) == {lane: "partial"}


def test_a_patient_in_a_bundle_is_read() -> None:
    record = with_form("patient", page(found(PATIENT)))
    assert record.person.born == date(1966, 5, 1)
    assert record["patient"].complete


@pytest.mark.parametrize("lane", LISTED)
def test_another_patients_resources_are_reported_and_never_used(lane: str) -> None:
    theirs = one_of(lane, id="2")
    theirs |= {"participant": [{"actor": {"reference": "Patient/q"}}]} if lane == "appointments" else {}
    theirs |= {"subject": {"reference": "Patient/q"}} if "subject" in theirs else {}
    alone, some_of_them = (
        with_form(lane, page(found(theirs))),
        with_form(lane, page(found(theirs), found(one_of(lane)))),
    )
    assert odd_lanes(alone) == {lane: "unavailable"}
    assert odd_lanes(some_of_them) == {lane: "partial"}
    for record in (alone, some_of_them):
        (unread,) = record[lane].unread
        assert (unread.reference, unread.why) == (f"{KEYS[lane]}/2", "belongs to another patient")
    assert (alone[lane].count, some_of_them[lane].count) == (0, 1)


def test_a_patient_of_another_id_is_never_our_patient() -> None:
    record = with_form("patient", PATIENT | {"id": "stale", "deceasedBoolean": True})
    assert record.person.reference == "Patient/p"
    assert (record.person.born, record.person.deceased) == (None, False)
    assert odd_lanes(record) == {"patient": "unavailable"}


def test_a_stale_prefetch_leaves_every_lane_unavailable() -> None:
    """The first call after a launch may carry the data of the patient before."""
    record = read({name: usual(name) for name in KEYS}, patient="now")
    assert set(odd_lanes(record).values()) == {"unavailable"}
    assert set(odd_lanes(record)) == set(KEYS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lane", LISTED)
def test_a_lane_is_complete_only_if_nothing_of_it_is_missing_or_named_unread(lane: str, form: str) -> None:
    value = FORMS[form][0]
    read_lane = with_form(lane, value(lane) if callable(value) else value)[lane]
    assert not (read_lane.complete and (read_lane.unread or read_lane.why))
    assert read_lane.complete or read_lane.why


# ---- lanes and hooks


@pytest.mark.parametrize("lane", NEVER_ASKED)
def test_a_lane_that_is_never_asked_for_is_unavailable(lane: str) -> None:
    assert with_form("patient", PATIENT)[lane].why == ("not asked for",)


@pytest.mark.parametrize("hook", HOOKS[1:])
def test_a_lane_that_this_hook_does_not_ask_for_is_unavailable(hook: str) -> None:
    record = read({name: usual(name) for name in KEYS if name != "appointments"}, hook=hook)
    assert odd_lanes(record) == {"appointments": "unavailable"}
    assert record["appointments"].why == ("not asked for",)


def test_without_prefetch_nothing_was_read() -> None:
    record = read({})
    assert {str(lane.state) for lane in record.lanes.values()} == {"unavailable"}


@pytest.mark.parametrize("hook", HOOKS)
def test_templates_ask_for_one_patient_with_no_paired_dates(hook: str) -> None:
    templates = prefetch_templates(hook)
    assert list(templates) == [need.lane for need in NEEDS if hook in need.hooks]
    assert templates.pop("patient") == "Patient/{{context.patientId}}"
    for query in templates.values():
        assert query.count("{{context.patientId}}") == 1
        assert "date=" not in query
        assert "_count=" in query


@pytest.mark.parametrize("hook", HOOKS)
def test_medicines_come_with_the_medication_that_they_point_to(hook: str) -> None:
    resources = [
        PATIENT,
        {"resourceType": "Medication", "id": "7", "code": {"text": "Ibuprofen 400 mg"}},
        {
            "resourceType": "MedicationRequest",
            "id": "8",
            "status": "active",
            "intent": "order",
            "subject": SUBJECT,
            "authoredOn": "2026-10-01",
            "medicationReference": {"reference": "Medication/7"},
        },
    ]
    chart = {"entry": [{"resource": each} for each in resources]}
    sent = fill(prefetch_templates(hook), chart, {"patientId": "p"})["medications"]
    lane = read({"medications": sent}, hook=hook)["medications"]
    assert [event.label for event in lane.events] == ["Ibuprofen 400 mg"]
    assert lane.complete


def test_scopes_ask_for_no_more_than_the_lanes_and_the_medications_behind_them() -> None:
    types = {*KEYS.values(), "DocumentReference", "Medication"}  # documents are the app's to ask for
    assert smart_scopes() == sorted(f"patient/{kind}.rs" for kind in types)


def test_no_hook_asks_for_documents_and_the_app_does() -> None:
    assert {name for hook in HOOKS for name in prefetch_templates(hook)} == {*KEYS}
    assert {need.lane for need in NEEDS} == {*KEYS, "documents"} == set(LANES)


def test_documents_that_a_client_sends_unasked_are_used_and_never_the_whole() -> None:
    sent = one_of("documents", status="current", date="2026-10-01", type={"text": "Informed consent"})
    record = read({"documents": page(found(sent), total=1)})
    assert [event.label for event in record["documents"].events] == ["Informed consent"]
    assert record["documents"].state == "partial"


# ---- keys of a client's own


def own_key(value: Any, **lanes: Any) -> PatientRecord:
    asked = {name: usual(name) for name in KEYS if name != "appointments"}
    return read(asked | lanes | {"serviceRequestBundle": value}, hook="order-sign")


REQUEST = {"resourceType": "ServiceRequest", "id": "9", "status": "active", "intent": "order", "subject": SUBJECT}
REQUEST |= {"code": {"text": "Lumbar fusion"}}


def test_what_comes_under_a_key_of_the_clients_own_is_used() -> None:
    record = own_key({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": REQUEST}]})
    assert [event.source for event in record["service_requests"].events] == ["ServiceRequest/9"]
    assert record["service_requests"].complete  # its own key said all there is


@pytest.mark.parametrize("more", [[], [{"resource": REQUEST | {"id": "10"}}]], ids=["one", "two"])
def test_a_key_of_the_clients_own_never_makes_a_lane_complete(more: list[Json]) -> None:
    collection = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": REQUEST}, *more]}
    record = own_key(collection, service_requests=ABSENT)
    assert record["service_requests"].state == "partial"
    assert record["service_requests"].why == ("not sent by the EHR", "some came as 'serviceRequestBundle'")
    assert len(record["service_requests"].events) == 1 + len(more)


def test_a_lane_that_was_partial_stays_as_it_was() -> None:
    record = own_key(REQUEST, service_requests=page(link=NEXT))
    assert record["service_requests"].state == "partial"
    assert record["service_requests"].why == ("there are further pages that were not sent",)


def test_another_patients_resources_under_a_key_of_the_clients_own_are_not_used() -> None:
    record = own_key(REQUEST | {"subject": {"reference": "Patient/q"}}, service_requests=ABSENT)
    assert record["service_requests"].state == "unavailable"
    assert not record["service_requests"].events


@pytest.mark.parametrize("value", [None, "x", 5, [], {}, {"resourceType": "Basic"}, page(), outcome("error")])
def test_a_key_of_the_clients_own_that_holds_nothing_for_us_changes_nothing(value: Any) -> None:
    assert odd_lanes(own_key(value)) == {"appointments": "unavailable"}


def test_an_unreadable_entry_under_a_key_of_the_clients_own_is_named_in_its_lane() -> None:
    record = own_key(page(found(REQUEST | {"code": "Lumbar fusion"})))
    assert record["service_requests"].state == "partial"
    assert [each.reference for each in record["service_requests"].unread] == ["ServiceRequest/9"]


def test_a_medication_under_a_key_of_the_clients_own_resolves_references() -> None:
    asked = one_of("medications", status="active", medicationReference={"reference": "Medication/d"})
    medication = {"resourceType": "Medication", "id": "d", "code": {"text": "ibuprofen"}}
    record = read({"medications": page(found(asked)), "medicationBundle": page(found(medication))})
    assert [*record.medications.events, *record.medications.aside]
    assert record.medications.complete


def test_resources_without_ids_under_two_keys_are_both_kept() -> None:
    visit = {"resourceType": "Procedure", "status": "completed", "code": {"text": "exercise"}, "subject": SUBJECT}
    one, other = (page(found(visit | {"performedDateTime": day})) for day in ("2026-05-01", "2026-06-01"))
    record = read({"procedures": one, "moreProcedures": other})
    assert [str(event.on) for event in record.procedures.events] == ["2026-05-01", "2026-06-01"]


def test_a_resource_sent_under_two_keys_counts_once() -> None:
    record = read({"service_requests": page(found(REQUEST)), "serviceRequestBundle": page(found(REQUEST))})
    assert record["service_requests"].count == 1


# ---- the orders in the hook's context


def test_draft_orders_may_be_written_as_clients_write_them() -> None:
    """No Bundle.type, an empty coding, an object where a list belongs: seen on the wire."""
    order = {
        "resourceType": "ServiceRequest", "id": "9", "status": "draft", "intent": "order", "subject": SUBJECT,
        "code": {"coding": [{}], "text": "Lumbar fusion"}, "category": {"coding": [{}]}, "reasonCode": [],
    }  # fmt: skip
    record = read({}, hook="order-sign", drafts={"resourceType": "Bundle", "entry": [{"resource": order}]})
    surgery = in_orders(record)
    assert surgery is not None
    assert (surgery.kind, set(surgery.regions), surgery.by) == ("fusion", {"lumbar"}, "text")
    assert record.skipped == ()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"subject": {"reference": "Patient/q"}}, "this order is for another patient"),
        ({"modifierExtension": [{"url": "x"}]}, "this order carries a modifierExtension"),
    ],
)
def test_an_order_that_is_not_safe_to_judge_is_skipped_and_named(changes: Json, why: str) -> None:
    record = read({}, hook="order-sign", drafts=page(found(REQUEST | changes)))
    assert in_orders(record) is None
    assert [(each.reference, each.why) for each in record.skipped] == [("ServiceRequest/9", why)]


def test_an_order_that_cannot_be_read_is_named() -> None:
    record = read({}, hook="order-sign", drafts=page(found(REQUEST), None, found(REQUEST | {"id": "8", "code": 5})))
    assert [(each.reference, each.why) for each in record.skipped] == [
        ("orders.entry[1]", "not a FHIR resource: no resourceType"),
        ("ServiceRequest/8", "code: not as FHIR R4 has it"),
    ]


def test_an_order_may_refer_to_the_chart() -> None:
    diagnosis = one_of(
        "conditions", code={"coding": [{"system": "icd-10-cm", "code": "M48.062", "display": "Stenosis"}]}
    )
    order = REQUEST | {"reasonReference": [{"reference": "Condition/1"}]}
    record = read({"conditions": page(found(diagnosis))}, hook="order-sign", drafts=page(found(order)))
    surgery = in_orders(record)
    assert surgery and [reason.label for reason in surgery.reasons] == ["Stenosis"]


@pytest.mark.parametrize("drafts", [None, 5, "x", [], {}, {"resourceType": "ServiceRequest"}])
def test_draft_orders_that_are_no_bundle_give_no_operation_or_are_refused(drafts: Any) -> None:
    try:
        assert in_orders(read({}, hook="order-sign", drafts=drafts)) is None
    except UnreadableInput as problem:
        assert "resourceType" in str(problem)


SECOND_OPINION = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0336", "code": "S"}]}
AS_SENT = {"reasonCode": [SECOND_OPINION]}
RECODED: Json = {}  # an EHR may code the referral its own way: our identifier is what stays
OWN = {
    "resourceType": "ServiceRequest", "id": "own", "status": "draft", "intent": "order", "subject": SUBJECT,
    "identifier": [{"system": OWN_REFERRAL, "value": "1"}], "code": {"text": "Referral"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "silent"),
    [
        ({"basedOn": [{"reference": "ServiceRequest/9"}]}, True),
        ({"basedOn": [{"reference": "https://ehr.example/fhir/ServiceRequest/9/_history/1"}]}, True),
        ({"basedOn": [{"reference": "ServiceRequest/other"}]}, False),
        ({"basedOn": []}, False),
        ({"status": "active", "authoredOn": "2026-11-22"}, True),
        ({"status": "active", "authoredOn": "2024-11-22"}, False),
        ({"status": "revoked", "authoredOn": "2026-11-22"}, False),
        ({"status": "active", "authoredOn": "2026-11-22", "doNotPerform": True}, False),
    ],
)
@pytest.mark.parametrize("code", [AS_SENT, RECODED], ids=["as we sent it", "recoded"])
def test_our_own_referral_in_the_chart_is_a_second_opinion_for_its_operation(
    elements: Json, silent: bool, code: Json
) -> None:
    prefetch = {"service_requests": page(found(OWN | elements | code))}
    record = read(prefetch, hook="order-sign", drafts=page(found(REQUEST)))
    silence = assess(record, in_orders(record)).silence
    assert (silence.reason if silence else None) == ("second_opinion_exists" if silent else None)


@pytest.mark.parametrize("code", [AS_SENT, RECODED], ids=["as we sent it", "recoded"])
def test_our_own_referral_is_not_flagged_when_it_comes_back_among_the_orders(code: Json) -> None:
    """After a suggestion is accepted, what it created goes through order-sign at once."""
    alone = read({}, hook="order-sign", drafts=page(found(OWN | code | {"code": {"text": "Lumbar fusion"}})))
    assert in_orders(alone) is None
    beside = read({}, hook="order-sign", drafts=page(found(OWN | code), found(REQUEST)))
    silence = assess(beside, in_orders(beside)).silence
    assert silence and silence.reason == "second_opinion_exists"


# ---- told as JSON


def test_every_event_stands_once_in_the_evidence() -> None:
    """Of two operations the later was unsuccessful: it shows two signs, and is told once."""
    done = {"resourceType": "Procedure", "status": "completed", "subject": SUBJECT, "code": {"text": "Lumbar fusion"}}
    failed = {"outcome": {"coding": [{"system": "http://snomed.info/sct", "code": "385671000"}]}}
    operations = [
        done | {"id": "a", "performedDateTime": "2022-05-02"},
        done | {"id": "b", "performedDateTime": "2024-05-02"},
    ]
    sent = {"procedures": page(found(operations[0]), found(operations[1] | failed))}
    record = read(sent, hook="order-sign", drafts=page(found(REQUEST)))
    told = as_json(assess(record, in_orders(record)))
    (repeat,) = [finding for finding in told["findings"] if finding["rule"] == "repeat_surgery"]
    assert sorted(each["reference"] for each in repeat["evidence"]) == ["Procedure/a", "Procedure/b"]
    assert {each["sign"] for each in repeat["evidence"]} == {"strong"}


def test_the_assessment_says_how_well_each_lane_was_read() -> None:
    theirs = {"resourceType": "Procedure", "id": "2", "subject": {"reference": "Patient/q"}}
    undated = {"resourceType": "Procedure", "id": "3", "status": "completed", "code": {"text": "Lumbar fusion"}}
    prefetch = {"procedures": page(found(undated), found(theirs)), "conditions": outcome("error", diagnostics="403")}
    drafts = page(found(REQUEST), found(REQUEST | {"id": "8", "modifierExtension": [{}]}))
    record = read(prefetch, hook="order-sign", drafts=drafts)
    told = as_json(assess(record, in_orders(record)), file="call.json")
    assert (told["file"], told["patient"], told["as_of"]) == ("call.json", "Patient/p", "2026-11-22")
    assert told["lanes"]["procedures"] == {
        "state": "partial",
        "count": 1,
        "why": "1 resource(s) belong to another patient",
        "unread": [{"reference": "Procedure/2", "why": "belongs to another patient"}],
        "set_aside": [{"reference": "Procedure/3", "why": "no date"}],
    }
    assert told["lanes"]["conditions"] == {"state": "unavailable", "count": 0, "why": "the EHR reported: 403"}
    (skipped,) = told["lanes"]["service_requests"]["unread"]
    assert skipped == {"reference": "ServiceRequest/8", "why": "this order carries a modifierExtension"}


# ---- whatever arrives

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-5, 5) | some.floats(-9, 9) | some.text(max_size=3),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                ["resourceType", "entry", "resource", "total", "link", "relation", "issue", "severity", "id"]
            ),
            inner | some.sampled_from(["Bundle", "OperationOutcome", "Procedure", "Patient", "error", "next"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(some.dictionaries(some.sampled_from([*KEYS, "serviceRequestBundle", ""]), VALUES, max_size=5))
def test_any_prefetch_at_all_gives_a_record_that_says_what_it_lacks(prefetch: Json) -> None:
    record = read(prefetch)
    for lane in LISTED:
        if record[lane].complete and record[lane].count == 0:
            value = prefetch[lane]
            # Only two forms say 'searched, and nothing there'.
            assert value is None or value.get("resourceType") == "Bundle"
