"""What is planned: ServiceRequests, CarePlan activities, Appointments -> events."""

from collections.abc import Iterator
from datetime import date

from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.clinical import reasons_of, reasons_unread
from second_opinion.from_fhir.concepts import OPERATION_OR_CARE, names_of, plain_reference, read, read_words
from second_opinion.from_fhir.context import Context, aside
from second_opinion.from_fhir.dates import day_of, days_of
from second_opinion.from_fhir.spoken import notes
from second_opinion.record import Event
from second_opinion.value_sets import Meaning

OWN_REFERRAL = "urn:org.second-opinion:referral"  # identifier.system of the referrals that our cards suggest
_REQUEST = frozenset("draft active on-hold revoked completed entered-in-error".split())
_ACTIVITY = frozenset("not-started scheduled in-progress on-hold completed cancelled stopped entered-in-error".split())
_APPOINTMENT = frozenset(
    "proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in waitlist".split()
)


def service_request(it: shapes.ServiceRequest, source: str, context: Context) -> Iterator[Event]:
    meanings, label, by = read(it.code, OPERATION_OR_CARE)
    on = day_of(it.authoredOn)
    yield Event(
        source=source, resource="ServiceRequest", status=it.status or "", on=on, until=on, label=label, by=by,
        meanings=meanings + tuple(_second_opinion_reasons(it)), aside=aside(it.status, _REQUEST),
        intent=it.intent or "", priority=it.priority or "", do_not=bool(it.doNotPerform),
        reasons=reasons_of(it, it, source, context), reasons_given=bool(it.reasonCode or it.reasonReference),
        reasons_unread=reasons_unread(it, it, context), requester=names_of(it.requester),
        who=names_of(*(it.performer or ())), service=read(it.performerType)[1], based_on=_references(it.basedOn),
        encounter=next(iter(_references([it.encounter] if it.encounter else None)), ""),
        own=any(identifier.system == OWN_REFERRAL for identifier in it.identifier or ()),
    )  # fmt: skip


def _second_opinion_reasons(it: shapes.ServiceRequest) -> Iterator[Meaning]:
    for concept in it.reasonCode or ():
        yield from (meaning for meaning in read(concept)[0] if meaning.role == "second_opinion")


def _references(references: list[shapes.Reference] | None) -> tuple[str, ...]:
    return tuple(plain_reference(each.reference) for each in references or () if each.reference)


def care_plan(it: shapes.CarePlan, source: str, context: Context) -> Iterator[Event]:
    """One event per activity; an activity without a schedule takes the plan's period."""
    if it.status == "entered-in-error":
        return
    yield from notes(it.note, source, "CarePlan", day_of(it.created) or days_of(None, it.period, None)[0])
    for activity in it.activity or ():
        yield from notes(activity.progress, source, "CarePlan", None)  # written some time after the plan was made
        if activity.detail:
            yield _activity(activity.detail, it, source, context)
        elif activity.reference:
            yield from _referred(activity.reference, it, source, context)


def _activity(detail: shapes.Detail, plan: shapes.CarePlan, source: str, context: Context) -> Event:
    meanings, label, by = read(detail.code, OPERATION_OR_CARE)
    on, until = days_of(None, detail.scheduledPeriod or _bounds(detail.scheduledTiming) or plan.period, context.as_of)
    is_operation = any(meaning.value_set == "spine_surgery" for meaning in meanings)
    # Care needs a day; an operation in progress in a plan is still to be done.
    received = detail.status == "completed" or (detail.status == "in-progress" and not is_operation)
    return Event(
        source=source, resource="CarePlan", status=detail.status or "", on=on, until=until, meanings=meanings,
        label=label, by=by, aside=aside(detail.status, _ACTIVITY, dated=bool(on) or not received),
        plan_status=plan.status or "", plan_intent=plan.intent or "", do_not=bool(detail.doNotPerform),
        reasons=reasons_of(detail, plan, source, context) or _reasons_behind(plan.basedOn, plan, context),
        reasons_unread=reasons_unread(detail, plan, context),
    )  # fmt: skip


def _bounds(timing: shapes.Timing | None) -> shapes.Period | None:
    """The days of a schedule: its bounds, else from its first event to its last."""
    if timing is None:
        return None
    if timing.repeat and timing.repeat.boundsPeriod:
        return timing.repeat.boundsPeriod
    days = sorted(timing.event or ())
    return shapes.Period(days[0], days[-1]) if days else None


def _referred(reference: shapes.Reference, plan: shapes.CarePlan, source: str, context: Context) -> Iterator[Event]:
    """What a plan refers to is read in its own lane, unless it is contained here or cannot be had at all."""
    behind = context.resolve(reference, plan)
    if isinstance(behind, shapes.ServiceRequest) and (reference.reference or "").startswith("#"):
        yield from service_request(behind, source, context)
    elif behind is None and reference.display:
        meanings, label, by = read_words(reference.display, OPERATION_OR_CARE)
        yield Event(
            source=source, resource="CarePlan", meanings=meanings, label=label, by=by,
            aside="what the plan refers to could not be read",
        )  # fmt: skip


def _reasons_behind(
    orders: list[shapes.Reference] | None, inside: shapes.Resource, context: Context
) -> tuple[Event, ...]:
    found: tuple[Event, ...] = ()
    for reference in orders or ():
        order = context.resolve(reference, inside)
        if isinstance(order, shapes.ServiceRequest):
            found += reasons_of(order, order, plain_reference(reference.reference or ""), context)
    return found


def appointment(it: shapes.Appointment, source: str, context: Context) -> Iterator[Event]:
    """The operation booked: named by serviceType or reasonCode, else by the order behind it."""
    readings = [read(concept, OPERATION_OR_CARE) for concept in (*(it.serviceType or ()), *(it.reasonCode or ()))]
    readings += [
        read(order.code, OPERATION_OR_CARE)
        for order in (context.resolve(reference, it) for reference in it.basedOn or ())
        if isinstance(order, shapes.ServiceRequest)
    ]
    on = day_of(it.start) or max(filter(None, map(_last_day, it.requestedPeriod or ())), default=None)
    for meanings, label, by in readings:
        if any(meaning.value_set == "spine_surgery" for meaning in meanings):
            yield Event(
                source=source, resource="Appointment", status=it.status or "", on=on, until=on, meanings=meanings,
                label=label, by=by, aside=aside(it.status, _APPOINTMENT), based_on=_references(it.basedOn),
                reasons=reasons_of(it, it, source, context) or _reasons_behind(it.basedOn, it, context),
                reasons_unread=reasons_unread(it, it, context),
            )  # fmt: skip
            return


def _last_day(asked_for: shapes.Period) -> date | None:
    return days_of(None, asked_for, None)[1]
