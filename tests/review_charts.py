"""Charts made for the review page alone: one that holds everything, one of any size, one with markup in every text."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_CPT, _LOINC = "http://www.ama-assn.org/go/cpt", "http://loinc.org"


def bundle(*resources: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def everything() -> Json:
    """Two operations, each kind of care in each state, images, scores of each kind, wishes and a second opinion."""
    return bundle(PATIENT, *_operations(), *_care(), *_medicines(), *_scores(), *_words(), ORDER)


def of_size(count: int) -> Json:
    """A chart of so many visits and prescriptions, some every day."""
    days = [f"20{10 + number % 16:02}-{1 + number % 12:02}-{1 + number % 28:02}" for number in range(count)]
    visits = [procedure(f"visit-{number}", "97110", "Therapeutic exercise", day) for number, day in enumerate(days)]
    return bundle(PATIENT, *visits, ORDER)


def marked(value: Any, mark: str) -> Any:
    """The same chart with a mark in every text for people; ids, codes, dates and statuses stay."""
    if isinstance(value, dict):
        return {key: _marked(key, item, mark) for key, item in value.items()}
    return [marked(item, mark) for item in value] if isinstance(value, list) else value


def everywhere(value: Any, mark: str) -> Any:
    """The same with the mark in every string but types, statuses and what ties a resource to the patient."""
    if isinstance(value, dict):
        kept = ("resourceType", "id", "reference", "status", "intent")
        return {key: item if key in kept else everywhere(item, mark) for key, item in value.items()}
    if isinstance(value, list):
        return [everywhere(item, mark) for item in value]
    return f"{value}{mark}" if isinstance(value, str) else value


_FOR_PEOPLE = ("text", "display", "family", "valueString", "title", "value", "contentString")


def _marked(key: str, item: Any, mark: str) -> Any:
    if isinstance(item, str):
        return f"{item} {mark}" if key in _FOR_PEOPLE else item
    if key == "given":
        return [f"{each}{mark}" for each in item]
    return marked(item, mark)


PATIENT: Json = {
    "resourceType": "Patient", "id": "p1", "birthDate": "1961-05-02", "gender": "female",
    "name": [{"use": "official", "family": "Okafor", "given": ["Ifeoma"]}],
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "MRN-204511"}],
}  # fmt: skip
_SUBJECT = {"reference": "Patient/p1"}


def concept(system: str, code: str, words: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": words}], "text": words}


def procedure(name: str, code: str, words: str, day: str, **more: Any) -> Json:
    return {
        "resourceType": "Procedure", "id": name, "status": "completed", "subject": _SUBJECT,
        "code": concept(_CPT, code, words), "performedDateTime": day, **more,
    }  # fmt: skip


def request(name: str, code: Json, day: str, **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest", "id": name, "status": "active", "intent": "order", "subject": _SUBJECT,
        "code": code, "authoredOn": day, **more,
    }  # fmt: skip


def score(name: str, code: str, words: str, day: str, value: float) -> Json:
    return {
        "resourceType": "Observation", "id": name, "status": "final", "subject": _SUBJECT,
        "code": concept(_LOINC, code, words), "effectiveDateTime": day, "valueQuantity": {"value": value},
    }  # fmt: skip


ORDER = request(
    "order-1", concept(_CPT, "22633", "Lumbar fusion L4-S1"), "2026-11-20",
    reasonCode=[concept("http://hl7.org/fhir/sid/icd-10-cm", "M96.1", "Postlaminectomy syndrome")],
    requester={"reference": "Practitioner/s1", "display": "Dr. Lena Ortiz"},
)  # fmt: skip


def _operations() -> Iterator[Json]:
    by = {"performer": [{"actor": {"reference": "Practitioner/s1", "display": "Dr. Lena Ortiz, spine surgery"}}]}
    yield procedure("op-1", "63030", "Lumbar discectomy L4-5", "2022-03-08", **by)
    unsuccessful = {"outcome": concept("http://snomed.info/sct", "385671000", "Unsuccessful")}
    yield procedure("op-2", "22612", "Lumbar fusion L4-5", "2024-09-17", **by, **unsuccessful)
    yield procedure("mri-1", "72148", "MRI of the lumbar spine", "2024-06-11")
    yield procedure("mri-2", "72158", "MRI of the lumbar spine with contrast", "2026-09-30")
    yield procedure("xray-1", "72110", "X-ray of the lumbar spine", "2025-03-19")
    yield request("ct-1", concept(_CPT, "72131", "CT of the lumbar spine"), "2026-11-12")


def _care() -> Iterator[Json]:
    therapist = {"performer": [{"actor": {"display": "Sam Birch, physical therapist"}}]}
    for number, day in enumerate(("2025-11-04", "2025-11-11", "2025-11-19", "2025-12-02", "2025-12-10", "2025-12-18")):
        yield procedure(f"pt-{number}", "97110", "Therapeutic exercise", day, **therapist)
    told = {"asserter": _SUBJECT, "performedPeriod": {"start": "2026-02-02", "end": "2026-03-20"}}
    yield {
        **procedure("acu-1", "97810", "Acupuncture at a private practice", "2026-02-02", **told),
        "performedDateTime": None,
    }
    yield procedure("esi-1", "62323", "Lumbar epidural steroid injection", "2025-05-06")
    yield procedure("esi-2", "62323", "Lumbar epidural steroid injection", "2026-06-15")
    refused = {"status": "not-done", "statusReason": concept("http://snomed.info/sct", "105480006", "Patient declined")}
    yield procedure("esi-3", "64483", "Transforaminal epidural injection", "2026-08-20", **refused)
    yield request("refer-pt", concept("http://snomed.info/sct", "308447003", "Referral to physiotherapy"), "2025-10-21")
    yield request("psych-1", concept(_CPT, "90834", "Psychotherapy for pain"), "2026-04-14")
    yield {**procedure("undated", "98941", "Spinal manipulation", ""), "performedDateTime": None}


def _medicines() -> Iterator[Json]:
    given = (
        ("med-1", "5640", "Ibuprofen 600 mg", "2025-10-01", 60),
        ("med-2", "25480", "Gabapentin 300 mg", "2026-01-15", 120),
        ("med-3", "7804", "Oxycodone 5 mg", "2025-01-10", 30), ("med-4", "7804", "Oxycodone 5 mg", "2025-02-08", 30),
        ("med-5", "72625", "Duloxetine 30 mg", "2026-05-02", 90),
    )  # fmt: skip
    for name, code, words, day, supply in given:
        yield {
            "resourceType": "MedicationRequest", "id": name, "status": "completed", "intent": "order",
            "subject": _SUBJECT, "authoredOn": day,
            "medicationCodeableConcept": concept("http://www.nlm.nih.gov/research/umls/rxnorm", code, words),
            "dispenseRequest": {"expectedSupplyDuration": {"value": supply, "code": "d", "system": "http://unitsofmeasure.org"}},
        }  # fmt: skip


def _scores() -> Iterator[Json]:
    days = ("2022-02-20", "2022-09-01", "2024-08-28", "2025-04-02", "2026-01-20", "2026-10-15")
    for number, (day, disability, pain) in enumerate(
        zip(days, (46, 18, 54, 40, 48, 52), (8, 3, 8, 6, 7, 8), strict=True)
    ):
        yield score(f"odi-{number}", "97909-6", "Oswestry Disability Index", day, disability)
        yield score(f"nrs-{number}", "72514-3", "Pain, 0 to 10", day, pain)
    for number, (day, value) in enumerate((("2024-08-28", 34.1), ("2025-04-02", 38.2), ("2026-10-15", 35.5))):
        yield score(f"pf-{number}", "77866-2", "PROMIS physical function", day, value)


def _words() -> Iterator[Json]:
    yield {
        "resourceType": "Goal", "id": "goal-1", "lifecycleStatus": "active", "subject": _SUBJECT,
        "startDate": "2026-10-28", "description": {"text": "Patient wants to avoid another back surgery if possible."},
    }  # fmt: skip
    yield {
        "resourceType": "Communication", "id": "message-1", "status": "completed", "subject": _SUBJECT,
        "sender": _SUBJECT, "sent": "2026-11-04",
        "payload": [{"contentString": "I would like a second opinion before the fusion."}],
    }  # fmt: skip
