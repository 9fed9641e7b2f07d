"""Has another clinician been asked already? A referral for a second opinion, or a consultation about the spine."""

from collections.abc import Iterator, Sequence
from datetime import date

from second_opinion.limits import Limits
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Event, PatientRecord

_SET = "second_opinion"
_SPECIALIST = (
    "specialist_referral",
    "specialist_referral_ortho",
    "specialist_referral_neurosurgery",
    "physiatry_referral",
)
_DONE = ("completed", "finished")


def existing_opinion(
    record: PatientRecord, surgery: PlannedSurgery, services: Sequence[str], limits: Limits
) -> Iterator[Event]:
    """The events that show one; `services` are the words of spine specialties."""
    since = limits.second_opinion.before(record.as_of)
    yield from (event for event in record.orders if is_referral(event) and event.status != "revoked")
    for event in record["service_requests"].events:
        if is_referral(event) and _counts(event, surgery, since, record.as_of):
            yield event
    for lane in ("procedures", "encounters", "service_requests"):
        for event in record[lane].events:
            before = event.on is not None and since <= event.on < record.as_of
            if before and _is_consultation(event) and _about_the_spine(event, services) and _by_another(event, surgery):
                yield event


def is_referral(event: Event) -> bool:
    """A referral for a second opinion: with reason S, or our own come back."""
    return not event.do_not and (event.own or any(meaning.role == _SET for meaning in event.meanings))


def _counts(event: Event, surgery: PlannedSurgery, since: date, until: date) -> bool:
    if event.own and event.status == "draft":  # it came from our card about this very operation
        # What only an appointment tells of has no order that a referral could be based on.
        has_orders = any(not order.startswith("Appointment/") for order in surgery.orders_behind)
        return bool(set(event.based_on) & surgery.orders_behind) or not (event.based_on or has_orders)
    return event.status in ("active", "completed") and event.on is not None and since <= event.on <= until


def _is_consultation(event: Event) -> bool:
    if event.status not in _DONE:
        return False
    if event.resource == "ServiceRequest":
        return event.means(_SET, _SPECIALIST) is not None
    return event.means(_SET, ("consultation", *_SPECIALIST)) is not None


def _about_the_spine(event: Event, services: Sequence[str]) -> bool:
    if event.reasons_given:
        return any(reason.means("spine_diagnosis") for reason in event.reasons)
    words = f"{event.service} {event.label}".lower()
    return any(service in words for service in services)


def _by_another(event: Event, surgery: PlannedSurgery) -> bool:
    """Someone other than who ordered the operation: their names can be compared, and none is the same."""
    comparable = False
    for form in ("Practitioner/", "PractitionerRole/", "|", ""):
        theirs, ours = _names(event.who, form), _names(surgery.requester, form)
        if theirs & ours:
            return False
        comparable = comparable or bool(theirs and ours)
    return comparable


def _names(names: frozenset[str], form: str) -> frozenset[str]:
    """Names of one form: references by type, identifiers ('system|value'), or (form '') displays."""
    if form:
        return frozenset(name for name in names if name.startswith(form) or (form == "|" and "|" in name))
    return frozenset(name for name in names if "/" not in name and "|" not in name)
