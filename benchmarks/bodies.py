"""A synthetic order-sign call of a given size: a chart such as a busy patient has, US Core in style."""

from datetime import date, timedelta
from itertools import cycle
from typing import Any

from msgspec import json

from second_opinion.data_needs import LANE_OF_TYPE, prefetch_templates

Json = dict[str, Any]
TODAY = date(2026, 11, 22)  # for whoever judges these bodies
_PROFILE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def order_sign(size: int, today: date, patient: str = "bench") -> bytes:
    """The body of a call with all lanes prefetched, about `size` bytes long."""
    lanes: dict[str, list[Json]] = {key: [] for key in prefetch_templates("order-sign")}
    endless = resources(today, patient)
    sent = 0
    while sent < size - 3_000:
        resource = next(endless)
        entry = {
            "fullUrl": f"https://ehr.example/fhir/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        sent += len(json.encode(entry)) + 1
        lanes[LANE_OF_TYPE[resource["resourceType"]]].append(entry)
    planned = order(patient)
    lanes["service_requests"].append({"resource": planned})  # HealthChain drops draftOrders: it can see it here only
    return json.encode(_call(lanes, patient, planned))


def order(patient: str) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": "planned",
        "status": "draft",
        "intent": "order",
        "code": _code("http://www.ama-assn.org/go/cpt", "22633", "Lumbar fusion L4-5"),
        "subject": _subject(patient),
        "requester": {"reference": "Practitioner/surgeon"},
        "reasonCode": [_code("http://hl7.org/fhir/sid/icd-10-cm", "M54.16", "Radiculopathy, lumbar")],
    }


def _call(lanes: dict[str, list[Json]], patient: str, planned: Json) -> Json:
    prefetch: Json = {
        lane: {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
        for lane, entries in lanes.items()
    }
    prefetch["patient"] = {"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1961-04-02"}
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": planned}]}
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/surgeon", "patientId": patient, "draftOrders": drafts},
        "prefetch": prefetch,
    }


def _subject(patient: str) -> Json:
    return {"reference": f"Patient/{patient}", "display": "Synthetic, Patient"}


def resources(today: date, patient: str) -> Any:
    """Endless: mostly what no rule asks for, as in real charts, with spine care among it."""
    for number, make in enumerate(cycle((_lab, _visit, _problem, _medicine, _therapy, _visit, _lab, _operation))):
        resource = make(number, (today - timedelta(20 + 7 * number)).isoformat())
        kind = resource["resourceType"]
        about = {
            "id": f"{kind.lower()}-{patient}-{number}",
            "meta": {"profile": [f"{_PROFILE}{kind.lower()}"]},
            "subject": _subject(patient),
        }
        text = f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{kind}</b> {number}</p></div>'
        yield resource | about | {"text": {"status": "generated", "div": text}}


def _code(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _lab(number: int, day: str) -> Json:
    value = {"value": 12 + number % 5, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_code("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory")],
        "code": _code("http://loinc.org", "718-7", "Hemoglobin [Mass/volume] in Blood"),
        "effectiveDateTime": f"{day}T08:15:00-05:00",
        "valueQuantity": value,
        "referenceRange": [{"low": {"value": 13.5, "unit": "g/dL"}, "high": {"value": 17.5, "unit": "g/dL"}}],
    }


def _visit(number: int, day: str) -> Json:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [_code("http://snomed.info/sct", "185349003", "Encounter for check up")],
        "period": {"start": f"{day}T09:00:00-05:00", "end": f"{day}T09:30:00-05:00"},
        "participant": [{"individual": {"reference": "Practitioner/7", "display": "Dr. Synthetic"}}],
    }


def _problem(number: int, day: str) -> Json:
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition",
        "clinicalStatus": _code(status, "active", "Active"),
        "category": [_code("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item", "Problem")],
        "code": _code("http://snomed.info/sct", "38341003", "Hypertensive disorder"),
        "onsetDateTime": day,
        "recordedDate": day,
    }


def _medicine(number: int, day: str) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "status": "completed",
        "intent": "order",
        "medicationCodeableConcept": _code(
            "http://www.nlm.nih.gov/research/umls/rxnorm", "314076", "lisinopril 10 MG Oral Tablet"
        ),
        "authoredOn": f"{day}T10:00:00-05:00",
        "requester": {"reference": "Practitioner/7", "display": "Dr. Synthetic"},
        "dosageInstruction": [{"text": "Take 1 tablet daily", "timing": {"repeat": {"frequency": 1, "period": 1}}}],
    }


def _therapy(number: int, day: str) -> Json:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": _code("http://www.ama-assn.org/go/cpt", "97110", "Therapeutic exercise"),
        "performedDateTime": f"{day}T11:00:00-05:00",
    }


def _operation(number: int, day: str) -> Json:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": _code("http://snomed.info/sct", "80146002", "Excision of appendix"),
        "performedPeriod": {"start": f"{day}T07:00:00-05:00", "end": f"{day}T09:00:00-05:00"},
    }
