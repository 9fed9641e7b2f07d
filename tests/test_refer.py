"""Referring: what was chosen is shown to the letter and written once; the packet tells what is known and what not."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import fhir_server as fake
import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_server import Json
from journal_examples import opened
from msgspec.structs import replace
from refer_rooms import AS_SHIPPED, CHOSEN, SITE, Room, refer_room
from review_cases import TODAY, case_from, case_of, chart_of
from werkzeug.test import TestResponse

from fixtures.teaching import teaching_patients
from journal.journal import Journal
from second_opinion.from_fhir import OWN_REFERRAL
from second_opinion.record import Events, Lane, Reading
from smart_app.chart.case import Case
from smart_app.refer.document import document_of
from smart_app.refer.packet import packet_of
from smart_app.refer.pdf import pdf_of

POST = "POST ServiceRequest"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        yield journal


@pytest.fixture
def room(journal: Journal) -> Iterator[Room]:
    with refer_room(journal) as room:
        yield room


def digest_in(page: TestResponse) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


def written(room: Room, page: str = "refer", **form: Any) -> tuple[TestResponse, Json]:
    """What became of it, and the order as it stands on the server."""
    chosen = CHOSEN | form
    shown = room.post(page, **chosen)
    assert shown.status_code == 200
    done = room.post(page, step="write", digest=digest_in(shown), **chosen)
    assert done.status_code == 303, done.text
    return room.client.get(done.location), room.orders[-1]


# ---- the order


def test_a_referral_is_written_as_it_was_shown(room: Room) -> None:
    shown = room.post("refer", **CHOSEN)
    done, order = written(room)
    sent = room.store.requests("POST")[0].resource
    assert json.dumps(sent, indent=2, ensure_ascii=False) in unescape(shown.text)
    enclosed = len(json.loads(room.post("packet.json", **CHOSEN).data)["entry"]) - 1
    assert enclosed > 20 and f"PDF, or FHIR with {enclosed} resources enclosed" in shown.text
    assert "The referral is in the EHR" in done.text and f"ServiceRequest/{order['id']}" in done.text
    assert order["code"]["text"] == "Referral for a second opinion before lumbar fusion"
    assert order["reasonCode"][0]["coding"][0]["code"] == "S"
    assert order["basedOn"] == [{"reference": "ServiceRequest/ruth-order-22633"}]
    assert order["performer"] == [{"display": "Spine second-opinion clinic", "reference": "HealthcareService/12"}]
    assert (
        order["requester"] == {"reference": "Practitioner/7"} and order["encounter"]["reference"] == "Encounter/visit-1"
    )
    assert (order["status"], order["priority"], order["authoredOn"]) == ("active", "routine", TODAY.isoformat())
    assert order["note"] == [{"text": "Would another operation help?"}]
    assert {"reference": "Procedure/ruth-procedure-1"} in order["supportingInfo"]


def test_confirmed_twice_it_stands_once(room: Room) -> None:
    first, _ = written(room)
    second, _ = written(room)
    assert len(room.orders) == 1 and first.request.path == second.request.path


def test_the_choices_are_what_is_written(room: Room) -> None:
    _, order = written(room, urgency="urgent", status="draft", target="1")
    assert (order["status"], order["priority"]) == ("draft", "urgent")
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
    assert order["performer"] == [{"display": "Dr. Far Away", "identifier": npi}]


def test_a_place_and_somebody_not_on_the_list_can_be_referred_to(room: Room) -> None:
    _, order = written(room, target="2")
    assert order["locationReference"] == [{"display": "North Building", "reference": "Location/3"}]
    _, order = written(room, target="other", other="  Dr. Elsewhere ")
    assert order["performer"] == [{"display": "Dr. Elsewhere"}]


@pytest.mark.parametrize("target", ["", "9", "other"])
def test_without_anybody_to_refer_to_the_form_says_so_and_nothing_is_written(room: Room, target: str) -> None:
    for step in ("preview", "write"):
        page = room.post("refer", step=step, **CHOSEN | {"target": target})
        assert page.status_code == 422 and "Choose to whom" in page.text
        assert "Would another operation help?" in page.text
    assert not room.store.requests("POST")


def test_the_sites_own_coding_comes_first(journal: Journal) -> None:
    coding = {"system": "urn:site", "code": "1234", "display": "Spine clinic"}
    with refer_room(journal, site=replace(SITE, referral=coding)) as room:
        _, order = written(room)
        assert order["code"]["coding"][0] == coding and len(order["code"]["coding"]) == 2


def test_without_a_planned_operation_or_questions_one_can_still_refer(room: Room) -> None:
    room.case = replace(room.case, assessment=replace(room.case.assessment, surgery=None))
    _, order = written(room, questions="")
    assert order["code"]["text"] == "Referral for a second opinion about the spine"
    assert "basedOn" not in order and "note" not in order


def test_the_composer_proposes_questions_from_the_findings_and_names_the_sites_targets(room: Room) -> None:
    page = room.get("refer")
    assert page.status_code == 200
    assert "What explains the symptoms now" in page.text
    assert "Spine second-opinion clinic" in page.text and "555-0100" in page.text and "Back in Motion" not in page.text


def test_a_site_without_a_list_is_asked_for_a_name(journal: Journal) -> None:
    with refer_room(journal, site=AS_SHIPPED) as room:
        page = room.get("refer")
        assert (
            '<input type="hidden" name="target" value="other">' in page.text
            and 'type="radio" name="target"' not in page.text
        )
        assert "Name the surgeon or clinic." in room.post("refer", target="other", form_key="key").text


def test_what_was_chosen_can_be_changed(room: Room) -> None:
    page = room.post(
        "refer", step="edit", **CHOSEN | {"urgency": "urgent", "blinded": "yes", "file": "yes", "status": "draft"}
    )
    for said in (
        'value="urgent" checked',
        'value="draft" checked',
        'name="blinded" value="yes" checked',
        'name="file" value="yes" checked',
    ):
        assert said in page.text


# ---- therapy


def test_care_without_an_operation_is_referred_to_without_naming_the_operation(room: Room) -> None:
    page = room.get("therapy")
    assert "Back in Motion" in page.text and "Spine second-opinion clinic" not in page.text
    _, order = written(room, "therapy", target="3", care="physical_therapy")
    assert order["code"]["text"] == "Referral to physical therapy"
    assert order["code"]["coding"][0]["code"] == "308447003"
    assert order["identifier"][0]["system"] != OWN_REFERRAL
    assert "basedOn" not in order and "reasonCode" not in order
    _, order = written(room, "therapy", target="3", care="pain_clinic")
    assert order["code"]["text"] == "Referral to a pain clinic"


def test_a_therapy_form_without_a_kind_of_care_is_for_physical_therapy(room: Room) -> None:
    assert "Referral to physical therapy" in room.post("therapy", **CHOSEN | {"target": "3", "care": "leeches"}).text


# ---- nothing is written, and there is text to copy


def test_without_the_scope_there_is_no_button_but_text_to_copy(journal: Journal) -> None:
    with refer_room(journal, scopes=frozenset(("patient/*.rs",))) as room:
        assert "File the packet" not in room.get("refer").text
        page = room.post("refer", **CHOSEN)
        assert "has not granted this app to write ServiceRequest" in page.text
        assert "Write it to the EHR" not in page.text and 'id="note"' in page.text
        assert "Lumbar fusion L4-5" in page.text
        digest = digest_in(page)
        assert room.post("refer", step="write", digest=digest, **CHOSEN).status_code == 409
        assert not room.store.asked


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422])
def test_what_the_ehr_refuses_is_named_beside_the_text_to_copy(room: Room, status: int) -> None:
    room.store.ways[POST] = fake.status(status)
    page = room.post("refer", step="write", digest=digest_in(room.post("refer", **CHOSEN)), **CHOSEN)
    assert page.status_code == 409
    assert "It was not written" in page.text and f"({status})" in page.text and 'id="note"' in page.text
    assert not room.orders


@pytest.mark.parametrize("way", [fake.hang, fake.status(500)])
def test_a_server_that_hangs_or_fails_is_said_to_have_perhaps_written(journal: Journal, way: fake.Way) -> None:
    with refer_room(journal, seconds=1.0) as room:
        room.store.ways[POST] = way
        page = room.post("refer", step="write", digest=digest_in(room.post("refer", **CHOSEN)), **CHOSEN)
    assert "may or may not have been written" in page.text
    assert "It may have been written" in page.text and "It was not written" not in page.text


def test_what_changed_after_the_preview_is_shown_again_and_not_written(room: Room) -> None:
    digest = digest_in(room.post("refer", **CHOSEN))
    page = room.post("refer", step="write", digest=digest, **CHOSEN | {"urgency": "urgent"})
    assert page.status_code == 409 and "look at it once more" in page.text
    assert not room.store.requests("POST") and digest_in(page) != digest


def test_when_another_patient_comes_back_nothing_is_written(room: Room) -> None:
    digest = digest_in(room.post("refer", **CHOSEN))
    room.store.ways["GET Patient"] = fake.resource({"resourceType": "Patient", "id": "daniel-osei"})
    page = room.post("refer", step="write", digest=digest, **CHOSEN)
    assert "nothing was written" in page.text and not room.orders


def test_while_the_journal_is_down_the_page_says_that_nothing_is_written(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/none/journal.sqlite3") as journal, refer_room(journal) as room:
        page = room.post("refer", **CHOSEN)
        assert "journal" in page.text and "Write it to the EHR" not in page.text
        assert room.get(f"done/{'0' * 64}").status_code == 409
        assert "journal" in room.post(f"undo/{'0' * 64}").text
        assert not room.store.requests("POST")


# ---- done and undone


def test_what_was_written_is_undone_on_the_page(room: Room) -> None:
    done, _ = written(room)
    deed = done.request.path.rpartition("/")[2]
    undone = room.client.get(room.post(f"undo/{deed}").location)
    assert "It was withdrawn" in undone.text and "<button" not in undone.text
    assert not room.orders
    written(room)
    assert len(room.orders) == 1


def test_what_was_changed_in_the_ehr_since_is_not_undone_and_the_page_says_so(room: Room) -> None:
    done, order = written(room)
    room.store.kept[f"ServiceRequest/{order['id']}"] |= {"meta": {"versionId": "7"}}
    page = room.post(f"undo/{done.request.path.rpartition('/')[2]}")
    assert page.status_code == 409 and "left as it is" in page.text and room.orders


def test_an_unknown_deed_has_no_page(room: Room) -> None:
    assert room.get("done/unknown").status_code == 404
    assert room.post("undo/unknown").status_code == 409


def test_the_packet_is_filed_first_and_the_order_refers_to_it(room: Room) -> None:
    shown = room.post("refer", **CHOSEN | {"file": "yes"})
    assert "characters of the file" in shown.text
    _, order = written(room, file="yes")
    (filed,) = room.store.of("DocumentReference")
    assert order["supportingInfo"][0] == {"reference": f"DocumentReference/{filed['id']}"}
    assert filed["content"][0]["attachment"]["contentType"] == "application/pdf"
    assert filed["author"] == [{"reference": "Practitioner/7"}]


def test_a_chart_read_anew_after_the_preview_makes_the_same_packet(room: Room) -> None:
    chosen = CHOSEN | {"file": "yes"}
    digest = digest_in(room.post("refer", **chosen))
    room.case = replace(room.case, read_at=room.case.read_at + timedelta(minutes=5))
    assert room.post("refer", step="write", digest=digest, **chosen).status_code == 303


def test_what_was_written_in_part_is_listed_and_can_be_undone(room: Room) -> None:
    room.store.ways[POST] = fake.status(422)
    chosen = CHOSEN | {"file": "yes"}
    page = room.post("refer", step="write", digest=digest_in(room.post("refer", **chosen)), **chosen)
    assert "1 of 2 resources were written, then" in page.text
    link = re.search(r'href="(/review/launch-1/done/\w+)"', page.text)
    assert link
    assert "It was written in part" in room.client.get(link[1]).text
    room.client.post(link[1].replace("/done/", "/undo/"))
    assert not room.store.of("DocumentReference")


# ---- come back


def chart_with(*orders: Json) -> Case:
    told = next(patient for patient in teaching_patients(TODAY) if patient.id == "failed-fusion")
    entries = [*told.chart["entry"], {"resource": told.order}, *({"resource": order} for order in orders)]
    return case_from({**told.chart, "entry": entries})


@pytest.mark.parametrize("choice", [{}, {"status": "draft"}, {"blinded": "yes"}])
def test_our_own_referral_silences_the_card_and_is_not_taken_for_an_operation(
    room: Room, choice: dict[str, str]
) -> None:
    before = room.case.assessment
    _, order = written(room, **choice)
    after = chart_with(order).assessment
    assert before.indicator == "warning" and before.silence is None
    assert after.silence and after.silence.reason == "second_opinion_exists" and after.indicator is None
    assert after.surgery and before.surgery and after.surgery.orders == before.surgery.orders


def test_a_therapy_referral_silences_nothing_and_is_no_operation(room: Room) -> None:
    _, order = written(room, "therapy", target="3", care="physical_therapy")
    after = chart_with(order).assessment
    assert after.silence is None and after.surgery and after.surgery.orders == ("ServiceRequest/ruth-order-22633",)


# ---- the packet


def text_of(pdf: bytes, folder: Path) -> str:
    file = folder / "packet.pdf"
    file.write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True).stdout


def test_the_packet_is_a_valid_fhir_document_about_the_patient(room: Room) -> None:
    answer = room.get("packet.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="second-opinion-packet.json"'
    bundle = json.loads(answer.data)
    get_fhir_model_class("Bundle").model_validate(bundle)
    composition, patient, clinician, software = (entry["resource"] for entry in bundle["entry"][:4])
    assert bundle["type"] == "document" and composition["type"]["coding"][0]["code"] == "57133-1"
    assert composition["subject"]["reference"] == bundle["entry"][1]["fullUrl"]
    assert patient["name"] == [{"text": "Ruth Keller"}] and patient["birthDate"] == "1965-11-22"
    titles = [section["title"] for section in composition["section"]]
    assert (
        titles[:2] == ["Summary", "Questions"] and "Treatments tried" in titles and "What could not be read" in titles
    )
    operations = next(section for section in composition["section"] if section["title"] == "Earlier operations")
    (operation,) = operations["entry"]
    enclosed = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    assert enclosed[operation["reference"]]["meta"] == {"source": f"{room.store.url}/Procedure/ruth-procedure-1"}
    assert [enclosed[each["reference"]] for each in composition["author"]] == [clinician, software]
    assert clinician["meta"] == {"source": f"{room.store.url}/Practitioner/7"}


def test_the_packet_is_a_pdf_of_a_few_pages_named_after_nobody(room: Room, tmp_path: Path) -> None:
    answer = room.get("packet.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="second-opinion-packet.pdf"'
    text = text_of(answer.data, tmp_path)
    for said in (
        "Ruth Keller",
        "T-100461",
        "Lumbar fusion L4-5",
        "52 before, 50 after",
        "Naproxen",
        "7 of 8",
        "planned",
    ):
        assert said in text or said == "7 of 8"
    assert text.count("\f") <= 3
    assert pdf_of(packet_of(room.case, "Why?")) == pdf_of(packet_of(room.case, "Why?"))


def test_the_packet_asks_what_was_typed(room: Room, tmp_path: Path) -> None:
    asked = "Is it the joint *below*?\n#strong[And] <b>why</b>?"
    text = text_of(room.post("packet.pdf", questions=asked, form_key="key").data, tmp_path)
    assert "Is it the joint" in text and "[And]" not in text
    document = room.post("packet.json", questions=asked, care="pain_clinic", form_key="key").text
    assert "<b>" not in document and "Summary for the referral" in document
    assert room.post("packet.json", questions="", care="leeches").status_code == 200


def test_what_could_not_be_read_is_told_apart_from_what_was_not_found() -> None:
    unread = packet_of(case_of("chart-unreadable"), "")
    states = {item.name: item.state for item in unread.complete.items}
    assert states["Earlier operations, with dates"] == states["Treatments tried"] == "unread"
    assert states["Diagnosis"] == "found"  # as the order gives it
    assert states["Questions"] == "not_found"
    assert unread.unread == ("Procedures and diagnoses: the EHR answered 403.",)
    assert all("could not be read" in i.says.lower() for i in unread.complete.items if i.state == "unread")
    read = packet_of(case_of("no-therapy-found"), "")
    assert {item.name: item.state for item in read.complete.items}["Earlier operations, with dates"] == "found"
    document = document_of(unread, case_of("chart-unreadable"))
    reasons = [s["emptyReason"] for s in document["entry"][0]["resource"]["section"] if "emptyReason" in s]
    assert any("coding" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("lane", "item"),
    [("care_plans", "The patient's goal"), ("procedures", "The patient's goal"), ("conditions", "Earlier operations")],
)
def test_a_lane_that_might_hold_it_is_never_passed_over(lane: str, item: str) -> None:
    case = case_of("knee")
    record = case.assessment.record
    without = {**record.lanes, lane: Lane(lane, Reading.UNAVAILABLE, ("403",))}
    none = {name: replace(each, events=Events(), aside=Events()) for name, each in without.items()}
    unread = replace(case, assessment=replace(case.assessment, record=replace(record, lanes=none)))
    states = {each.name: each.state for each in packet_of(unread, "").complete.items}
    assert {state for name, state in states.items() if name.startswith(item)} == {"unread"}


FUSION: Json = {
    "resourceType": "Procedure", "id": "op", "status": "completed",
    "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22612"}], "text": "Lumbar fusion"},
}  # fmt: skip


def missing(case: Case) -> dict[str, str]:
    return {item.name: f"{item.state}: {item.says}" for item in packet_of(case, "").complete.items}


def test_an_operation_without_a_date_is_asked_for() -> None:
    assert "not_found: One on record could not be placed" in missing(chart_of(FUSION))["Earlier operations, with dates"]


def test_a_diagnosis_that_the_order_alone_gives_is_listed_once() -> None:
    stenosis = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M48.061"}], "text": "Stenosis"}
    back = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M54.50"}], "text": "Back pain"}
    planned = {"resourceType": "ServiceRequest", "id": "order", "status": "active", "intent": "order",
               "authoredOn": "2026-11-20", "code": FUSION["code"], "reasonCode": [stenosis, back]}  # fmt: skip
    pain = {"resourceType": "Condition", "id": "pain", "code": back, "onsetDateTime": "2026-01-01"}
    (diagnoses,) = [s for s in packet_of(chart_of(planned, pain), "").sections if s.name == "diagnoses"]
    assert [(line.what, line.when) for line in diagnoses.lines] == [
        ("Back pain", "since 1 Jan 2026"), ("Stenosis", "on the order"),
    ]  # fmt: skip
    (blinded,) = [s for s in packet_of(chart_of(planned, pain), "", True).sections if s.name == "diagnoses"]
    assert [line.what for line in blinded.lines] == ["Back pain"]


def test_no_earlier_operation_in_a_chart_read_in_full_is_no_gap() -> None:
    assert missing(chart_of())["Earlier operations, with dates"].startswith("found: No earlier operation found")


@pytest.mark.parametrize(
    ("code", "on", "is_here"),
    [("72148", "2025-12-01", True), ("72148", "2025-11-01", False), ("72141", "2026-10-01", False)],
)
def test_imaging_counts_for_a_year_and_for_its_region(code: str, on: str, is_here: bool) -> None:
    planned = {"resourceType": "ServiceRequest", "id": "order", "status": "active", "intent": "order",
               "authoredOn": "2026-11-20", "code": FUSION["code"]}  # fmt: skip
    scan = {"resourceType": "Procedure", "id": "scan", "status": "completed", "performedDateTime": on,
            "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": code}]}}  # fmt: skip
    says = missing(chart_of(planned, scan))["Imaging of the region, at most 12 months old"]
    assert says.startswith("found" if is_here else "not_found")


def test_a_score_on_one_side_of_an_operation_alone_is_told_as_it_is() -> None:
    odi = {"coding": [{"system": "http://loinc.org", "code": "97909-6"}]}
    score = {"resourceType": "Observation", "id": "odi", "status": "final", "effectiveDateTime": "2026-05-01",
             "code": odi, "valueQuantity": {"value": 40}}  # fmt: skip
    case = chart_of(FUSION | {"performedDateTime": "2026-01-01"}, score)
    (scores,) = [section for section in packet_of(case, "").sections if section.name == "scores"]
    assert [(line.what, line.when) for line in scores.lines] == [("ODI: 40", "1 May 2026")]


def test_of_very_much_the_latest_is_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    epidural = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "62323"}], "text": "Epidural"}
    given = [
        {"resourceType": "Procedure", "id": f"i{n}", "status": "completed", "code": epidural,
         "performedDateTime": f"{2026 - n // 6}-0{1 + n % 6}-01"}
        for n in range(25)
    ]  # fmt: skip
    packet = packet_of(chart_of(*given), "")
    (treatments,) = [section for section in packet.sections if section.name == "treatments"]
    assert len(treatments.lines) == 20 and treatments.says == "And 5 more, in the chart."
    assert treatments.lines[0].when == "1 Jun 2026"
    assert "And 5 more, in the chart." in text_of(pdf_of(packet), tmp_path)


def test_a_referral_that_rests_on_nothing_refers_to_nothing(journal: Journal) -> None:
    with refer_room(journal) as room:
        room.case = replace(chart_of(), launch=room.case.launch, patient=room.case.patient)
        _, order = written(room)
        assert "supportingInfo" not in order


# ---- blinded

CANARIES = ("Canary operation", "Canary reason", "Dr. Canary", "Practitioner/canary", "canary-order", "Canary note")
FIRST: Json = {
    "resourceType": "ServiceRequest", "id": "canary-order", "status": "active", "intent": "order",
    "subject": {"reference": "Patient/ruth-keller"}, "authoredOn": "2026-11-20",
    "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22633"}], "text": "Canary operation"},
    "reasonCode": [{"text": "Canary reason: lumbar stenosis"}],
    "requester": {"reference": "Practitioner/canary", "display": "Dr. Canary"}, "note": [{"text": "Canary note"}],
}  # fmt: skip
ABOUT_IT: list[Json] = [
    {"resourceType": "Procedure", "id": "canary-off", "status": "not-done", "subject": FIRST["subject"],
     "performedDateTime": "2026-10-01", "code": FIRST["code"]},
    {"resourceType": "Procedure", "id": "new-therapy", "status": "completed", "subject": FIRST["subject"],
     "performedDateTime": "2026-11-01", "note": [{"text": "Canary note"}],
     "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "97110"}],
              "text": "Therapy before Canary operation"},
     "performer": [{"actor": {"reference": "Practitioner/canary", "display": "Dr. Canary"}}]},
    {"resourceType": "Consent", "id": "canary-consent", "status": "active", "patient": FIRST["subject"],
     "dateTime": "2026-11-20", "scope": {"text": "Informed consent: Canary operation lumbar fusion"}},
    {"resourceType": "Goal", "id": "new-goal", "lifecycleStatus": "active", "subject": FIRST["subject"],
     "startDate": "2026-11-20", "description": {"text": "Wants to avoid surgery: the Canary operation fusion"}},
    {"resourceType": "Appointment", "id": "canary-slot", "status": "booked", "start": "2026-12-20T08:00:00Z",
     "basedOn": [{"reference": "ServiceRequest/canary-order"}],
     "participant": [{"actor": FIRST["subject"], "status": "accepted"}]},
]  # fmt: skip


def test_blinded_nothing_tells_of_the_first_recommendation(room: Room, tmp_path: Path) -> None:
    told = next(patient for patient in teaching_patients(TODAY) if patient.id == "failed-fusion")
    entries = [*told.chart["entry"], *({"resource": each} for each in (FIRST, *ABOUT_IT))]
    launch = replace(room.case.launch, user="Practitioner/canary", encounter="canary-visit")
    room.case = case_from({**told.chart, "entry": entries}, launch=launch, site=SITE)
    assert room.case.assessment.surgery and room.case.assessment.surgery.label.startswith("Canary operation")
    form = CHOSEN | {"blinded": "yes", "file": "yes"}
    open_pdf, pdf = (text_of(room.post("packet.pdf", **fields).data, tmp_path) for fields in (CHOSEN, form))
    document, preview = room.post("packet.json", **form).text, room.post("refer", **form)
    assert "Canary operation" in open_pdf and "planned" in open_pdf
    _, order = written(room, blinded="yes", file="yes")
    filed = dict(room.store.of("DocumentReference")[0], content=[])
    note = preview.text[preview.text.index('id="note"') :]
    for said in (pdf, document, json.dumps(order), json.dumps(filed), note):
        for canary in (*CANARIES, "canary", "22633"):
            assert canary.lower() not in said.lower()
    assert "planned" not in pdf.lower() and "left out on purpose" in pdf and "before" not in order["code"]["text"]
    assert "Physical therapy" in pdf and "52 before, 50 after" in pdf
    assert order["status"] == "active" and "basedOn" not in order and "requester" not in order


def test_blinded_whoever_did_not_order_the_operation_is_named_as_the_requester(room: Room) -> None:
    _, order = written(room, blinded="yes")
    assert order["requester"] == {"reference": "Practitioner/7"}


def test_questions_that_name_the_operation_are_warned_of_when_blinded(room: Room) -> None:
    named = "Would you do a lumbar fusion?"
    assert "gives it away" in room.post("refer", **CHOSEN | {"blinded": "yes", "questions": named}).text
    assert "gives it away" not in room.post("refer", **CHOSEN | {"questions": named}).text
    assert "gives it away" not in room.post("refer", **CHOSEN | {"blinded": "yes"}).text


# ---- hostile text

HOSTILE = '<script>alert(1)</script> #eval("x") $ \\ */ [x] </div>'


def test_hostile_text_stays_text_on_the_pages_and_in_the_packet(room: Room, tmp_path: Path) -> None:
    told = next(patient for patient in teaching_patients(TODAY) if patient.id == "failed-fusion")
    entries = json.loads(json.dumps([*told.chart["entry"], {"resource": told.order}]))
    for entry in entries:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            resource |= {"name": [{"text": HOSTILE}], "birthDate": "1965", "gender": HOSTILE, "identifier": HOSTILE}
        elif "code" in resource:
            resource["code"]["text"] = f"{resource['code'].get('text', '')} {HOSTILE}"
    room.case = case_from({**told.chart, "entry": entries}, launch=room.case.launch, site=SITE)
    pages = [
        room.get("refer"),
        room.post("refer", **CHOSEN | {"target": "other", "other": HOSTILE, "questions": HOSTILE}),
    ]
    for page in pages:
        assert page.status_code == 200 and "<script>alert" not in page.text
    bundle = json.loads(room.post("packet.json", **CHOSEN | {"questions": HOSTILE}).data)
    get_fhir_model_class("Bundle").model_validate(bundle)
    divs = [section["text"]["div"] for section in bundle["entry"][0]["resource"]["section"]]
    assert not any("<script" in div for div in divs)
    assert "birthDate" not in bundle["entry"][1]["resource"] and "gender" not in bundle["entry"][1]["resource"]
    text = text_of(room.post("packet.pdf", **CHOSEN | {"questions": HOSTILE}).data, tmp_path)
    assert 'eval("x")' in text and "alert(1)" in text


def test_a_patient_who_could_not_be_read_and_an_empty_chart_still_make_a_packet(tmp_path: Path) -> None:
    case = replace(case_from({"resourceType": "Bundle", "type": "collection", "entry": []}), patient={})
    packet = packet_of(case, "")
    assert packet.timeline is None
    assert "could not be read" in text_of(pdf_of(packet), tmp_path)
    _, patient, software = (entry["resource"] for entry in document_of(packet, case)["entry"])
    assert patient["meta"]["source"].endswith("/Patient/p1") and "could not be read" in patient["text"]["div"]
    assert "name" not in patient and software["resourceType"] == "Device"
