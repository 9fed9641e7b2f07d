"""`second-opinion doctor`: what a FHIR server answers of our searches, what can be assessed there, and what to do."""

import socket
from collections.abc import Iterator
from typing import Any

import fhir_server as fake
import pytest
from click.testing import CliRunner, Result
from fhir_server import FakeServer, Json, fhir_server
from look_ups import DANIEL, RUTH, TOKEN, chart_of, one_of
from look_ups import PATIENTS as TEACHING
from msgspec import json

from fixtures.loading import Target, transaction
from plugin.cli import main
from sandbox.fhir_process import fhir_process
from second_opinion.data_needs import NEEDS, smart_scopes
from second_opinion.rules import RULES

PATIENT = DANIEL.order["subject"]["reference"].partition("/")[2]
R4 = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "Example EHR", "version": "7"},
    "rest": [{"mode": "server", "resource": [{"type": need.type} for need in NEEDS if need.type != "Goal"]}],
}
SMART = {
    "authorization_endpoint": "https://ehr.example/authorize",
    "token_endpoint": "https://ehr.example/token",
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["launch-ehr", "context-ehr-patient", "client-public"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
    "scopes_supported": ["launch", "openid", "fhirUser", "patient/*.rs"],
}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fhir_server(chart_of(DANIEL)) as started:
        started.ways |= {"metadata": fake.resource(R4), ".well-known": fake.resource(SMART)}
        yield started


def doctor(*arguments: str, token: str = "") -> Result:
    environment = {"COLUMNS": "80", "SECOND_OPINION_TOKEN": token or None}
    done = CliRunner().invoke(main, ["doctor", *arguments], env=environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done


def report(server: FakeServer | str, *arguments: str, token: str = "") -> Json:
    address = server if isinstance(server, str) else server.url
    read: Json = json.decode(doctor(address, "--json", *arguments, token=token).stdout)
    return read


def said(done: Result) -> str:
    return " ".join(done.stdout.split())


def advice(read: Json) -> str:
    return "\n".join(read["advice"])


def unread(read: Json) -> dict[str, str]:
    return {name: lane["why"] for name, lane in read["lanes"].items() if not lane["whole"]}


def blocked(read: Json) -> dict[str, str]:
    return {name: rule["can_be_assessed"] for name, rule in read["rules"].items() if rule["can_be_assessed"] != "yes"}


# ---- a server that answers


def test_a_third_party_server_can_be_assessed_in_full() -> None:
    with fhir_process() as address:
        target = Target(address)
        target.ask("POST", target.base, transaction(TEACHING["own-words"]))
        target.close()
        read = report(address, "--timeout", "60")
    assert (read["severity"], read["problem"], unread(read)) == (0, None, {})
    assert read["fhir_version"] == "4.0.1"
    assert read["lanes"]["procedures"]["count"] > 0
    forms = {(each["form"], each["full"]) for each in read["lanes"]["procedures"]["tries"]}
    assert forms == {("GET", False), ("GET", True), ("POST", False), ("POST", True)}


def test_every_lane_is_asked_for_in_every_usual_form(server: FakeServer) -> None:
    read = report(server)
    assert list(read["lanes"]) == [need.lane for need in NEEDS]
    assert {len(lane["tries"]) for lane in read["lanes"].values()} == {1, 4, 8}
    wanted = {need.lane: need.categories for need in NEEDS}
    for lane, tried in read["lanes"].items():
        assert any(each["category"] for each in tried["tries"]) == bool(wanted[lane])
    posted = [asked for asked in server.asked if asked.form]
    assert {asked.path.rpartition("/")[2] for asked in posted} == {"_search"}
    assert {asked.headers["Content-Type"] for asked in posted} == {"application/x-www-form-urlencoded"}
    assert not [asked for asked in posted if PATIENT in asked.path]


def test_every_rule_that_reads_a_chart_is_judged_and_so_is_finding_the_operation(server: FakeServer) -> None:
    read = report(server)
    assert set(read["rules"]) == {*(name for name, rule in RULES.items() if rule.LANES), "planned_surgery"}
    assert blocked(read) == {}
    assert (doctor(server.url).exit_code, read["severity"]) == (0, 0)


def test_without_a_patient_it_takes_the_first_that_the_server_lists(server: FakeServer) -> None:
    assert report(server)["patient"] == f"Patient/{PATIENT}"
    assert "Patient?_count=1" in [asked.path.rpartition("/")[2] for asked in server.asked]


@pytest.mark.parametrize("written", [PATIENT, f"Patient/{PATIENT}", f"https://ehr.example/fhir/Patient/{PATIENT}"])
def test_a_patient_may_be_named_as_it_comes(server: FakeServer, written: str) -> None:
    read = report(server, "--patient", written)
    assert (read["patient"], read["lanes"]["patient"]["count"]) == (f"Patient/{PATIENT}", 1)


def test_the_text_fits_eighty_columns_and_has_no_colour(server: FakeServer) -> None:
    server.ways |= {"Condition": fake.status(403), "CarePlan": fake.wants_category, "Encounter": fake.body(b"<html>")}
    text = doctor(server.url).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "Some rules cannot be assessed here" in text
    assert "diagnoses 403,403 403,403 403,403 403,403" in " ".join(text.split())


def test_a_chart_with_nothing_in_it_proves_little_and_this_is_said(server: FakeServer) -> None:
    server.chart = [resource for resource in server.chart if resource["resourceType"] == "Patient"]
    assert "Try one with a fuller chart" in advice(report(server))


# ---- lanes that are missing


def test_a_forbidden_lane_names_the_scope_to_ask_for(server: FakeServer) -> None:
    server.ways |= {"Procedure": fake.status(403), "Condition": fake.status(403)}
    read = report(server)
    assert unread(read) == {"procedures": "403", "conditions": "403"}
    assert "Ask for the scopes patient/Procedure.rs and patient/Condition.rs (403)." in advice(read)
    assert blocked(read)["indication"] == "no"
    assert blocked(read)["nonsurgical_care"] == "in part"
    assert "options_discussed" not in blocked(read)
    assert read["severity"] == 1
    assert "Nonsurgical care: in part (procedures: 403)" in said(doctor(server.url))


def test_a_type_that_is_not_there_is_told_with_what_the_server_lists(server: FakeServer) -> None:
    server.ways |= {"Goal": fake.status(404)}
    read = report(server)
    assert read["lanes"]["goals"]["declared"] is False
    assert "It has no Goal (404). Its CapabilityStatement does not list it." in advice(read)
    server.ways |= {"Goal": fake.as_usual, "Consent": fake.status(410)}
    assert "It has no Consent (410). Rules" in advice(report(server))
    server.ways["metadata"] = fake.resource({"resourceType": "CapabilityStatement"})
    assert "It has no Consent (410). Rules" in advice(report(server))


@pytest.mark.parametrize(
    ("way", "status", "words"),
    [
        (fake.status(401), "401", "Get a fresh one"),
        (fake.status(500), "500", "It fails on Goal (500)"),
        (fake.status(405), "405", "It refuses Goal (405)"),
        (fake.body(b'{"entry": ['), "bad", "What it sends for Goal cannot be used (it is not valid JSON"),
        (fake.redirect("https://elsewhere.example/login"), "302", "It refuses Goal (302)"),
        (fake.drop, "none", "It gave no answer in time for Goal"),
        (fake.resource(fake.page({"resourceType": "Goal", "id": "x", "subject": {"reference": "Patient/other"}})),
         "bad", "Asked for one patient's Goal, it sends other patients' as well"),
    ],
)  # fmt: skip
def test_each_way_of_failing_has_a_remedy(server: FakeServer, way: Any, status: str, words: str) -> None:
    server.ways["Goal"] = way
    read = report(server)
    assert read["lanes"]["goals"]["tries"][0]["status"] == status
    assert words in advice(read)
    assert blocked(read) == {"patient_goals": "in part"}


def test_a_server_that_hangs_is_waited_for_once_a_lane(server: FakeServer) -> None:
    server.ways["Goal"] = fake.hang
    read = report(server, "--timeout", "0.4")
    (tried,) = read["lanes"]["goals"]["tries"]
    assert (tried["status"], unread(read)["goals"]) == ("late", "the server was late")
    assert "longer --timeout" in advice(read)


def test_pages_that_are_cut_off_leave_a_lane_in_part(server: FakeServer) -> None:
    server.ways["Goal"] = fake.pages(fake.page(one_of("goals", status=None)), then=fake.status(500))
    read = report(server)
    assert read["lanes"]["goals"]["tries"][0]["status"] == "part"
    assert "It sends only part of Goal: further pages could not be had: 500" in advice(read)
    assert read["severity"] == 1


def test_a_server_that_wants_a_category_is_read_with_one_as_the_service_does(server: FakeServer) -> None:
    server.ways |= {"Condition": fake.wants_category, "CarePlan": fake.wants_category}
    read = report(server)
    assert (unread(read), read["severity"]) == ({}, 0)
    assert "This server wants a category for Condition and CarePlan (400 without)" in advice(read)


def test_a_slow_lane_is_named(server: FakeServer) -> None:
    server.ways["Goal"] = fake.slow(0.5)
    (slow,) = [
        line for line in report(server)["advice"] if line.startswith("Slower than the 350 ms that a card may wait")
    ]
    assert "Goal" in slow


# ---- servers that answer one form only


def only(form: str, full: bool, otherwise: fake.Way) -> fake.Way:
    def answer(server: FakeServer, handler: fake.Handler, asked: fake.Asked) -> None:
        named = asked.query["patient"].startswith("Patient/")
        fits = (("POST" if asked.form else "GET") == form, named == full) == (True, True)
        (fake.as_usual if fits else otherwise)(server, handler, asked)

    return answer


def test_one_that_answers_only_the_full_reference_is_told_apart(server: FakeServer) -> None:
    server.ways["Procedure"] = only("GET", True, fake.status(400))
    read = report(server)
    assert unread(read) == {"procedures": "400"}
    assert "It answers Procedure only with patient=Patient/ID, which the service does not send." in advice(read)


def test_one_that_answers_only_posts_is_told_apart(server: FakeServer) -> None:
    server.ways["Procedure"] = only("POST", False, fake.status(405))
    assert "It answers Procedure only with POST _search and patient=ID" in advice(report(server))


def test_one_that_finds_nothing_unless_asked_in_full_must_not_be_trusted_with_absence(server: FakeServer) -> None:
    """The worst of all: 'nothing found', politely, for a chart that is full."""
    server.ways["Procedure"] = only("GET", True, fake.resource(fake.page()))
    read = report(server)
    count = max(each["count"] for each in read["lanes"]["procedures"]["tries"])
    assert unread(read) == {"procedures": f"0 found as we ask, {count} with patient=Patient/ID"}
    assert "Keep this server out of fhir_servers" in read["advice"][0]
    assert blocked(read)["nonsurgical_care"] == "in part"


# ---- no FHIR R4 server


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (fake.body(b"<html>Sign in</html>", Content_Type="text/html"), "this is no FHIR server"),
        (fake.body(b'{"resourceType": '), "this is no FHIR server"),
        (fake.body(b'["CapabilityStatement"]'), "this is no FHIR server"),
        (fake.resource(fake.outcome("error")), "of type OperationOutcome"),
        (fake.resource({"resourceType": "Conformance", "fhirVersion": "1.0.2"}), "FHIR DSTU2, not R4"),
        (fake.resource(R4 | {"fhirVersion": "1.0.2"}), "FHIR DSTU2 (1.0.2), not R4"),
        (fake.resource(R4 | {"fhirVersion": "3.0.1"}), "FHIR STU3 (3.0.1), not R4"),
        (fake.resource(R4 | {"fhirVersion": "5.0.0"}), "FHIR R5 (5.0.0), not R4"),
        (fake.status(404), "/metadata was answered with 404. Give the address that /metadata is below"),
        (fake.redirect("https://elsewhere.example/"), "302, a redirect, was not followed"),
        (fake.hang, "the server was late. Check the address"),
    ],
)
def test_what_is_no_r4_server_is_said_with_the_remedy(server: FakeServer, way: Any, words: str) -> None:
    server.ways["metadata"] = way
    seconds = "0.4" if way is fake.hang else "60"
    done = doctor(server.url, "--timeout", seconds)
    assert done.exit_code == 2
    assert words in said(done)
    assert server.types == ["metadata"]
    assert report(server, "--timeout", seconds)["severity"] == 2


def test_a_port_where_nobody_listens_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = doctor(f"http://127.0.0.1:{port}/fhir")
    assert (done.exit_code, "no answer. Check the address" in said(done)) == (2, True)


@pytest.mark.parametrize("address", ["ehr.example/fhir", "http://ehr.example/fhir", "https://x.example/" + 3000 * "x"])
def test_an_address_that_we_do_not_take_is_refused_with_the_remedy(address: str) -> None:
    read = report(address)
    assert read["severity"] == 2
    assert any(words in read["problem"] for words in ("Write it like", "Use https", "longer than we take"))


@pytest.mark.parametrize("version", [None, "", "4.0.1", "4.3.0", "local"])
def test_a_statement_that_says_little_does_not_stop_it(server: FakeServer, version: str | None) -> None:
    server.ways["metadata"] = fake.resource({"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": 1})
    read = report(server)
    assert read["severity"] == 0
    assert {lane["declared"] for lane in read["lanes"].values()} == {None}


# ---- no patient, no right


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (fake.status(403), "was answered with: 403"),
        (fake.resource(fake.page()), "found nobody"),
        (fake.resource(fake.page({"resourceType": "Patient"}, {"resourceType": "Basic", "id": "x"})), "found nobody"),
        (fake.body(b"<html>"), "not FHIR in JSON"),
    ],
)
def test_without_any_patient_it_says_what_to_give(server: FakeServer, way: Any, words: str) -> None:
    server.ways["Patient"] = way
    read = report(server)
    assert read["severity"] == 2
    assert words in read["problem"]
    assert "--patient and, if this server is not open, a token" in read["problem"]
    assert report(server, token=TOKEN)["problem"].endswith("Name one with --patient")
    assert "What the app would get" in said(doctor(server.url))


def test_a_patient_who_is_not_there_is_no_patient_without_a_chart(server: FakeServer) -> None:
    server.ways |= {"Patient": fake.status(404)} | {need.type: fake.resource(fake.page()) for need in NEEDS[1:]}
    read = report(server, "--patient", "nobody")
    assert read["severity"] == 2
    assert read["problem"].startswith("Patient/nobody is not there (404). Name another with --patient")


def test_a_token_that_is_not_taken_is_said_to_be_so(server: FakeServer) -> None:
    server.ways["Patient"] = fake.status(401)
    assert report(server, token=TOKEN)["problem"].endswith("get a fresh token: this one is not taken")


def test_a_token_out_of_date_reads_nothing(server: FakeServer) -> None:
    server.ways |= {need.type: fake.status(401) for need in NEEDS} | {"metadata": fake.status(401)}
    done = doctor(server.url, "--patient", PATIENT, token=TOKEN)
    assert done.exit_code == 2
    assert "The token is missing, out of date, or for another server (401 for Patient, Procedure" in said(done)


# ---- the token


def test_the_token_is_sent_to_this_server_only_and_never_shown(server: FakeServer) -> None:
    with fhir_server(chart_of(RUTH)) as elsewhere:
        server.ways |= {
            "Goal": fake.pages(fake.page(), fake.page(), link=f"{elsewhere.url}/Goal?page=1"),
            "Consent": fake.redirect(f"{elsewhere.url}/Consent"),
        }
        for done in (doctor(server.url, token=TOKEN), doctor(server.url, "--json", "--token", TOKEN)):
            assert TOKEN not in done.output
        assert elsewhere.asked == []
    sent = {asked.headers.get("Authorization") for asked in server.asked if asked.type != ".well-known"}
    assert sent == {f"Bearer {TOKEN}"}
    assert not [asked for asked in server.asked if asked.type == ".well-known" and "Authorization" in asked.headers]


@pytest.mark.parametrize("name", ["SECOND_OPINION_TOKEN", "SECOND_OPINION_FHIR_TOKEN"])
def test_a_token_may_come_from_the_environment_under_either_name(server: FakeServer, name: str) -> None:
    done = CliRunner().invoke(main, ["doctor", server.url], env={name: TOKEN})
    assert done.exit_code == 0
    assert server.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_token_that_no_header_can_carry_is_not_sent(server: FakeServer) -> None:
    done = doctor(server.url, "--token", f"{TOKEN}\r\nX-Odd: 1")
    assert (done.exit_code, server.asked) == (2, [])
    assert "no header can carry" in said(done)
    assert TOKEN not in done.output


# ---- SMART


def points(read: Json) -> dict[str, Any]:
    return {point["needs"]: point["offered"] for point in read["smart"]["points"]}


def test_a_full_smart_configuration_has_all_that_the_app_needs(server: FakeServer) -> None:
    read = report(server)
    assert set(points(read).values()) == {True}
    assert read["smart"]["auth"] == "private_key_jwt"
    assert f'iss = "{server.url}", auth = "private_key_jwt"' in advice(read)


def test_what_a_smart_configuration_lacks_is_named(server: FakeServer) -> None:
    server.ways[".well-known"] = fake.resource(
        SMART
        | {"code_challenge_methods_supported": ["plain"], "capabilities": ["launch-standalone", 7]}
        | {"token_endpoint": None, "scopes_supported": ["openid", "fhirUser", "launch", "patient/Goal.read"]}
        | {"token_endpoint_auth_signing_alg_values_supported": ["ES256"]}
    )
    read = report(server)
    assert [needs for needs, offered in points(read).items() if not offered] == [
        "token_endpoint", "PKCE with S256", "launch-ehr", "context-ehr-patient",
        "its tokens signed with ES384 or RS384", "our scopes",
    ]  # fmt: skip
    assert set(read["smart"]["missing_scopes"]) == set(smart_scopes()) - {"patient/Goal.rs"}
    assert "does not offer token_endpoint, PKCE with S256, launch-ehr" in advice(read)
    assert "Of our scopes it does not list patient/Appointment.rs, patient/CarePlan.rs" in advice(read)


def test_what_a_smart_configuration_leaves_unsaid_is_no_fault(server: FakeServer) -> None:
    kept = ("authorization_endpoint", "token_endpoint", "code_challenge_methods_supported")
    server.ways[".well-known"] = fake.resource({name: SMART[name] for name in kept})
    read = report(server)
    assert points(read)["launch-ehr"] is None
    assert points(read)["our scopes"] is None
    assert "not said" in doctor(server.url).stdout


@pytest.mark.parametrize(
    ("auth", "offered"),
    [
        ("client_secret", {"capabilities": ["client-confidential-symmetric"]}),
        ("public", {"capabilities": ["client-public"]}),
    ],
)
def test_the_best_way_offered_for_the_app_to_say_who_it_is_is_proposed(
    server: FakeServer, auth: str, offered: Json
) -> None:
    server.ways[".well-known"] = fake.resource(SMART | offered | {"token_endpoint_auth_methods_supported": []})
    assert report(server)["smart"]["auth"] == auth


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (fake.status(404), "404"),
        (fake.body(b"<html>"), "it is not JSON"),
        (fake.body(b"[]"), "it is no JSON object"),
        (fake.hang, "the server was late"),
    ],
)
def test_without_a_smart_configuration_cards_still_work(server: FakeServer, way: Any, why: str) -> None:
    server.ways[".well-known"] = way
    seconds = "2" if way is fake.hang else "60"
    read = report(server, "--timeout", seconds)
    assert (read["severity"], read["smart"]["why"]) == (0, why)
    assert "cards work, the app cannot be launched from here" in advice(read)
    assert "No SMART configuration could be read" in doctor(server.url, "--timeout", seconds).stdout


def test_what_a_server_says_of_itself_cannot_write_on_the_terminal(server: FakeServer) -> None:
    server.ways["metadata"] = fake.resource(R4 | {"software": {"name": "\x1b[31mEHR\x07 <b>"}})
    assert "\x1b" not in doctor(server.url).stdout
    server.ways["metadata"] = fake.resource(R4 | {"software": "EHR"})
    assert report(server)["software"] is None
