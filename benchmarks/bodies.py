"""A synthetic order-sign call of a given size: a chart such as a busy patient has, US Core in style."""

from datetime import date, timedelta
from itertools import cycle
from typing import Any

from msgspec import json

from second_opinion.data_needs import LANE_OF_TYPE, prefetch_templates

Json = dict[str, Any]
_PATIENT = {"reference": "Patient/bench", "display": "Synthetic, Patient"}
_PROFILE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def order_sign(size: int, today: date) -> bytes:
    """The body of a call with all lanes prefetched, at least `size` bytes long."""
    lanes: dict[str, list[Json]] = {key: [] for key in prefetch_templates("order-sign")}
    resources = _resources(today)
    sent = 0
    while sent < size - 3_000:
        resource = next(resources)
        entry = {
            "fullUrl": f"https://ehr.example/fhir/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        sent += len(json.encode(entry)) + 1
        lanes[LANE_OF_TYPE[resource["resourceType"]]].append(entry)
    return json.encode(_call(lanes, today))


def _call(lanes: dict[str, list[Json]], today: date) -> Json:
    prefetch: Json = {
        lane: {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
        for lane, entries in lanes.items()
    }
    prefetch["patient"] = {"resourceType": "Patient", "id": "bench", "gender": "female", "birthDate": "1961-04-02"}
    order = {
        "resourceType": "ServiceRequest",
        "id": "planned",
        "status": "draft",
        "intent": "order",
        "code": _code("http://www.ama-assn.org/go/cpt", "22633", "Lumbar fusion L4-5"),
        "subject": _PATIENT,
        "requester": {"reference": "Practitioner/surgeon"},
        "reasonCode": [_code("http://hl7.org/fhir/sid/icd-10-cm", "M54.16", "Radiculopathy, lumbar")],
    }
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/surgeon",
            "patientId": "bench",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
        },
        "prefetch": prefetch,
    }


def _resources(today: date) -> Any:
    """Endless: mostly what no rule asks for, as in real charts, with spine care among it."""
    for number, make in enumerate(cycle((_lab, _visit, _problem, _medicine, _therapy, _visit, _lab, _operation))):
        resource = make(number, (today - timedelta(20 + 7 * number)).isoformat())
        kind = resource["resourceType"]
        about = {
            "id": f"{kind.lower()}-{number}",
            "meta": {"profile": [f"{_PROFILE}{kind.lower()}"]},
            "subject": _PATIENT,
        }
        text = f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{kind}</b> {number}</p></div>'
        yield resource | about | {"text": {"status": "generated", "div": text}}


def _code(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _lab(number: int, day: str) -> Json:
    ranges = [{"low": {"value": 13.5, "unit": "g/dL"}, "high": {"value": 17.5, "unit": "g/dL"}}]
    value = {"value": 12 + number % 5, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_code("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory")],
        "code": _code("http://loinc.org", "718-7", "Hemoglobin [Mass/volume] in Blood"),
        "effectiveDateTime": f"{day}T08:15:00-05:00",
        "valueQuantity": value,
        "referenceRange": ranges,
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
