"""What a token opens on the sandbox's FHIR server, and what it does not: types, interactions, one patient."""

from collections.abc import Iterator
from typing import Any

import fhir_server as fake
import pytest
from smart_ehr import DANIEL, RUTH, Json, RunningEhr, read, smart_ehr
from urllib3 import BaseHTTPResponse

ALL = "patient/*.cruds"
DANIELS = "Procedure/daniel-procedure-1"
RUTHS = "Procedure/ruth-procedure-1"


@pytest.fixture
def ehr(sekmet: str) -> Iterator[RunningEhr]:
    with smart_ehr(sekmet, lambda port: []) as running:
        yield running


def referral(patient: str = RUTH, **more: Any) -> Json:
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "ServiceRequest", "status": "draft", "intent": "proposal", "subject": subject} | more


def transaction(*entries: tuple[str, str, Json | None], **more: str) -> Json:
    listed = [
        {"request": {"method": method, "url": url} | more} | ({"resource": resource} if resource else {})
        for method, url, resource in entries
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": listed}


def addresses(answer: BaseHTTPResponse) -> set[str]:
    assert answer.status == 200, answer.data
    entries = read(answer).get("entry", [])
    return {f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}" for entry in entries}


# ---- who may ask


@pytest.mark.parametrize("header", ["", "Bearer made-up", "Basic YTpi", "Bearer"])
def test_without_a_good_token_nothing_is_told(ehr: RunningEhr, header: str) -> None:
    answer = ehr.fhir("GET", f"Patient/{RUTH}", Authorization=header)
    assert (answer.status, read(answer)["resourceType"]) == (401, "OperationOutcome")


def test_who_brings_no_token_has_the_scopes_that_are_for_all_and_who_brings_a_bad_one_has_none(sekmet: str) -> None:
    with smart_ehr(sekmet, lambda port: [], for_all="user/*.rs") as ehr:
        assert ehr.fhir("GET", f"Patient/{RUTH}").status == 200
        assert addresses(ehr.fhir("GET", "Patient")) >= {f"Patient/{RUTH}", f"Patient/{DANIEL}"}
        assert ehr.fhir("POST", "ServiceRequest", body=referral()).status == 403
        assert ehr.fhir("GET", f"Patient/{RUTH}", Authorization="Bearer made-up").status == 401


def test_what_the_server_is_anybody_may_know(ehr: RunningEhr) -> None:
    assert read(ehr.fhir("GET", "metadata"))["fhirVersion"] == "4.0.1"


def test_browsers_may_ask_from_anywhere_whatever_is_answered(ehr: RunningEhr) -> None:
    for answer in (
        ehr.fhir("GET", "metadata", Origin="https://app.example"),
        ehr.fhir("GET", "Patient", Origin="null"),
    ):
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}
    before = ehr.http.request("OPTIONS", f"{ehr.fhir_base}/Patient", headers={"Origin": "https://app.example"} | asked)
    assert "PUT" in before.headers["Access-Control-Allow-Methods"]
    assert before.headers["Access-Control-Allow-Headers"] == "authorization, if-match"


# ---- scopes


@pytest.mark.parametrize(
    ("scope", "opens"),
    [
        ("patient/Procedure.rs", {"GET one", "GET many", "POST _search"}),
        ("patient/Procedure.r", {"GET one"}),
        ("patient/Procedure.s", {"GET many", "POST _search"}),
        ("patient/Procedure.read", {"GET one", "GET many", "POST _search"}),
        ("patient/Procedure.write", {"POST", "PUT", "PATCH", "DELETE"}),
        ("patient/Procedure.c", {"POST"}),
        ("patient/Procedure.u", {"PUT", "PATCH"}),
        ("patient/Procedure.d", {"DELETE"}),
        ("patient/*.read", {"GET one", "GET many", "POST _search"}),
        ("patient/Condition.cruds", set()),
        ("launch openid", set()),
    ],
)
def test_a_scope_opens_its_type_and_its_interactions_and_nothing_else(
    ehr: RunningEhr, scope: str, opens: set[str]
) -> None:
    token = ehr.token_for(RUTH, scope)
    body = ehr.get(RUTHS)
    note = [{"op": "add", "path": "/outcome", "value": {"text": "As planned"}}]
    patch = ehr.http.request(
        "PATCH", f"{ehr.fhir_base}/{RUTHS}", json=note,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json-patch+json"},
    )  # fmt: skip
    answers = {
        "GET one": ehr.fhir("GET", RUTHS, token),
        "GET many": ehr.fhir("GET", "Procedure", token),
        "POST _search": ehr.fhir("POST", "Procedure/_search", token),
        "POST": ehr.fhir("POST", "Procedure", token, {name: body[name] for name in body if name != "id"}),
        "PATCH": patch,
        "PUT": ehr.fhir("PUT", RUTHS, token, body),
        "DELETE": ehr.fhir("DELETE", RUTHS, token),
    }
    assert {name for name, answer in answers.items() if answer.status < 300} == opens
    assert {answer.status for name, answer in answers.items() if name not in opens} <= {403}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "_history"), ("POST", "Procedure/$validate"), ("GET", "Procedure/_history"),
     ("DELETE", f"Procedure?patient={RUTH}"), ("PUT", f"Procedure?patient={RUTH}"), ("GET", "Procedure/_search"),
     ("POST", "Procedure/ruth-procedure-1"), ("GET", "a/b/c/d"), ("POST", "Patient/ruth-keller/$everything"),
     ("POST", "Patient/ruth-keller/Procedure"), ("DELETE", "Procedure/ruth-procedure-1/_history")],
)  # fmt: skip
def test_what_is_none_of_cruds_is_not_for_apps(ehr: RunningEhr, method: str, path: str) -> None:
    body = {"resourceType": "Procedure"} if method in ("POST", "PUT") else None
    assert ehr.fhir(method, path, ehr.token_for(RUTH, ALL), body).status == 403


# ---- one patient


def test_of_a_search_without_a_patient_only_the_tokens_own_is_found(ehr: RunningEhr) -> None:
    token = ehr.token_for(DANIEL, ALL)
    ours = addresses(ehr.fhir("GET", f"Procedure?patient=Patient/{DANIEL}", token))
    assert ours == {DANIELS, "Procedure/daniel-procedure-2"}
    form = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-www-form-urlencoded"}
    searched = f"{ehr.fhir_base}/Procedure/_search"
    for answer in (
        ehr.fhir("GET", "Procedure", token),
        ehr.fhir("GET", f"Procedure?subject={DANIEL}", token),
        ehr.fhir("GET", f"Patient/{DANIEL}/Procedure", token),
        ehr.http.request("POST", searched, headers=form, body="_count=50"),
        ehr.http.request("POST", searched, headers=form, body=f"patient={DANIEL}"),
    ):
        assert addresses(answer) == ours
    assert addresses(ehr.fhir("GET", "Patient", token)) == {f"Patient/{DANIEL}"}


@pytest.mark.parametrize(
    "path",
    [
        f"Patient/{RUTH}", RUTHS, f"{RUTHS}/_history", f"{RUTHS}/_history/1", f"Procedure?patient={RUTH}",
        f"Procedure?subject=Patient/{RUTH}", f"Procedure?patient={DANIEL},{RUTH}", f"Patient?_id={RUTH}",
        f"Procedure?patient={DANIEL}&patient={RUTH}", f"Patient/{RUTH}/Procedure", f"Patient/{RUTH}/$everything",
    ],
)  # fmt: skip
def test_another_patients_data_is_refused(ehr: RunningEhr, path: str) -> None:
    answer = ehr.fhir("GET", path, ehr.token_for(DANIEL, ALL))
    said = answer.data.decode()
    assert (answer.status, read(answer)["resourceType"], "ruth" in said) == (403, "OperationOutcome", False)
    assert ehr.fhir("HEAD", path, ehr.token_for(DANIEL, ALL)).status == 403


def test_another_patients_data_is_never_written(ehr: RunningEhr) -> None:
    token, procedure = ehr.token_for(DANIEL, ALL), ehr.get(RUTHS)
    stolen = procedure | {"subject": {"reference": f"Patient/{DANIEL}"}}
    for answer in (
        ehr.fhir("POST", "ServiceRequest", token, referral(RUTH)),
        ehr.fhir("PUT", RUTHS, token, procedure),
        ehr.fhir("PUT", RUTHS, token, stolen),
        ehr.fhir("DELETE", RUTHS, token),
        ehr.fhir("POST", "ServiceRequest", token, referral(DANIEL) | {"subject": {"reference": "Patient/nobody"}}),
        ehr.fhir("POST", "", token, transaction(("PUT", RUTHS, procedure))),
        ehr.fhir("POST", "", token, transaction(("DELETE", RUTHS, None))),
    ):
        assert answer.status == 403, answer.data
    assert ehr.get(RUTHS) == procedure


@pytest.mark.parametrize(
    "path",
    [
        f"{RUTHS}%23x", f"{RUTHS}%3Fx=1", "Procedure//ruth-procedure-1", "Procedure/%2E%2E",
        f"Procedure/%2E%2E/{RUTHS}", f"Condition/../{RUTHS}", "Procedure%3Fpatient=ruth-keller",
        "Procedure/ruth%2525procedure-1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_address_that_may_be_read_in_two_ways_is_refused(ehr: RunningEhr, method: str, path: str) -> None:
    own = ehr.get(RUTHS) | {"subject": {"reference": f"Patient/{DANIEL}"}}
    token = ehr.token_for(DANIEL, ALL)
    before = ehr.get("_history?_count=1")["total"]
    assert ehr.fhir(method, path, token, own if method == "PUT" else None).status == 403
    if method != "GET":
        entry = (method, path.replace("%23", "#").replace("%3F", "?"), own if method == "PUT" else None)
        assert ehr.fhir("POST", "", token, transaction(entry)).status == 403
    assert ehr.get("_history?_count=1")["total"] == before


def test_what_is_included_is_shown_as_far_as_the_scopes_go(ehr: RunningEhr) -> None:
    query = f"Procedure?patient={RUTH}&_include=Procedure:patient&_count=1"
    assert f"Patient/{RUTH}" in addresses(ehr.fhir("GET", query, ehr.token_for(RUTH, ALL)))
    assert f"Patient/{RUTH}" not in addresses(ehr.fhir("GET", query, ehr.token_for(RUTH, "patient/Procedure.rs")))


def test_a_total_never_counts_what_is_not_shown(ehr: RunningEhr) -> None:
    """sekmet finds no RiskAssessment by its patient: it ignores what it does not know, and sends everybody's."""
    for number, patient in enumerate((RUTH, DANIEL, DANIEL)):
        body = {"resourceType": "RiskAssessment", "id": f"risk-{number}", "status": "final"}
        made = ehr.own(
            "PUT", f"fhir/RiskAssessment/risk-{number}", body | {"subject": {"reference": f"Patient/{patient}"}}
        )
        assert made.status == 201, made.data
    token = ehr.token_for(RUTH, ALL)
    whole = read(ehr.fhir("GET", f"RiskAssessment?patient={RUTH}", token))
    assert whole["total"] == 1
    assert [entry["resource"]["id"] for entry in whole["entry"] if entry["search"]["mode"] == "match"] == ["risk-0"]
    assert "total" not in read(ehr.fhir("GET", f"RiskAssessment?patient={RUTH}&_count=2", token))


def test_everything_is_what_the_scopes_open_of_everything(ehr: RunningEhr) -> None:
    path = f"Patient/{RUTH}/$everything"
    whole = addresses(ehr.fhir("GET", path, ehr.token_for(RUTH, ALL)))
    some = addresses(
        ehr.fhir("GET", path, ehr.token_for(RUTH, "patient/Patient.r patient/Goal.rs patient/CarePlan.rs"))
    )
    assert {"Patient", "Procedure", "CarePlan", "Practitioner"} <= {each.partition("/")[0] for each in whole}
    assert {each.partition("/")[0] for each in some} == {"Patient", "CarePlan"}


def test_who_belongs_to_no_patient_may_be_read_with_the_scope_for_it(ehr: RunningEhr) -> None:
    assert ehr.fhir("GET", "Practitioner/jonas-park", ehr.token_for(RUTH, "patient/Practitioner.rs")).status == 200
    found = ehr.fhir("GET", "Practitioner", ehr.token_for(RUTH, "patient/Practitioner.rs"))
    assert "Practitioner/lena-ortiz" in addresses(found)
    assert ehr.fhir("GET", "Practitioner/jonas-park", ehr.token_for(RUTH, "patient/Procedure.rs")).status == 403


def test_a_user_scope_opens_every_patient(ehr: RunningEhr) -> None:
    token = ehr.token_for(RUTH, "user/Procedure.rs patient/Condition.rs")
    assert ehr.fhir("GET", DANIELS, token).status == 200
    assert ehr.fhir("GET", f"Condition?patient={DANIEL}", token).status == 403


def test_an_appointment_is_the_patients_who_takes_part(ehr: RunningEhr) -> None:
    who = [{"actor": {"reference": f"Patient/{RUTH}"}, "status": "accepted"}]
    made = {"resourceType": "Appointment", "status": "booked", "participant": who}
    created = read(ehr.fhir("POST", "Appointment", ehr.token_for(RUTH, ALL), made))
    assert ehr.fhir("GET", f"Appointment/{created['id']}", ehr.token_for(RUTH, ALL)).status == 200
    assert ehr.fhir("GET", f"Appointment/{created['id']}", ehr.token_for(DANIEL, ALL)).status == 403


# ---- writing


def test_what_is_written_is_there_once_however_often_it_is_sent(ehr: RunningEhr) -> None:
    token = ehr.token_for(RUTH, "patient/ServiceRequest.cruds")
    keyed = referral(identifier=[{"system": "urn:ours", "value": "one"}])
    once = {"If_None_Exist": "identifier=urn:ours|one"}
    first, second = (ehr.fhir("POST", "ServiceRequest", token, keyed, **once) for _ in range(2))
    assert (first.status, second.status) == (201, 200)
    assert first.headers["Location"].startswith(f"{ehr.fhir_base}/ServiceRequest/")
    assert ehr.get("ServiceRequest?identifier=urn:ours|one")["total"] == 1
    theirs = keyed | {"subject": {"reference": f"Patient/{DANIEL}"}}
    assert ehr.fhir("POST", "ServiceRequest", ehr.token_for(DANIEL, ALL), theirs, **once).status == 403


def test_an_older_version_never_overwrites_a_newer_one(ehr: RunningEhr) -> None:
    token = ehr.token_for(RUTH, ALL)
    made = ehr.fhir("POST", "ServiceRequest", token, referral(), Prefer="return=representation")
    address, tag = f"ServiceRequest/{read(made)['id']}", made.headers["ETag"]
    changed = read(made) | {"status": "active"}
    assert ehr.fhir("PUT", address, token, changed, If_Match=tag).status == 200
    assert ehr.fhir("PUT", address, token, changed, If_Match=tag).status == 412
    assert ehr.fhir("GET", address, token, If_None_Match='W/"2"').status == 304
    minimal = ehr.fhir("POST", "ServiceRequest", token, referral(), Prefer="return=minimal")
    assert (minimal.status, minimal.data) == (201, b"")


def test_a_transaction_is_written_whole_with_its_references(ehr: RunningEhr) -> None:
    token = ehr.token_for(RUTH, "patient/ServiceRequest.cu patient/Provenance.c")
    about = {"resourceType": "Provenance", "recorded": "2026-11-22T09:00:00Z", "target": [{"reference": "urn:uuid:1"}],
             "agent": [{"who": {"reference": "Practitioner/lena-ortiz"}}]}  # fmt: skip
    sent = transaction(("POST", "ServiceRequest", referral()), ("POST", "Provenance", about))
    sent["entry"][0]["fullUrl"] = "urn:uuid:1"
    done = ehr.fhir("POST", "", token, sent)
    assert done.status == 200, done.data
    written = [entry["response"]["location"].split("/_history")[0] for entry in read(done)["entry"]]
    assert all(each.startswith(ehr.fhir_base) for each in written)
    made = [each.removeprefix(f"{ehr.fhir_base}/") for each in written]
    assert ehr.get(made[1])["target"] == [{"reference": made[0]}]
    # A Provenance is the patient's if it names the patient.
    assert ehr.fhir("GET", made[1], ehr.token_for(RUTH, ALL)).status == 403


@pytest.mark.parametrize(
    "entry",
    [
        ("GET", f"Procedure?patient={RUTH}", None),
        ("POST", "Condition", {"resourceType": "Condition"}),
        ("GET", "", None),
    ],
)
def test_a_transaction_is_refused_for_one_entry_that_is_not_allowed(
    ehr: RunningEhr, entry: tuple[str, str, Json | None]
) -> None:
    before = ehr.get("_history?_count=1")["total"]
    token = ehr.token_for(RUTH, "patient/ServiceRequest.cruds patient/Procedure.rs")
    sent = transaction(("POST", "ServiceRequest", referral()), entry)
    assert ehr.fhir("POST", "", token, sent).status == 403
    assert ehr.get("_history?_count=1")["total"] == before


def test_what_a_transaction_finds_instead_of_writing_is_not_shown_if_it_is_another_patients(ehr: RunningEhr) -> None:
    sent = transaction(("POST", "ServiceRequest", referral(DANIEL)), ifNoneExist="_id=ruth-order-22633")
    done = ehr.fhir("POST", "", ehr.token_for(DANIEL, ALL), sent)
    assert list(read(done)["entry"][0]) == ["response"]


@pytest.mark.parametrize("path", ["", "ServiceRequest"])
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"entry": [{}]}x', b""])
def test_what_cannot_be_read_is_400_and_never_sent_on(ehr: RunningEhr, path: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {ehr.token_for(RUTH, ALL)}", "Content-Type": "application/fhir+json"}
    answer = ehr.http.request("POST", f"{ehr.fhir_base}/{path}", body=body, headers=headers)
    assert (answer.status, read(answer)["issue"][0]["code"]) == (400, "invalid")


# ---- addresses


def test_every_address_is_on_the_server_that_was_asked_page_after_page(ehr: RunningEhr) -> None:
    token, url, seen = ehr.token_for(RUTH, ALL), f"{ehr.fhir_base}/Procedure?patient={RUTH}&_count=5", 0
    while url:
        page = read(ehr.http.request("GET", url, headers={"Authorization": f"Bearer {token}"}))
        assert ehr.fhir_server not in str(page)
        seen += len(page["entry"])
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert seen == 12


def test_a_reference_with_our_address_is_kept_as_the_servers_own(ehr: RunningEhr) -> None:
    absolute = {"reference": f"{ehr.fhir_base}/ServiceRequest/ruth-order-22633"}
    made = read(ehr.fhir("POST", "ServiceRequest", ehr.token_for(RUTH, ALL), referral(basedOn=[absolute])))
    assert made["basedOn"] == [absolute]
    behind = ehr.get(f"ServiceRequest/{made['id']}")["basedOn"][0]["reference"]
    assert behind == f"{ehr.fhir_server}/ServiceRequest/ruth-order-22633"


def test_xml_is_not_spoken_here(ehr: RunningEhr) -> None:
    answer = ehr.fhir("GET", f"Patient/{RUTH}?_format=xml", ehr.token_for(RUTH, ALL), Accept="application/fhir+xml")
    assert read(answer)["id"] == RUTH


def test_what_is_no_fhir_is_passed_on_as_it_came(ehr: RunningEhr) -> None:
    with fake.fhir_server() as behind:
        page = f"<html>{behind.url}</html>".encode()
        behind.ways["Patient"] = fake.body(page)
        ehr.ehr.upstream.base = behind.url
        assert ehr.fhir("GET", f"Patient/{RUTH}", ehr.token_for(RUTH, ALL)).data == page


def test_a_server_behind_that_does_not_answer_is_502(ehr: RunningEhr) -> None:
    ehr.ehr.upstream.base = "http://127.0.0.1:9/fhir"
    answer = ehr.fhir("GET", f"Patient/{RUTH}", ehr.token_for(RUTH, ALL))
    assert (answer.status, read(answer)["resourceType"]) == (502, "OperationOutcome")
