"""What was asked for, planned, prescribed and taken, as FHIR: ServiceRequest, CarePlan, the medication resources."""

from second_opinion.record import Event
from smart_app.plain_fhir.parts import URI, Json, Telling, concept, period, since, when

_INTENTS = ("proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option")
_PLAN_INTENTS = ("proposal", "plan", "order", "option")
_PLAN_STATUS = ("draft", "active", "on-hold", "revoked", "completed", "unknown")
_PRIORITIES = ("routine", "urgent", "asap", "stat")
_CLINICIANS = ("Practitioner/", "PractitionerRole/")


def order(event: Event, code: Json, telling: Telling) -> Json | None:
    if event.intent not in (*_INTENTS, "directive"):
        return None
    made: Json = {"resourceType": "ServiceRequest", "status": event.status, "intent": event.intent, "code": code}
    made |= {"subject": telling.subject} | since("authoredOn", event) | _not_to_do(event)
    if event.priority in _PRIORITIES:
        made["priority"] = event.priority
    if telling.blinded:
        return made
    if reasons := [said for reason in event.reasons if (said := concept(reason.label, reason.meanings))]:
        made["reasonCode"] = reasons
    if who := sorted(name for name in event.requester if name.startswith(_CLINICIANS)):
        made["requester"] = {"identifier": {"system": URI, "value": f"{telling.iss}/{who[0]}"}}
    return made


def plan(event: Event, code: Json, telling: Telling) -> Json | None:
    """The plan, with the one activity of it that the event is."""
    if event.plan_status not in _PLAN_STATUS or event.plan_intent not in _PLAN_INTENTS:
        return None
    activity: Json = {"status": event.status, "code": code} | _not_to_do(event)
    if event.on:
        activity["scheduledPeriod"] = period(event, telling.as_of)
    made = {"resourceType": "CarePlan", "status": event.plan_status, "intent": event.plan_intent}
    return made | {"subject": telling.subject, "activity": [{"detail": activity}]}


def prescription(event: Event, code: Json, telling: Telling) -> Json | None:
    if event.intent not in _INTENTS:
        return None
    return _medicine(event, code, telling) | {"intent": event.intent} | since("authoredOn", event) | _not_to_do(event)


def dispense(event: Event, code: Json, telling: Telling) -> Json:
    """One that is not completed may only have been prepared on its day."""
    handed_over = since("whenHandedOver", event) if event.status == "completed" else {}
    return _medicine(event, code, telling) | handed_over


def taken(event: Event, code: Json, telling: Telling) -> Json | None:
    on = when("effective", event, telling.as_of)
    if not on and event.resource == "MedicationAdministration":  # FHIR knows none without a time
        return None
    return _medicine(event, code, telling) | on


def _medicine(event: Event, code: Json, telling: Telling) -> Json:
    what = {"status": event.status, "medicationCodeableConcept": code, "subject": telling.subject}
    return {"resourceType": event.resource} | what


def _not_to_do(event: Event) -> Json:
    return {"doNotPerform": True} if event.do_not else {}
