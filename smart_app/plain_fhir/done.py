"""What was done, found, measured and said, as FHIR: Procedure, Condition, Observation, Encounter."""

from math import isfinite

from second_opinion.codes import ADDRESSES, coding_of
from second_opinion.plain_words import plain, written_date
from second_opinion.record import Event
from smart_app.plain_fhir.parts import LONGEST, Json, Telling, period, since, when
from smart_app.review.wording import WORDING

_CONDITION_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_ENDED = ("inactive", "remission", "resolved")
_OUTCOMES = {"successful": "385669000", "partly": "385670004", "unsuccessful": "385671000"}
_PREFERENCES = "LOINC 75773-2"
_NOT_KNOWN = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}


def procedure(event: Event, code: Json, telling: Telling) -> Json:
    made: Json = {"resourceType": "Procedure", "status": event.status, "code": code, "subject": telling.subject}
    made |= when("performed", event, telling.as_of)
    if event.reported:
        made["note"] = [{"text": WORDING["states_of_care"]["reported"]}]
    if event.reported == "patient":
        made["asserter"] = telling.subject
    if telling.blinded:
        return made
    if event.outcome:
        coding = {"system": ADDRESSES["SNOMED"], "code": _OUTCOMES[event.outcome]}
        made["outcome"] = {"coding": [coding], "text": WORDING["results"][event.outcome]}
    if event.status == "not-done" and (why := plain(event.note, LONGEST)):
        made["statusReason"] = {"text": why}
    return made


def condition(event: Event, code: Json, telling: Telling) -> Json:
    made: Json = {"resourceType": "Condition", "code": code, "subject": telling.subject}
    if event.status:
        made["clinicalStatus"] = {"coding": [{"system": _CONDITION_STATUS, "code": event.status}]}
    if event.status in _ENDED and event.ended:
        made["abatementDateTime"] = written_date(event.ended, event.rough)
    return made | since("recordedDate", event)


def score(event: Event, code: Json, telling: Telling) -> Json | None:
    if event.value is None or not isfinite(event.value):
        return None
    unit = plain(event.unit)
    measured = {"value": event.value} | ({"unit": unit} if unit else {})
    return _observation(event, event.status, code, telling) | {"valueQuantity": measured}


def statement(event: Event, words: str, telling: Telling) -> Json:
    """What the patient said, wherever the chart has it; blinded, only that they said such a thing."""
    # Where it stands in another kind of resource, nobody has said which status it has as an Observation.
    status = event.status if event.resource == "Observation" and event.status else "unknown"
    said = {} if telling.blinded else {"valueString": plain(event.label, LONGEST)}
    return _observation(event, status, {"coding": [coding_of(_PREFERENCES)], "text": words}, telling) | said


def _observation(event: Event, status: str, code: Json, telling: Telling) -> Json:
    made: Json = {"resourceType": "Observation", "status": status, "code": code, "subject": telling.subject}
    return made | when("effective", event, telling.as_of)


def encounter(event: Event, code: Json, telling: Telling) -> Json:
    made: Json = {"resourceType": "Encounter", "status": event.status, "class": _NOT_KNOWN, "type": [code]}
    return made | {"subject": telling.subject} | ({"period": period(event, telling.as_of)} if event.on else {})
