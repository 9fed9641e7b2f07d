"""The mock EHR over HTTP, on a third-party FHIR server: its pages, its charts, and the hook calls it prepares."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from fhir_server import FakeServer, as_bytes, body, fhir_server, hang, page, resource, status
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from smart_ehr import unchanged

from fixtures.teaching import PATIENTS, teaching_patients
from sandbox.breaking import BREAKS, Breaking
from sandbox.chart_view import Chart, chart_view
from sandbox.ehr import Ehr
from sandbox.fhir_side import Behind, Server
from sandbox.fhir_words import day, span
from sandbox.filling import fill
from sandbox.hook_calls import HOOKS, hook_context
from sandbox.mock_ehr import create_blueprint
from sandbox.people import visitor
from sandbox.signing import Signer
from sandbox.smart.store import Launch
from second_opinion.data_needs import prefetch_templates

Json = dict[str, Any]

TODAY = date(2026, 11, 22)
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}
APP = "http://localhost:8080/launch"
RUTH = "failed-fusion"


def mock_ehr(behind: Behind, app: str = "", kept: Json | None = None) -> FlaskClient:
    site = Flask("mock_ehr")
    breaking = Breaking(behind.break_it, behind.external)
    signer = Signer("http://127.0.0.1:8080/sandbox", "http://localhost:8080")
    site.register_blueprint(create_blueprint(Ehr(date.today, behind, signer, breaking, app, lambda instance: kept)))
    return site.test_client()


@pytest.fixture
def sekmet(sekmet: str) -> Iterator[str]:
    """Other tests use it, too."""
    with unchanged(sekmet):
        yield sekmet


@pytest.fixture
def ehr(sekmet: str) -> FlaskClient:
    return mock_ehr(Behind(Server(sekmet), sekmet, grant=lambda user, patient: {"access_token": f"{user} {patient}"}))


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:8080", "127.0.0.1.evil.example", "[", ""])
def test_a_name_that_was_made_to_lead_here_reads_no_chart(host: str) -> None:
    behind = Behind(Server("http://127.0.0.1:9"), "", grant=lambda user, patient: {})
    for path in ("/sandbox/", "/sandbox/patients", f"/sandbox/patients/{RUTH}"):
        assert mock_ehr(behind).get(path, headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_this_machine_may_be_called_by_any_of_its_names(host: str) -> None:
    behind = Behind(Server("http://127.0.0.1:9"), "", grant=lambda user, patient: {})
    assert mock_ehr(behind).get("/sandbox/", headers={"Host": host}).status_code == 200


def prepared(ehr: FlaskClient, patient: str, hook: str, **choices: Any) -> Json:
    response = ehr.post(f"/sandbox/patients/{patient}/calls/{hook}", json=choices)
    assert response.status_code == 200, response.text
    answer: Json = response.get_json()
    return answer


def said(response: Any) -> str:
    return str(response.get_json()["issue"][0]["diagnostics"])


# ---- the page


def test_the_page_lists_every_patient_and_what_to_expect(ehr: FlaskClient) -> None:
    response = ehr.get("/sandbox/")
    assert response.status_code == 200
    for name in PATIENTS:
        assert f'data-patient="{name}"' in response.text
    for fault in BREAKS:
        assert f'data-fault="{fault.id}"' in response.text
    assert response.text.count("No card") == sum(each.expect["order-sign"] is None for each in TEACHING.values())
    assert "Synthetic patients. Nothing leaves this machine." in response.text


def test_the_page_may_load_nothing_from_elsewhere(ehr: FlaskClient) -> None:
    response = ehr.get("/sandbox/")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "frame-src" not in response.headers["Content-Security-Policy"]
    for text in (response.text, *(asset(ehr, name) for name in ("ehr.js", "ehr.css", "cards.js", "icon.svg"))):
        assert "://" not in text.replace("http://www.w3.org/", "")


def asset(ehr: FlaskClient, name: str) -> str:
    with ehr.get(f"/sandbox/static/{name}") as response:  # a streamed file: closed when read
        assert response.status_code == 200
        return str(response.get_data(as_text=True))


def test_the_page_may_frame_the_app_and_nothing_else(sekmet: str) -> None:
    response = mock_ehr(Behind(Server(sekmet), sekmet), APP).get("/sandbox/")
    assert response.headers["Content-Security-Policy"].endswith("; frame-src 'self' http://localhost:8080")
    assert 'id="open-app"' in response.text


def test_patients_are_listed_as_json(ehr: FlaskClient) -> None:
    listed = ehr.get("/sandbox/patients").get_json()
    assert [patient["id"] for patient in listed] == list(PATIENTS)
    assert set(listed[0]) == {"id", "title", "patient", "story", "expect", "why"}


# ---- the chart


def test_a_chart_shows_banner_order_and_sections() -> None:
    ruth = TEACHING[RUTH]
    chart = chart_view(ruth, Chart(entry["resource"] for entry in ruth.chart["entry"]), TODAY)
    assert (chart["banner"]["name"], chart["banner"]["age"]) == ("Keller, Ruth", "61 years")
    assert chart["order"]["code"] == "CPT 22633"
    rows = {section["id"]: section["rows"] for section in chart["sections"]}
    assert list(rows) == ["problems", "procedures", "therapy", "scores", "medications", "orders"]
    assert {"what": "Lumbar fusion L4-5", "when": "22 Jul 2025"}.items() <= rows["procedures"][2].items()
    assert rows["scores"][0]["note"] == "52 % (22 Jun 2025), then 50 % (22 Jul 2026)"
    assert rows["therapy"][1]["note"] == "8 visits"
    assert rows["therapy"][2]["note"] == "1 visit"
    assert rows["problems"][2]["when"] == "22 Nov 2023 to 22 Jul 2025"


@pytest.mark.parametrize("name", PATIENTS)
def test_every_chart_can_be_shown_as_the_server_has_it(ehr: FlaskClient, name: str) -> None:
    chart = ehr.get(f"/sandbox/patients/{name}").get_json()
    shown = [row for section in chart["sections"] for row in section["rows"]]
    assert all(row["what"] for row in shown)
    assert shown


def test_a_locked_part_of_the_chart_says_what_the_service_is_told(ehr: FlaskClient) -> None:
    chart = ehr.get("/sandbox/patients/chart-unreadable").get_json()
    refused = {section["id"] for section in chart["sections"] if section["refused"].startswith("403: ")}
    assert refused == {"problems", "procedures", "therapy"}


@pytest.mark.parametrize("kind", ["Patient", "Condition", "Procedure", "CarePlan", "MedicationRequest", "Observation",
                                  "ServiceRequest", "Appointment", "Goal", "Communication"])  # fmt: skip
def test_a_resource_that_lacks_everything_is_shown_all_the_same(kind: str) -> None:
    chart = chart_view(TEACHING["knee"], Chart([{"resourceType": kind, "id": "bare"}]), TODAY)
    assert sum(len(section["rows"]) for section in chart["sections"]) == (kind != "Patient")


def test_dates_are_shown_as_precisely_as_they_are_known() -> None:
    assert [day("2025"), day("2025-07"), day("2025-07-22T10:00:00Z")] == ["2025", "Jul 2025", "22 Jul 2025"]
    assert [day("soon"), day(""), span("2025-07-01", "")] == ["soon", "", "1 Jul 2025"]


def test_an_unknown_patient_is_404_and_says_where_the_list_is(ehr: FlaskClient) -> None:
    responses = [ehr.get("/sandbox/patients/nobody"), ehr.get("/sandbox/patients/nobody/order")]
    responses += [
        ehr.post(f"/sandbox/patients/nobody/{button}", json={}) for button in ("anew", "calls/order-sign", "created")
    ]
    for response in responses:
        assert response.status_code == 404
        assert said(response) == "There is no patient 'nobody'. GET /sandbox/patients lists them all."


# ---- the hook calls


def test_an_unknown_hook_is_404_and_names_those_there_are(ehr: FlaskClient) -> None:
    response = ehr.post("/sandbox/patients/knee/calls/encounter-start", json={})
    assert response.status_code == 404
    assert ", ".join(HOOKS) in said(response)


def test_signing_sends_the_order_and_selecting_names_it_too(ehr: FlaskClient) -> None:
    signed, selected = (prepared(ehr, "knee", hook)["body"] for hook in ("order-sign", "order-select"))
    (entry,) = signed["context"]["draftOrders"]["entry"]
    assert entry["resource"]["code"]["coding"][0]["code"] == "27447"
    assert "selections" not in signed["context"]
    assert selected["context"]["selections"] == [f"ServiceRequest/{entry['resource']['id']}"]


def test_opening_the_chart_sends_no_order(ehr: FlaskClient) -> None:
    body = prepared(ehr, RUTH, "patient-view")["body"]
    assert body["hook"] == "patient-view"
    assert body["context"] == {
        "userId": "Practitioner/lena-ortiz",
        "patientId": "ruth-keller",
        "encounterId": "ruth-encounter-1",
    }


def test_what_was_chosen_on_the_screens_is_in_the_call(ehr: FlaskClient) -> None:
    booked = prepared(ehr, RUTH, "appointment-book", slot="2026-12-06T07:30:00Z")["body"]["context"]
    assert booked["appointments"]["entry"][0]["resource"]["start"] == "2026-12-06T07:30:00Z"
    sent = prepared(ehr, RUTH, "order-dispatch", performer="Organization/elsewhere")["body"]["context"]
    assert sent["performer"] == "Organization/elsewhere"
    other = prepared(ehr, RUTH, "order-sign", procedure="63030", drafts=[{"resourceType": "ServiceRequest"}])["body"]
    orders = [entry["resource"] for entry in other["context"]["draftOrders"]["entry"]]
    assert [order.get("code", {}).get("text") for order in orders] == ["Lumbar discectomy", None]
    assert ehr.get(f"/sandbox/patients/{RUTH}/order?procedure=63030").get_json()["order"]["code"] == "CPT 63030"


def test_an_order_that_is_sent_out_is_on_the_server_as_signed_and_only_then(ehr: FlaskClient, sekmet: str) -> None:
    own, address = Server(sekmet), f"ServiceRequest/{TEACHING['knee'].order['id']}"
    prepared(ehr, "knee", "order-dispatch")
    assert (own.get(address, 5).body or {})["status"] == "active"
    prepared(ehr, "knee", "order-sign")
    assert own.get(address, 5).status in (404, 410)


def test_an_order_that_is_in_the_chart_is_there_as_before_once_it_was_sent_out(ehr: FlaskClient, sekmet: str) -> None:
    own, address = Server(sekmet), f"ServiceRequest/{TEACHING[RUTH].order['id']}"
    for back in (f"/sandbox/patients/{RUTH}/calls/order-sign", f"/sandbox/patients/{RUTH}/anew"):
        prepared(ehr, RUTH, "order-dispatch")
        assert (own.get(address, 5).body or {})["status"] == "active"
        ehr.post(back, json={})
        assert (own.get(address, 5).body or {})["status"] == "draft"


def test_every_call_has_its_own_hook_instance_and_access(ehr: FlaskClient) -> None:
    bodies = [prepared(ehr, "knee", "order-sign")["body"] for _ in range(2)]
    assert len({UUID(body["hookInstance"]) for body in bodies}) == 2
    assert bodies[0]["fhirAuthorization"]["access_token"].startswith("Practitioner/")


@pytest.mark.parametrize("name", PATIENTS)
def test_every_template_of_the_service_is_answered_in_full(ehr: FlaskClient, name: str) -> None:
    call = prepared(ehr, name, "patient-view")
    prefetch = call["body"]["prefetch"]
    assert list(prefetch) == list(prefetch_templates("patient-view")) == [lane["name"] for lane in call["lanes"]]
    assert prefetch["patient"]["resourceType"] == "Patient"
    assert all(lane["state"] == "sent" for lane in call["lanes"])


def test_prefetch_can_be_left_out(ehr: FlaskClient) -> None:
    call = prepared(ehr, RUTH, "order-sign", prefetch="omitted")
    assert "prefetch" not in call["body"]
    assert {lane["state"] for lane in call["lanes"]} == {"left out: for the service to look up"}


def test_an_order_outside_a_visit_is_sent_without_one() -> None:
    ruth = TEACHING[RUTH]
    order = {key: value for key, value in ruth.order.items() if key != "encounter"}
    assert "encounterId" not in hook_context(replace(ruth, order=order), "order-sign")


def test_calls_are_signed_with_a_key_that_is_published(ehr: FlaskClient) -> None:
    token = prepared(ehr, RUTH, "order-sign", visit="one")["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(
        token, KeySet.import_key_set(ehr.get("/sandbox/jwks.json").get_json(force=True)), ["ES384"]
    ).claims
    assert claims["aud"] == "http://localhost:8080/cds-services/second-opinion-order-sign"
    assert (claims["iss"], claims["tenant"]) == ("http://127.0.0.1:8080/sandbox", "one")
    again = ehr.post("/sandbox/tokens", json={"path": "/cds-services/x/feedback"}).get_json()["authorization"]
    assert again.startswith("Bearer ")


def test_a_request_that_is_not_understood_says_what_to_send(ehr: FlaskClient) -> None:
    response = ehr.post("/sandbox/tokens", json={"route": "/x"})
    assert (response.status_code, said(response)) == (
        400,
        "Object missing required field `path`. Send JSON with path, visit.",
    )


# ---- prefetch from a server that misbehaves


def filled(server: FakeServer, query: str = "Condition?patient={{context.patientId}}") -> tuple[Json, str]:
    made = fill({"lane": query}, {"patientId": "p"}, Server(server.url), seconds=0.3)
    return made.prefetch, made.lanes[0].state


def test_what_the_ehr_did_not_get_is_left_out_or_said_and_never_made_up() -> None:
    read = "Patient/{{context.patientId}}"
    with fhir_server() as server:
        server.ways = {"Condition": hang, "Procedure": body(b"{"), "Goal": status(500), "Patient": status(404)}
        assert filled(server) == ({}, "left out: the EHR's own server did not answer in time")
        assert filled(server, "Procedure?x=1") == ({}, "left out: what came is no JSON")
        assert filled(server, read) == ({"lane": None}, "sent: null, it is not there")
        prefetch, state = filled(server, "Goal?x=1")
        assert prefetch["lane"]["issue"][0]["diagnostics"] == "500: the EHR's own server gave no reason"
        assert state == "refused: 500"
        assert filled(server, "Visit/{{context.encounterId}}") == (
            {},
            "left out: the context cannot fill its template",
        )
        server.ways = {
            "Goal": resource(page(link=[{"relation": "next", "url": "more"}])),
            "Patient": resource([]),
        }
        assert filled(server, "Goal?x=1")[1] == "sent, first page"
        assert filled(server, read) == ({}, "left out: what came is no JSON")


# ---- what buttons do


def test_an_accepted_draft_is_created_and_gone_when_the_patient_is_chosen_again(ehr: FlaskClient) -> None:
    draft = {name: value for name, value in TEACHING[RUTH].order.items() if name != "id"}
    ehr.post(f"/sandbox/patients/{RUTH}/anew", json={})
    made = ehr.post(f"/sandbox/patients/{RUTH}/created", json={"resource": draft}).get_json()
    assert made["reference"] == f"ServiceRequest/{made['resource']['id']}"
    assert states(ehr.get(f"/sandbox/patients/{RUTH}").get_json()).count("draft") == 2
    assert states(ehr.post(f"/sandbox/patients/{RUTH}/anew", json={}).get_json()).count("draft") == 1


def states(chart: Json) -> list[str]:
    return [row["status"] for section in chart["sections"] if section["id"] == "orders" for row in section["rows"]]


def test_what_the_server_does_not_create_is_said_with_its_words() -> None:
    no = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "Read only."}]}
    with fhir_server() as server:
        ehr = mock_ehr(Behind(Server(server.url), server.url))
        server.ways = {"Goal": lambda server, handler, asked: handler.answer(as_bytes(no), 403)}
        response = ehr.post(f"/sandbox/patients/{RUTH}/created", json={"resource": {"resourceType": "Goal"}})
        assert (response.status_code, said(response)) == (502, "The FHIR server did not create it: Read only.")


def test_the_app_is_launched_with_what_is_on_screen() -> None:
    seen: list[tuple[str, Launch]] = []

    def launched(url: str, launch: Launch) -> str:
        seen.append((url, launch))
        return "there"

    ehr = mock_ehr(Behind(Server("http://127.0.0.1:9"), "", launch=launched), APP)
    assert ehr.post("/sandbox/launches", json={"patient": RUTH, "appContext": "{}"}).get_json() == {"url": "there"}
    ((url, launch),) = seen
    assert (url, launch.patient, launch.user) == (APP, "ruth-keller", "Practitioner/lena-ortiz")
    assert (launch.encounter, launch.app_context) == ("ruth-encounter-1", "{}")
    elsewhere = ehr.post("/sandbox/launches", json={"patient": RUTH, "url": "https://elsewhere.example/launch"})
    assert (elsewhere.status_code, said(elsewhere)) == (
        400,
        f"No app of this EHR is at https://elsewhere.example/launch. Its app is at {APP}.",
    )
    assert ehr.post("/sandbox/launches", json={"patient": "nobody"}).status_code == 404


def test_one_thing_is_broken_at_a_time_and_one_click_mends_it(sekmet: str) -> None:
    switched: list[str] = []
    ehr = mock_ehr(Behind(Server(sekmet), sekmet, break_it=switched.append))
    for name in ("slow", "", "service-down"):
        assert ehr.put("/sandbox/faults", json={"broken": name}).get_json()["broken"] == name
    assert switched == ["slow", "", ""]
    assert prepared(ehr, RUTH, "order-sign")["url"] == "down/cds-services/second-opinion-order-sign"
    assert ehr.post("/sandbox/down/cds-services/x").status_code == 503
    ehr.put("/sandbox/faults", json={"broken": "prefetch-omitted"})
    assert ehr.get("/sandbox/faults").get_json()["broken"] == "prefetch-omitted"
    assert "prefetch" not in prepared(ehr, RUTH, "order-sign")["body"]
    unknown = ehr.put("/sandbox/faults", json={"broken": "the coffee machine"})
    assert unknown.status_code == 404
    assert "There is no fault 'the coffee machine'" in said(unknown)


def test_what_the_journal_keeps_is_handed_on(sekmet: str) -> None:
    assert mock_ehr(Behind(Server(sekmet), sekmet), kept={"hook": "x"}).get("/sandbox/kept/1").get_json() == {
        "hook": "x"
    }
    assert mock_ehr(Behind(Server(sekmet), sekmet)).get("/sandbox/kept/1").get_json(silent=True) is None


# ---- somebody else's server


def external(base: str) -> FlaskClient:
    return mock_ehr(Behind(Server(base, {"access_token": "t"}), base, external=True))


def test_patients_of_an_external_server_are_found_by_name(sekmet: str) -> None:
    ehr = external(sekmet)
    shown = ehr.get("/sandbox/").text
    assert f"Charts of {sekmet}" in shown
    assert "failed-fusion" not in shown
    (found,) = ehr.get("/sandbox/patients?name=Keller").get_json()
    assert (found["id"], found["patient"]) == ("ruth-keller", "Keller, Ruth")
    assert found["title"].startswith("female, born ")
    assert len(ehr.get("/sandbox/patients").get_json()) >= len(PATIENTS)
    assert ehr.get("/sandbox/patients?name=Nobodyatall").get_json() == []


def test_an_external_chart_is_read_and_nothing_there_is_deleted_or_signed(sekmet: str) -> None:
    own, left = Server(sekmet), {"resourceType": "ServiceRequest", "status": "draft", "intent": "order"}
    made = (
        own.create(left | {"subject": {"reference": "Patient/ruth-keller"}, "code": {"text": "Left here"}}, 5).body
        or {}
    )
    ehr = external(sekmet)
    chart = ehr.post("/sandbox/patients/ruth-keller/anew", json={}).get_json()
    assert (chart["banner"]["name"], chart["title"], chart["expect"]) == ("Keller, Ruth", "", {})
    assert "draft" in states(chart)
    body = prepared(ehr, "ruth-keller", "order-dispatch", procedure="22551")["body"]
    (order,) = body["context"]["dispatchedOrders"]
    assert own.get(order, 5).status == 404
    assert own.delete(f"ServiceRequest/{made['id']}", 5).status < 300
    assert ehr.get("/sandbox/patients/nobody-at-all").status_code == 404


def test_on_an_external_server_only_what_is_ours_can_be_broken(sekmet: str) -> None:
    ehr = external(sekmet)
    faults = ehr.get("/sandbox/faults").get_json()["faults"]
    assert [fault["id"] for fault in faults] == ["prefetch-omitted", "service-down"]
    assert ehr.put("/sandbox/faults", json={"broken": "service-down"}).get_json()["broken"] == "service-down"


def test_a_patient_without_a_name_is_shown_by_id() -> None:
    assert visitor({"resourceType": "Patient", "id": "x9"}, TODAY).patient == "x9"


# ---- markdown


def rendered(ehr: FlaskClient, text: str) -> str:
    return str(ehr.post("/sandbox/markdown", json={"text": text}).get_json()["html"])


def test_markdown_becomes_html_below_the_cards_own_heading(ehr: FlaskClient) -> None:
    html = rendered(ehr, "# Found\n\n- **ODI** 52\n\n##### Small")
    assert html == "<h4>Found</h4>\n<ul>\n<li><strong>ODI</strong> 52</li>\n</ul>\n<h6>Small</h6>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[a](javascript:alert(1))",
        "![a](https://example.org/seen.png)",
        "<iframe src='//example.org'></iframe>",
        "[a](https://example.org \"' onclick='alert(1)\")",
    ],
)
def test_markdown_never_passes_html_scripts_or_images(ehr: FlaskClient, text: str) -> None:
    for tag, attributes in Tags.of(rendered(ehr, text)):
        assert tag in ("p", "a")
        assert set(attributes) <= {"href", "title", "target", "rel"}
        assert attributes.get("href", "https://").startswith("https://")


class Tags(HTMLParser):
    """The tags of some HTML with their attributes, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))

    @classmethod
    def of(cls, html: str) -> list[tuple[str, dict[str, str]]]:
        parser = cls()
        parser.feed(html)
        return parser.seen


def test_links_open_beside_the_page(ehr: FlaskClient) -> None:
    html = rendered(ehr, "[paper](https://example.org)")
    assert html == '<p><a href="https://example.org" target="_blank" rel="noopener">paper</a></p>\n'


@pytest.mark.parametrize("body", [{"txt": "a"}, {"text": 1}, ["a"], None])
def test_markdown_without_text_is_400_and_says_how(ehr: FlaskClient, body: Any) -> None:
    response = ehr.post("/sandbox/markdown", json=body)
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["diagnostics"].endswith('Send JSON like {"text": "**bold**"}.')


def test_markdown_that_is_not_json_is_400(ehr: FlaskClient) -> None:
    assert ehr.post("/sandbox/markdown", data="**bold**").status_code == 400
