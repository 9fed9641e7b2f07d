"""What can be broken at the sandbox's EHR, and what its own pages may ask of it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from msgspec import DecodeError
from smart_ehr import DANIEL, RUTH, RunningEhr, read, smart_ehr
from urllib3.exceptions import ReadTimeoutError

from fixtures.teaching import PATIENTS
from sandbox.smart.altered import SOMEBODY_ELSE
from sandbox.smart.clients import Client

APP = "http://localhost:9"
ALL = "patient/*.cruds"


@pytest.fixture
def ehr(sekmet: str) -> Iterator[RunningEhr]:
    with smart_ehr(sekmet, lambda port: [Client("app", (f"{APP}/callback",))]) as running:
        yield running


# ---- faults


def test_procedures_are_refused_and_nothing_else(ehr: RunningEhr) -> None:
    ehr.set_fault("procedures-403")
    token = ehr.token_for(RUTH)
    asked = [ehr.fhir("GET", f"{kind}?patient={RUTH}", token).status for kind in ("Procedure", "Condition")]
    assert asked == [403, 200]


def test_half_of_a_search_comes_and_its_next_page_is_gone(ehr: RunningEhr) -> None:
    ehr.set_fault("page-2-missing")
    token = ehr.token_for(RUTH)
    page = read(ehr.fhir("GET", f"Procedure?patient={RUTH}", token))
    assert (len(page["entry"]), page["total"]) == (6, 12)
    further = next(link["url"] for link in page["link"] if link["relation"] == "next")
    assert further.startswith(f"{ehr.fhir_base}/Procedure?")
    gone = ehr.http.request("GET", further, headers={"Authorization": f"Bearer {token}"})
    assert (gone.status, read(gone)["resourceType"]) == (410, "OperationOutcome")
    assert len(read(ehr.fhir("GET", f"CarePlan?patient={RUTH}", token))["entry"]) == 1
    assert ehr.fhir("GET", f"Patient/{RUTH}", token).status == 200


def test_answers_are_late(ehr: RunningEhr) -> None:
    ehr.set_fault("slow")
    headers = {"Authorization": f"Bearer {ehr.token_for(RUTH)}"}
    with pytest.raises(ReadTimeoutError):
        ehr.http.request("GET", f"{ehr.fhir_base}/Patient/{RUTH}", headers=headers, timeout=1, retries=False)
    assert ehr.fhir("GET", f"Patient/{RUTH}", headers["Authorization"].partition(" ")[2]).status == 200


def test_answers_break_off(ehr: RunningEhr) -> None:
    ehr.set_fault("malformed-json")
    with pytest.raises(DecodeError):
        read(ehr.fhir("GET", f"Procedure?patient={RUTH}", ehr.token_for(RUTH)))


def test_resources_come_as_an_old_server_sends_them(ehr: RunningEhr) -> None:
    ehr.set_fault("dstu2")
    token = ehr.token_for(RUTH)
    conditions = [entry["resource"] for entry in read(ehr.fhir("GET", f"Condition?patient={RUTH}", token))["entry"]]
    assert all(isinstance(each["clinicalStatus"], str) and "patient" in each for each in conditions)
    orders = read(ehr.fhir("GET", f"ServiceRequest?patient={RUTH}", token))["entry"]
    assert {entry["resource"]["resourceType"] for entry in orders} == {"ProcedureRequest"}
    assert read(ehr.fhir("GET", "Encounter/ruth-encounter-1", token))["class"] == "outpatient"
    said = read(ehr.fhir("GET", "metadata"))
    assert (said["resourceType"], said["fhirVersion"]) == ("Conformance", "1.0.2")
    assert ehr.fhir("GET", "Condition/none", token).status == 404


def test_codes_are_the_hospitals_own_and_the_words_stay(ehr: RunningEhr) -> None:
    usual = ehr.get("Procedure/ruth-procedure-1")
    ehr.set_fault("local-codes")
    local = read(ehr.fhir("GET", "Procedure/ruth-procedure-1", ehr.token_for(RUTH)))
    assert local["code"]["coding"][0]["system"].startswith("urn:oid:")
    assert local["code"]["coding"][0]["code"] != usual["code"]["coding"][0]["code"]
    assert local["code"]["coding"][0]["display"] == usual["code"]["coding"][0]["display"]
    condition = read(ehr.fhir("GET", f"Condition?patient={RUTH}", ehr.token_for(RUTH)))["entry"][0]["resource"]
    assert condition["clinicalStatus"]["coding"][0]["code"] in ("active", "resolved")
    score = read(ehr.fhir("GET", f"Observation?patient={RUTH}", ehr.token_for(RUTH)))["entry"][0]["resource"]
    assert score["code"]["coding"][0]["system"].startswith("urn:oid:")
    assert score["valueQuantity"]["system"] == "http://unitsofmeasure.org"
    assert read(ehr.fhir("GET", f"Patient/{RUTH}", ehr.token_for(RUTH)))["id"] == RUTH


def test_answers_are_about_somebody_else(ehr: RunningEhr) -> None:
    ehr.set_fault("another-patient")
    token = ehr.token_for(RUTH, ALL)
    entries = read(ehr.fhir("GET", f"Procedure?patient={RUTH}", token))["entry"]
    assert {entry["resource"]["subject"]["reference"] for entry in entries} == {f"Patient/{SOMEBODY_ELSE}"}
    assert read(ehr.fhir("GET", f"Patient/{RUTH}", token))["id"] == SOMEBODY_ELSE
    order = ehr.get("ServiceRequest/ruth-order-22633")
    assert read(ehr.fhir("PUT", "ServiceRequest/ruth-order-22633", token, order))["subject"] == order["subject"]


def test_tokens_are_refused_and_the_ehrs_own_pages_still_read(ehr: RunningEhr) -> None:
    ehr.set_fault("expired-token")
    assert ehr.fhir("GET", f"Patient/{RUTH}", ehr.token_for(RUTH)).status == 401
    assert ehr.own("GET", f"fhir/Patient/{RUTH}").status == 200


@pytest.mark.parametrize("how", ["token", "key"])
def test_a_fault_may_be_one_patients_alone(ehr: RunningEhr, how: str) -> None:
    ehr.set_fault("procedures-403", patient=RUTH)

    def status(patient: str) -> int:
        path = f"Procedure?patient=Patient/{patient}"
        if how == "key":
            return ehr.own("GET", f"fhir/{path}").status
        return ehr.fhir("GET", path, ehr.token_for(patient)).status

    assert (status(RUTH), status(DANIEL)) == (403, 200)
    ehr.set_fault("procedures-403", on=False, patient=RUTH)
    assert status(RUTH) == 200


def test_several_faults_come_together(ehr: RunningEhr) -> None:
    ehr.set_fault("local-codes")
    ehr.set_fault("another-patient")
    procedure = read(ehr.fhir("GET", "Procedure/ruth-procedure-1", ehr.token_for(RUTH)))
    assert procedure["subject"]["reference"] == f"Patient/{SOMEBODY_ELSE}"
    assert procedure["code"]["coding"][0]["system"].startswith("urn:oid:")
    ehr.ehr.faults.clear()
    assert ehr.ehr.faults.are_on() == []


# ---- the mock EHR's own pages


def test_a_hook_call_gets_a_token_of_its_own(ehr: RunningEhr) -> None:
    token = ehr.token_for(RUTH, "patient/Procedure.rs", 60)
    assert ehr.fhir("GET", f"Procedure?patient={RUTH}", token).status == 200
    assert ehr.fhir("GET", f"Procedure?patient={DANIEL}", token).status == 403
    ehr.pass_seconds(60)
    assert ehr.fhir("GET", f"Procedure?patient={RUTH}", token).status == 401


def test_a_launch_address_may_have_parameters_of_its_own(ehr: RunningEhr) -> None:
    assert ehr.launch_url(f"{APP}/launch?a=1", RUTH).startswith(f"{APP}/launch?a=1&iss=http%3A%2F%2F127.0.0.1")
    assert ehr.launch_url(f"{APP}/launch", RUTH).startswith(f"{APP}/launch?iss=")


def test_an_app_that_nobody_registered_is_not_opened(ehr: RunningEhr) -> None:
    elsewhere = {"launch_url": "http://elsewhere.example/launch", "patient": RUTH, "parameters": {"patient": RUTH}}
    assert ehr.fhir("POST", "_services/smart/Launch", body=elsewhere).status == 400
    assert ehr.fhir("POST", "_services/smart/Launch", body={}).status == 400


def test_the_public_cds_hooks_sandbox_gets_a_launch_with_what_the_card_said(ehr: RunningEhr) -> None:
    context = {"patient": RUTH, "appContext": "card-7", "encounter": "ruth-encounter-1", "smart_messaging_origin": "x"}
    sent = {"launchUrl": "ignored", "launch_url": f"{APP}/launch", "parameters": context}
    given = read(ehr.fhir("POST", "_services/smart/Launch", body=sent))
    launch = ehr.ehr.store.launch(given["launch_id"])
    assert launch and (launch.patient, launch.app_context, launch.encounter) == (RUTH, "card-7", "ruth-encounter-1")
    sent["parameters"] = {"patient": f"Patient/{RUTH}"}
    launch = ehr.ehr.store.launch(read(ehr.fhir("POST", "_services/smart/Launch", body=sent))["launch_id"])
    assert launch and launch.patient == RUTH


def test_its_own_pages_read_and_write_all_patients_without_a_token(ehr: RunningEhr) -> None:
    assert read(ehr.own("GET", "fhir/Patient"))["total"] == len(PATIENTS)
    for guessed in ("guessed", "\xe9"):
        assert ehr.own("GET", "fhir/Patient", key=guessed).status == 401


def test_an_app_beside_the_ehr_is_reached_and_is_no_business_of_its_record(sekmet: str) -> None:
    with smart_ehr(sekmet, lambda port: [], lambda ehr: Flask("an app", static_folder=None)) as ehr:
        assert ehr.http.request("GET", f"{ehr.ehr.origin}/launch").status == 404
        style = ehr.http.request("GET", f"{ehr.ehr.auth_base}/static/sign-in.css")
        assert b"focus-visible" in style.data
        assert [(seen.kind, seen.answer) for seen in ehr.recorded] == [("other", b"")]


def test_nothing_is_recorded_where_nobody_wants_it(sekmet: str) -> None:
    with smart_ehr(sekmet, lambda port: [], records=False) as ehr:
        assert ehr.fhir("GET", "metadata").status == 200
        assert ehr.recorded == []


def test_what_a_test_wrote_is_gone_after_it(sekmet: str) -> None:
    with smart_ehr(sekmet, lambda port: []) as ehr:
        before = ehr.get("ServiceRequest?patient=ruth-keller")["total"]
        order = ehr.get("ServiceRequest/ruth-order-22633")
        ehr.fhir("POST", "ServiceRequest", ehr.token_for(RUTH, ALL), order | {"id": "new"})
        ehr.fhir("PUT", "ServiceRequest/ruth-order-22633", ehr.token_for(RUTH, ALL), order | {"status": "revoked"})
        ehr.fhir("DELETE", "Procedure/ruth-procedure-1", ehr.token_for(RUTH, ALL))
    with smart_ehr(sekmet, lambda port: []) as ehr:
        assert ehr.get("ServiceRequest?patient=ruth-keller")["total"] == before
        assert ehr.get("ServiceRequest/ruth-order-22633")["status"] == order["status"]
        assert ehr.get("Procedure/ruth-procedure-1")["id"] == "ruth-procedure-1"
