"""`second-opinion assess`: files in, text or one JSON line each out; whatever cannot be read is named."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec import json
from teaching_calls import hook_call

from fixtures.teaching import teaching_patients
from fixtures.vignettes import chart
from plugin.cli import main
from second_opinion.data_needs import LANES
from second_opinion.knowledge import software
from second_opinion.value_sets import use_local_codes

Json = dict[str, Any]
TODAY = date(2026, 11, 22)
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}
ROOT = Path(__file__).resolve().parent.parent
HOOKS = ("patient-view", "order-select", "order-sign", "appointment-book", "order-dispatch")
FUSION = {"today": "Order CPT 22612 lumbar fusion"}
COMMANDS: list[list[str]] = [[], ["assess"], ["demo"], ["serve"]]


def run(*arguments: str | Path, given: bytes = b"") -> Result:
    done = CliRunner().invoke(main, [str(each) for each in arguments], input=given)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done


def assess(*arguments: str | Path, given: bytes = b"") -> Result:
    return run("assess", "--as-of", "2026-11-22", *arguments, given=given)


def bundle(*resources: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def chart_of(*lines: dict[str, str]) -> Json:
    return bundle(*chart(list(lines), TODAY))


def teaching_chart(name: str = "failed-fusion") -> Json:
    patient = TEACHING[name]
    return bundle(*(entry["resource"] for entry in patient.chart["entry"]), patient.order)


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.encode(content))
    return path


@pytest.fixture
def fusion(tmp_path: Path) -> Path:
    return written(tmp_path, "fusion.json", teaching_chart())


# ---- as JSON


def test_one_json_line_a_file_in_the_form_of_the_contract(fusion: Path, tmp_path: Path) -> None:
    knee = written(tmp_path, "knee.json", teaching_chart("knee"))
    done = assess("--json", fusion, knee)
    first, second = map(json.decode, done.stdout.splitlines())
    assert list(first) == list(second) == [
        "file", "patient", "as_of", "planned_surgery", "silenced_by", "indicator", "findings", "lanes",
    ]  # fmt: skip
    assert (first["file"], first["patient"]) == (str(fusion), "Patient/ruth-keller")
    assert (first["as_of"], first["indicator"]) == ("2026-11-22", "warning")
    assert tuple(first["lanes"]) == LANES
    assert (second["file"], second["planned_surgery"]) == (str(knee), None)
    assert (second["findings"], second["indicator"], second["silenced_by"]) == ([], None, None)
    assert (done.exit_code, done.stderr) == (0, "")


def test_findings_are_given_even_when_no_card_is_shown(tmp_path: Path) -> None:
    done = assess("--json", written(tmp_path, "a.json", teaching_chart("cauda-equina")))
    line = json.decode(done.stdout)
    assert (line["silenced_by"]["reason"], line["indicator"]) == ("red_flag", None)
    assert line["silenced_by"]["evidence"]
    assert line["findings"]


def test_the_card_carries_the_same_as_the_command_prints(tmp_path: Path) -> None:
    from plugin.app import create_app

    call = hook_call(TEACHING["failed-fusion"], "order-sign")
    client = create_app("https://second-opinion.example", today=lambda: TODAY).test_client()
    (card,) = client.post("/cds-services/second-opinion-order-sign", json=call).get_json()["cards"]
    line = json.decode(assess("--json", written(tmp_path, "call.json", call)).stdout)
    assert {"file": line.pop("file"), "patient": line.pop("patient")} == {
        "file": str(tmp_path / "call.json"),
        "patient": "Patient/ruth-keller",
    }
    # What is for the app alone never stands on a card.
    line["findings"] = [each for each in line["findings"] if each["rule"] != "financial_ties"]
    assert card["extension"]["org.second-opinion.assessment"] == line


def test_a_bundle_counts_as_read_in_full_and_a_hook_request_only_as_far_as_it_was_sent(tmp_path: Path) -> None:
    call = hook_call(TEACHING["failed-fusion"], "order-sign")
    del call["prefetch"]["encounters"]
    given = [written(tmp_path, "chart.json", teaching_chart()), written(tmp_path, "call.json", call)]
    whole, sent = (json.decode(line)["lanes"] for line in assess("--json", *given).stdout.splitlines())
    assert {lane["state"] for lane in whole.values()} == {"complete"}
    assert (sent["procedures"]["state"], sent["encounters"]["state"]) == ("complete", "unavailable")
    assert sent["documents"] == {"state": "unavailable", "count": 0, "why": "not asked for"}


def call_of(hook: str, patient: str = "failed-fusion") -> Json:
    """What an EHR sends; the mock EHR books and dispatches nothing, so that is added here."""
    order, call = TEACHING[patient].order, deepcopy(hook_call(TEACHING[patient], hook))
    context = call["context"]
    if hook == "appointment-book":
        booked = {"resourceType": "Appointment", "id": "1", "status": "proposed", "serviceType": [order["code"]]}
        context["appointments"] = bundle(booked | {"participant": [{"actor": order["subject"]}]})
    if hook == "order-dispatch":
        context["dispatchedOrders"] = [f"ServiceRequest/{order['id']}"]
        call["prefetch"]["service_requests"]["entry"].append({"resource": order | {"status": "active"}})
    return call


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_request_of_every_kind_is_read(tmp_path: Path, hook: str) -> None:
    call = written(tmp_path, "call.json", call_of(hook))
    assert json.decode(assess("--json", call).stdout)["indicator"] == "warning"


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge", "order_sign", ""])
def test_a_hook_request_of_another_kind_is_refused_and_those_we_know_are_named(tmp_path: Path, hook: str) -> None:
    done = assess(written(tmp_path, "call.json", call_of("order-sign") | {"hook": hook}))
    assert done.exit_code == 2
    assert repr(hook) in done.stderr and ", ".join(HOOKS) in done.stderr


def test_a_dispatched_order_that_did_not_come_along_is_named_and_the_exit_code_is_2(
    fusion: Path, tmp_path: Path
) -> None:
    call = call_of("order-dispatch")
    del call["prefetch"]["service_requests"]
    path = written(tmp_path, "call.json", call)
    done = assess("--json", path, fusion)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{path}: The dispatched orders ServiceRequest/ruth-order-22633 were not sent")
    assert [json.decode(line)["file"] for line in done.stdout.splitlines()] == [str(fusion)]


# ---- as text


def test_the_text_tells_what_is_planned_what_was_found_and_where(fusion: Path) -> None:
    done = assess(fusion)
    assert done.stdout.startswith(f"{fusion}  (Patient/ruth-keller, as of 22 Nov 2026)\n")
    assert (
        "Planned   Lumbar fusion L5-S1, posterolateral and interbody (ServiceRequest/ruth-order-22633)" in done.stdout
    )
    assert "Card      warning: Lumbar fusion planned 16 months after lumbar fusion (22 Jul 2025)" in done.stdout
    assert "Earlier surgery: to consider." in done.stdout
    assert "22 Jan 2026  Postlaminectomy syndrome [strong]  Condition/ruth-condition-1" in done.stdout
    assert "Referral to physical therapy (order marked completed) [ordered]" in done.stdout


TEXTS: dict[str, tuple[Json, str]] = {
    "nothing planned": (teaching_chart("knee"), "No planned spine operation was found."),
    "an emergency": (teaching_chart("cauda-equina"), "Card      none: silent, red flag: "),
    "a second opinion there": (
        teaching_chart("second-opinion-done"),
        "Card      none: silent, second opinion exists: ",
    ),
    "enough care": (teaching_chart("enough-therapy"), "Card      none: nothing to say"),
    "read by its text": (
        chart_of({"today": "Order text Lumbar fusion"}),
        "ServiceRequest/order-0, recognised by its text)",
    ),
    "care without a date": (
        chart_of(FUSION, {"undated": "Procedure CPT 97110 exercise therapy"}),
        "set aside: Procedure/procedure-1 exercise therapy: no date",
    ),
    "no patient": (bundle(), "(no patient, as of 22 Nov 2026)"),
    "further pages": (
        chart_of() | {"link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]},
        "One may be planned all the same: orders and referrals, care plans, appointments and procedures could not be",
    ),
    "odd types": (
        bundle(*chart([FUSION], TODAY), {"resourceType": "Procedure", "id": "odd", "status": {"a": 1}}),
        "could not be read: Procedure/odd: status: not as FHIR R4 has it",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_says_plainly(tmp_path: Path, name: str) -> None:
    content, says = TEXTS[name]
    done = assess(written(tmp_path, "a.json", content))
    assert says in done.stdout
    assert (done.exit_code, done.stderr) == (0, "")


def test_the_text_names_orders_that_were_not_judged_and_not_what_nobody_asked_for(tmp_path: Path) -> None:
    call = deepcopy(hook_call(TEACHING["failed-fusion"], "order-sign"))
    call["context"]["draftOrders"]["entry"][0]["resource"]["subject"] = {"reference": "Patient/other"}
    call["prefetch"]["procedures"] = None
    del call["prefetch"]["conditions"]
    done = assess(written(tmp_path, "call.json", call))
    assert "Not judged: ServiceRequest/ruth-order-22633: this order is for another patient" in done.stdout
    assert "Diagnoses: unavailable (not sent by the EHR)" in done.stdout
    assert "not asked for" not in done.stdout


# ---- many files, folders, standard input


def test_of_a_folder_all_json_files_are_assessed_those_in_folders_below_too(fusion: Path, tmp_path: Path) -> None:
    below = written(tmp_path, "more/deeper/knee.json", teaching_chart("knee"))
    written(tmp_path, "readme.txt", b"not a chart")
    done = assess("--json", tmp_path)
    assert [json.decode(line)["file"] for line in done.stdout.splitlines()] == sorted([str(fusion), str(below)])
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_folder_without_json_files_is_named_and_the_exit_code_is_2(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = assess(tmp_path / "empty")
    assert done.exit_code == 2
    assert str(tmp_path / "empty") in done.stderr


@pytest.mark.parametrize("kind", ["chart", "call"])
def test_a_hyphen_reads_standard_input(kind: str) -> None:
    content = teaching_chart() if kind == "chart" else hook_call(TEACHING["failed-fusion"], "order-sign")
    line = json.decode(assess("--json", "-", given=json.encode(content)).stdout)
    assert (line["file"], line["indicator"]) == ("-", "warning")


def test_empty_standard_input_is_named(tmp_path: Path) -> None:
    done = assess("-")
    assert (done.exit_code, done.stderr.startswith("-: it is empty.")) == (2, True)


def test_standard_input_and_files_may_be_mixed(fusion: Path) -> None:
    done = assess("--json", fusion, "-", given=json.encode(teaching_chart("knee")))
    assert [json.decode(line)["file"] for line in done.stdout.splitlines()] == [str(fusion), "-"]


def test_a_pipe_works_in_a_real_process() -> None:
    command = [sys.executable, "-m", "plugin", "assess", "--as-of", "2026-11-22", "-"]
    done = subprocess.run(
        command, input=json.encode(teaching_chart()), capture_output=True, timeout=60, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"-  (Patient/ruth-keller, as of 22 Nov 2026)\n")


# ---- what cannot be read

UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "not JSON": (b"hello", "it is not valid JSON"),
    "cut off": (json.encode(teaching_chart())[:-5], "it is not valid JSON"),
    "binary": (bytes(range(256)), "it is not valid JSON"),
    "Latin-1": (json.encode(teaching_chart()).replace(b"Ruth", b"R\xfcth"), "it is not valid JSON"),
    "lines of JSON": (b'{"resourceType":"Patient"}\n{"resourceType":"Patient"}', "NDJSON must be put into a Bundle"),
    "a list": (b"[]", "not an object with a resourceType"),
    "a number": (b"5", "not an object with a resourceType"),
    "any other JSON": (b'{"name":"second-opinion","version":"0.1.0"}', "not an object with a resourceType"),
    "an empty object": (b"{}", "not an object with a resourceType"),
    "one resource": (b'{"resourceType":"Patient","id":"1"}', "it is a Patient, not a Bundle"),
    "an error": (b'{"resourceType":"OperationOutcome"}', "it is a OperationOutcome, not a Bundle"),
    "nested too deeply": (b'{"resourceType":"Bundle","entry":' + b"[" * 100_000, "nested too deeply"),
    "a broken call": (b'{"hook":"order-sign","hookInstance":"1","context":{}}', "$.context"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_still_assessed(
    fusion: Path, tmp_path: Path, name: str
) -> None:
    content, says = UNREADABLE[name]
    bad = written(tmp_path, "bad.json", content)
    done = assess("--json", bad, fusion)
    assert done.exit_code == 2
    assert [json.decode(line)["file"] for line in done.stdout.splitlines()] == [str(fusion)]
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{bad}: ")
    assert says in line
    assert line.endswith("Give a FHIR R4 Bundle of one patient, or a CDS Hooks request.")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, fusion: Path) -> None:
    done = assess(tmp_path / "nowhere.json", fusion)
    assert done.exit_code == 2
    assert f"{tmp_path / 'nowhere.json'}: it cannot be opened (No such file or directory)" in done.stderr
    assert "ruth-keller" in done.stdout


def test_a_folder_named_like_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    done = assess(tmp_path)
    assert done.exit_code == 2
    assert f"{tmp_path}: it is a folder without JSON files" in done.stderr


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, "a.json", b"{}")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = assess(path)
    assert (done.exit_code, f"{path}: it cannot be opened (Permission denied)" in done.stderr) == (2, True)


def test_a_file_whose_name_is_not_utf8_is_assessed_as_any_other(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    try:
        odd.write_bytes(json.encode(teaching_chart()))
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    done = assess("--json", odd)
    assert done.exit_code == 0
    assert json.decode(done.stdout)["patient"] == "Patient/ruth-keller"


OTHER_VERSIONS: dict[str, tuple[Json, str, str]] = {
    "R5": (
        {"resourceType": "Procedure", "id": "1", "status": "completed", "occurrenceDateTime": "2026-10-01",
         "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "97110"}]}},
        "procedures",
        "occurrenceDateTime is R5, not FHIR R4",
    ),
    "STU3": (
        {"resourceType": "ProcedureRequest", "id": "1", "status": "active", "intent": "order"},
        "service_requests",
        "ProcedureRequest is not FHIR R4",
    ),
    "DSTU2": (
        {"resourceType": "MedicationOrder", "id": "1", "status": "active"},
        "medications",
        "MedicationOrder is not FHIR R4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_VERSIONS)
def test_resources_of_other_fhir_versions_are_named_and_never_read_as_absence(tmp_path: Path, name: str) -> None:
    resource, lane, says = OTHER_VERSIONS[name]
    path = written(tmp_path, "a.json", bundle(*chart([FUSION], TODAY), resource))
    read = json.decode(assess("--json", path).stdout)["lanes"][lane]
    assert read["state"] == "partial"
    assert says in read["unread"][0]["why"]
    assert says in assess(path).stdout


# ---- the day


def test_the_day_decides(tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", chart_of(FUSION, {"40 days ago": "Procedure CPT 97110 exercise therapy"}))
    outcomes = []
    for day in ("2026-11-22", "2027-11-21"):
        line = json.decode(run("assess", "--json", "--as-of", day, path).stdout)
        assert line["as_of"] == day
        outcomes.append([each["outcome"] for each in line["findings"] if each["rule"] == "nonsurgical_care"])
    assert outcomes == [["concern"], ["not_documented"]]


def test_without_a_day_it_is_today(fusion: Path) -> None:
    before = date.today()
    said = date.fromisoformat(json.decode(run("assess", "--json", fusion).stdout)["as_of"])
    assert before <= said <= before + timedelta(1)


@pytest.mark.parametrize("day", ["2026-02-30", "22.11.2026", "tomorrow", ""])
def test_a_day_that_is_none_is_refused_and_the_form_is_shown(fusion: Path, day: str) -> None:
    done = run("assess", "--as-of", day, fusion)
    assert done.exit_code == 2
    assert "--as-of" in done.stderr and "%Y-%m-%d" in done.stderr


@pytest.mark.parametrize("day", ["1899-12-31", "2200-01-01", "0001-01-01", "9999-12-31"])
def test_a_day_on_which_nobody_reads_a_chart_is_refused(fusion: Path, day: str) -> None:
    done = run("assess", "--as-of", day, fusion)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--as-of" in done.stderr and day in done.stderr


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
def test_the_first_and_the_last_day_are_answered(fusion: Path, day: str) -> None:
    done = run("assess", "--json", "--as-of", day, fusion)
    assert (done.exit_code, json.decode(done.stdout)["as_of"]) == (0, day)


# ---- what a site changes: SECOND_OPINION_SITE


@pytest.fixture
def with_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str | bytes], Path]]:
    """Writes a site file and names it in the environment; the codes it maps are forgotten afterwards."""

    def use(text: str | bytes) -> Path:
        path = written(tmp_path / "site", "site.toml", text.encode() if isinstance(text, str) else text)
        monkeypatch.setenv("SECOND_OPINION_SITE", str(path))
        return path

    yield use
    use_local_codes(())


WithSite = Callable[[str | bytes], Path]
CARE = {"40 days ago": "Procedure CPT 97110 exercise therapy"}
LOCAL_CODES = """
[[local_codes]]
system = "urn:second-opinion:local"
code = "64021"
value_set = "spine_surgery"
kind = "fusion"
regions = ["lumbar"]
label = "Arthrodesis lumbar posterior"
"""


def first_line(*arguments: str | Path) -> Json:
    done = assess("--json", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    line: Json = json.decode(done.stdout)
    return line


def outcomes(line: Json) -> dict[str, str]:
    return {each["rule"]: each["outcome"] for each in line["findings"]}


def test_a_sites_limit_takes_the_place_of_ours(tmp_path: Path, with_site: WithSite) -> None:
    chart_file = written(tmp_path, "a.json", chart_of(FUSION, CARE))
    assert outcomes(first_line(chart_file))["nonsurgical_care"] == "concern"
    with_site('[limits.nonsurgical_care]\nlook_back = "30 days"\n')
    assert outcomes(first_line(chart_file))["nonsurgical_care"] == "not_documented"


def test_a_rule_switched_off_is_not_judged_and_a_silent_one_raises_nothing(tmp_path: Path, with_site: WithSite) -> None:
    chart_file = written(tmp_path, "a.json", chart_of({"today": f"{FUSION['today']} [reason=ICD10CM M43.16 x]"}))
    assert first_line(chart_file)["indicator"] == "info"
    with_site('[rules]\nnonsurgical_care = "off"\n')
    line = first_line(chart_file)
    assert (line["indicator"], "nonsurgical_care" in outcomes(line)) == (None, False)
    with_site('[rules]\nnonsurgical_care = "silent"\n')
    line = first_line(chart_file)
    assert (line["indicator"], outcomes(line)["nonsurgical_care"]) == (None, "not_documented")
    assert "none: nothing to say" in assess(chart_file).stdout


def test_a_sites_own_codes_are_known(tmp_path: Path, with_site: WithSite) -> None:
    def planned(code: str) -> Any:
        order = chart([FUSION], TODAY)
        order[1]["code"] = {"coding": [{"system": "urn:second-opinion:local", "code": code}]}
        return first_line(written(tmp_path, "a.json", bundle(*order)))["planned_surgery"]

    assert planned("64020") is None
    with_site(LOCAL_CODES)
    assert planned("64020") is None
    found = planned("64021")
    assert (found["kind"], found["regions"], found["by"]) == ("fusion", ["lumbar"], "code")
    assert found["label"] == "Arthrodesis lumbar posterior"


def test_a_site_without_a_file_is_as_shipped(fusion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_shipped = first_line(fusion)
    monkeypatch.setenv("SECOND_OPINION_SITE", "")
    assert first_line(fusion) == as_shipped


WRONG_SITES: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "not TOML": ("[rules\n", ("site.toml", "not TOML")),
    "not UTF-8": (b"[card]\n# f\xfcr\n", ("site.toml", "cannot be read")),
    "an unknown table": ("\n[rule]\n", ("site.toml, line 2", "rule")),
    "an unknown rule": ('[rules]\n\nnonsurgical = "off"\n', ("site.toml, line 3", "nonsurgical", "nonsurgical_care")),
    "an unknown mode": ('[rules]\nindication = "quiet"\n', ("site.toml, line 2", "quiet", "on, silent, off")),
    "no duration": (
        '[limits.nonsurgical_care]\nlook_back = "long"\n',
        ("site.toml, line 2", "look_back", "long", "6 weeks"),
    ),
    "a code mapped twice": (LOCAL_CODES * 2, ("64021 is mapped twice",)),
}


@pytest.mark.parametrize("name", WRONG_SITES)
def test_a_site_file_that_is_wrong_stops_the_start_and_says_where(fusion: Path, with_site: WithSite, name: str) -> None:
    text, says = WRONG_SITES[name]
    with_site(text)
    done = assess(fusion)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    for words in says:
        assert words in done.stderr


@pytest.mark.parametrize("command", [["serve"], ["demo", "--no-browser"]], ids=lambda command: command[0])
def test_no_server_starts_with_a_site_file_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("SECOND_OPINION_SITE", str(tmp_path / "nowhere.toml"))
    done = run(*command)
    assert done.exit_code == 1
    assert str(tmp_path / "nowhere.toml") in done.stderr and "Name a readable TOML file." in done.stderr


# ---- the register of payments: SECOND_OPINION_OPEN_PAYMENTS

PAYMENT = {
    "Change_Type": "UNCHANGED",
    "Covered_Recipient_NPI": "1234567893",
    "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_ID": "100000000001",
    "Total_Amount_of_Payment_USDollars": "100.00",
    "Number_of_Payments_Included_in_Total_Amount": "1",
    "Nature_of_Payment_or_Transfer_of_Value": "Consulting Fee",
    "Dispute_Status_for_Publication": "No",
    "Program_Year": "2023",
    "Payment_Publication_Date": "01/30/2025",
}
REGISTER = "\r\n".join(",".join(row) for row in (PAYMENT.keys(), PAYMENT.values())) + "\r\n"


@pytest.mark.parametrize(
    ("npi", "outcome"), [("1234567893", "concern"), ("1000000004", "not_documented"), (None, "could_not_assess")]
)
def test_what_a_register_says_of_who_ordered_is_told_and_changes_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npi: str | None, outcome: str
) -> None:
    content = chart_of({"today": f"{FUSION['today']} [reason=ICD10CM M43.16 x]"})
    if npi:
        identifier = {"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}
        content["entry"][1]["resource"]["requester"] = {"identifier": identifier}
    chart_file = written(tmp_path, "a.json", content)
    without = first_line(chart_file)
    assert outcomes(without)["financial_ties"] == "not_applicable"
    monkeypatch.setenv("SECOND_OPINION_OPEN_PAYMENTS", str(written(tmp_path, "payments.csv", REGISTER.encode())))
    assess(chart_file)  # the register is indexed the first time, and that is told
    line = first_line(chart_file)
    assert outcomes(line)["financial_ties"] == outcome
    assert line["indicator"] == without["indicator"] == "info"


def test_a_register_that_cannot_be_read_stops_the_start(
    fusion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_OPINION_OPEN_PAYMENTS", str(written(tmp_path, "payments.csv", b"not a register")))
    done = assess(fusion)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "payments.csv" in done.stderr


# ---- help


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "second-opinion")
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_teaches_by_example(command: list[str], flag: str) -> None:
    done = run(*command, flag)
    assert done.exit_code == 0
    assert "second-opinion " + " ".join(command) in done.stdout


def test_assess_without_a_file_says_that_one_is_needed() -> None:
    done = run("assess")
    assert done.exit_code == 2
    assert "PATH" in done.stderr


def test_an_unknown_command_is_refused() -> None:
    done = run("asess")
    assert done.exit_code == 2
    assert "asess" in done.stderr


def test_the_version_is_told() -> None:
    assert f"version {software()}" in run("--version").stdout
