"""The mock EHR over HTTP: its page, its charts, the hook calls it prepares and the markdown it renders."""

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fixtures.teaching import PATIENTS, teaching_patients
from sandbox.hook_calls import HOOKS, hook_call
from sandbox.mock_ehr import create_blueprint
from sandbox.prefetch import fill
from second_opinion.data_needs import prefetch_templates

TODAY = date(2026, 11, 22)
TEACHING = {patient.id: patient for patient in teaching_patients(TODAY)}

CHART = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "p"}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "odi",
                "subject": {"reference": "Patient/p"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "97909-6"}]},
            }
        },
        {"resource": {"resourceType": "Observation", "id": "uncoded", "subject": {"reference": "Patient/p"}}},
        {"resource": {"resourceType": "Observation", "id": "foreign", "subject": {"reference": "Patient/other"}}},
        {
            "resource": {
                "resourceType": "Appointment",
                "id": "a",
                "participant": [{"status": "accepted"}, {"actor": {"reference": "Patient/p"}}],
            }
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "m",
                "subject": {"reference": "Patient/p"},
                "medicationReference": {"reference": "Medication/naproxen"},
            }
        },
        {"resource": {"resourceType": "Medication", "id": "naproxen"}},
    ],
}


@pytest.fixture
def ehr() -> FlaskClient:
    app = Flask("mock_ehr")
    app.register_blueprint(create_blueprint(lambda: TODAY))
    return app.test_client()


def call(ehr: FlaskClient, patient: str, hook: str) -> dict[str, Any]:
    answer: dict[str, Any] = ehr.get(f"/sandbox/patients/{patient}/requests/{hook}").get_json(force=True)
    return answer


def answered(query: str) -> Any:
    return fill({"lane": query}, CHART, {"patientId": "p"})["lane"]


def found(query: str) -> list[str]:
    return [entry["resource"]["id"] for entry in answered(query)["entry"]]


# ---- the page


def test_the_page_lists_every_patient_and_what_to_expect(ehr: FlaskClient) -> None:
    response = ehr.get("/sandbox/")
    assert response.status_code == 200
    for name in PATIENTS:
        assert f'data-patient="{name}"' in response.text
    assert response.text.count("No card") == 5
    assert "Synthetic patients. Nothing leaves this machine." in response.text


def test_the_page_may_load_nothing_from_elsewhere(ehr: FlaskClient) -> None:
    response = ehr.get("/sandbox/")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    for text in (response.text, *(asset(ehr, name) for name in ("ehr.js", "ehr.css", "icon.svg"))):
        assert "://" not in text.replace("http://www.w3.org/", "")


def asset(ehr: FlaskClient, name: str) -> str:
    with ehr.get(f"/sandbox/static/{name}") as response:  # a streamed file: closed when read
        assert response.status_code == 200
        return str(response.get_data(as_text=True))


def test_patients_are_listed_as_json(ehr: FlaskClient) -> None:
    listed = ehr.get("/sandbox/patients").get_json()
    assert [patient["id"] for patient in listed] == list(PATIENTS)
    assert set(listed[0]) == {"id", "title", "patient", "story", "expect"}


# ---- the chart


def test_a_chart_shows_banner_order_and_sections(ehr: FlaskClient) -> None:
    chart = ehr.get("/sandbox/patients/failed-fusion").get_json()
    assert chart["banner"]["name"] == "Keller, Ruth"
    assert chart["banner"]["age"] == "61 years"
    assert chart["order"]["code"] == "CPT 22633"
    rows = {section["id"]: section["rows"] for section in chart["sections"]}
    assert list(rows) == ["problems", "procedures", "therapy", "scores", "medications", "orders"]
    assert {"what": "Lumbar fusion L4-5", "when": "22 Jul 2025"}.items() <= rows["procedures"][2].items()
    assert rows["scores"][0]["note"] == "52 % (22 Jun 2025), then 50 % (22 Jul 2026)"
    assert rows["therapy"][1]["note"] == "8 visits"
    assert rows["therapy"][2]["note"] == "1 visit"
    assert rows["problems"][2]["when"] == "22 Nov 2023 to 22 Jul 2025"


@pytest.mark.parametrize("name", PATIENTS)
def test_every_chart_can_be_shown(ehr: FlaskClient, name: str) -> None:
    chart = ehr.get(f"/sandbox/patients/{name}").get_json()
    assert all(row["what"] for section in chart["sections"] for row in section["rows"])


def test_a_locked_part_of_the_chart_says_what_the_service_is_told(ehr: FlaskClient) -> None:
    chart = ehr.get("/sandbox/patients/chart-unreadable").get_json()
    refused = {section["id"] for section in chart["sections"] if section["refused"].startswith("403: ")}
    assert refused == {"problems", "procedures", "therapy"}


def test_an_unknown_patient_is_404_and_says_where_the_list_is(ehr: FlaskClient) -> None:
    for path in ("/sandbox/patients/nobody", "/sandbox/patients/nobody/requests/order-sign"):
        response = ehr.get(path)
        assert response.status_code == 404
        assert response.get_json()["issue"][0]["diagnostics"] == (
            "There is no teaching patient 'nobody'. GET /sandbox/patients lists them all."
        )


# ---- the hook calls


def test_an_unknown_hook_is_404_and_names_those_there_are(ehr: FlaskClient) -> None:
    response = ehr.get("/sandbox/patients/knee/requests/encounter-start")
    assert response.status_code == 404
    assert (
        "patient-view, order-select, order-sign, appointment-book, order-dispatch"
        in response.get_json()["issue"][0]["diagnostics"]
    )


def test_signing_sends_the_order_and_selecting_names_it_too(ehr: FlaskClient) -> None:
    signed, selected = call(ehr, "knee", "order-sign"), call(ehr, "knee", "order-select")
    (entry,) = signed["context"]["draftOrders"]["entry"]
    assert entry["resource"]["code"]["coding"][0]["code"] == "27447"
    assert "selections" not in signed["context"]
    assert selected["context"]["selections"] == [f"ServiceRequest/{entry['resource']['id']}"]
    assert selected["context"]["draftOrders"] == signed["context"]["draftOrders"]


def test_booking_sends_the_appointment_and_no_order(ehr: FlaskClient) -> None:
    """The patient's own, else one for what was ordered; both lead back to the order."""
    for name, appointment in (("own-words", "elena-appointment-1"), ("knee", "george-order-27447-booked")):
        context = call(ehr, name, "appointment-book")["context"]
        (entry,) = context["appointments"]["entry"]
        order = TEACHING[name].order
        assert entry["resource"]["id"] == appointment
        assert entry["resource"]["basedOn"] == [{"reference": f"ServiceRequest/{order['id']}"}]
        assert order["subject"] in [each["actor"] for each in entry["resource"]["participant"]]
        assert "draftOrders" not in context


@pytest.mark.parametrize("name", PATIENTS)
def test_a_dispatched_order_is_in_the_chart_once_and_signed(ehr: FlaskClient, name: str) -> None:
    sent = call(ehr, name, "order-dispatch")
    (order,) = sent["context"]["dispatchedOrders"]
    assert set(sent["context"]) == {"patientId", "dispatchedOrders", "performer"}
    found = [entry["resource"] for entry in sent["prefetch"]["service_requests"]["entry"]]
    assert [each["status"] for each in found if f"ServiceRequest/{each['id']}" == order] == ["active"]
    before = call(ehr, name, "order-sign")["prefetch"]["service_requests"]["entry"]
    assert "active" not in [e["resource"]["status"] for e in before if f"ServiceRequest/{e['resource']['id']}" == order]


def test_opening_the_chart_sends_no_order(ehr: FlaskClient) -> None:
    body = call(ehr, "failed-fusion", "patient-view")
    assert body["hook"] == "patient-view"
    assert body["context"] == {
        "userId": "Practitioner/lena-ortiz",
        "patientId": "ruth-keller",
        "encounterId": "ruth-encounter-1",
    }


def test_every_call_has_its_own_hook_instance(ehr: FlaskClient) -> None:
    instances = {UUID(call(ehr, "knee", "order-sign")["hookInstance"]) for _ in range(3)}
    assert len(instances) == 3


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("name", PATIENTS)
def test_every_template_of_the_service_is_answered_in_full(ehr: FlaskClient, name: str, hook: str) -> None:
    prefetch = call(ehr, name, hook)["prefetch"]
    assert set(prefetch) == set(prefetch_templates(hook))
    assert prefetch["patient"]["resourceType"] == "Patient"
    locked = {"procedures", "conditions"} if name == "chart-unreadable" else set()
    for lane, value in prefetch.items():
        if lane in locked:
            assert value["issue"][0]["diagnostics"].startswith("403: ")
        elif lane != "patient":
            assert value["type"] == "searchset"
            assert value["total"] == len(value["entry"])
            assert [link["relation"] for link in value["link"]] == ["self"]


def test_scores_are_found_by_the_services_own_codes(ehr: FlaskClient) -> None:
    assert call(ehr, "failed-fusion", "order-sign")["prefetch"]["observations"]["total"] == 4


def test_an_order_outside_a_visit_is_sent_without_one() -> None:
    ruth = teaching_patients(TODAY)[0]
    order = {key: value for key, value in ruth.order.items() if key != "encounter"}
    assert "encounterId" not in hook_call(replace(ruth, order=order), "order-sign")["context"]


def test_a_template_that_the_context_cannot_fill_is_left_out() -> None:
    templates = {"visit": "Encounter/{{context.encounterId}}", "who": "Patient/{{context.patientId}}"}
    assert fill(templates, CHART, {"patientId": "p"}) == {"who": {"resourceType": "Patient", "id": "p"}}


# ---- FHIR search


def test_a_read_of_what_is_not_there_is_null() -> None:
    assert answered("Patient/nobody") is None


def test_a_search_keeps_to_the_patient() -> None:
    assert found("Observation?patient={{context.patientId}}") == ["odi", "uncoded"]
    assert found("Appointment?patient={{context.patientId}}") == ["a"]


def test_a_search_by_code_takes_a_list_percent_encoded_or_not() -> None:
    assert found("Observation?patient=p&code=http%3A%2F%2Floinc.org%7C97909-6,http%3A%2F%2Floinc.org%7C1-8") == ["odi"]
    assert found("Observation?patient=p&code=http://loinc.org|97909-6") == ["odi"]
    assert found("Observation?patient=p&code=97909-6") == ["odi"]
    assert found("Observation?patient=p&code=http://snomed.info/sct|97909-6") == []


def test_included_medications_are_marked_and_not_counted() -> None:
    bundle = answered("MedicationRequest?patient=p&_include=MedicationRequest:medication")
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "include"]
    assert bundle["entry"][1]["fullUrl"].endswith("/Medication/naproxen")
    assert bundle["total"] == 1


def test_a_page_that_is_not_all_says_so() -> None:
    bundle = answered("Observation?patient=p&_count=1")
    assert (len(bundle["entry"]), bundle["total"]) == (1, 2)
    assert [link["relation"] for link in bundle["link"]] == ["self", "next"]


def test_a_search_the_mock_ehr_cannot_do_is_an_error_and_never_everything() -> None:
    assert answered("Observation?patient=p&date=ge2020")["issue"] == [
        {"severity": "error", "code": "not-supported", "diagnostics": "The mock EHR cannot search Observation by date."}
    ]


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
