"""One call of ours, read: the record to judge, and the operation it is about; what was not sent is looked up."""

from collections.abc import Mapping
from datetime import date

from msgspec import Raw, Struct
from msgspec.structs import replace

from cds_hooks.requests import Request, read_request
from ehr.chart import Access, Chart, LookedUp, OpenChart
from second_opinion.assess import Assessment, assess
from second_opinion.errors import OrdersMissing
from second_opinion.from_fhir import Fetched, missing_lanes, read_orders, read_prefetch
from second_opinion.planned_surgery import CHART_LANES, PlannedSurgery, in_chart, in_orders
from second_opinion.record import PatientRecord
from second_opinion.site import AS_SHIPPED, Site

_NAMED = 5  # orders in a message


class Call(Struct, frozen=True):
    """Who asks about whom, and the record to judge."""

    hook: str
    instance: str
    user: str
    encounter: str
    fhir_server: str
    record: PatientRecord
    surgery: PlannedSurgery | None
    looked_up: LookedUp = LookedUp()


def read_call(
    body: bytes,
    as_of: date,
    hook: str | None = None,
    site: Site = AS_SHIPPED,
    look_up: OpenChart | None = None,
    whole: bool = True,
) -> Call:
    """`look_up` opens the chart on the caller's FHIR server; without it, what was not sent stays unread.

    Not `whole`: where no spine operation is ordered, what came with the orders is not read, since nothing will be said.

    Raises UnreadableInput, naming the place, for a request that is malformed or meant for another hook.
    Raises OrdersMissing if the orders it is about are named only, and can be had nowhere.
    """
    sent = read_request(body, hook)
    if not whole and (record := _without_operation(sent, as_of)):
        return _call(sent, record, None, LookedUp())
    chart: Chart | None = None
    if look_up and sent.fhir_server:
        chart = look_up(Access(sent.fhir_server, sent.token, sent.user, sent.patient, sent.hook))
    record, surgery = _judged(sent, as_of, site, chart)
    return _call(sent, record, surgery, chart.looked_up if chart else LookedUp())


def _without_operation(sent: Request, as_of: date) -> PatientRecord | None:
    """Most orders that are selected or signed are no spine operations: what they say themselves is enough to see it."""
    if sent.hook not in ("order-select", "order-sign") or sent.drafts is None:
        return None
    record = read_orders(sent.patient, as_of, sent.drafts)
    return None if in_orders(record, sent.orders) else record


def _call(sent: Request, record: PatientRecord, surgery: PlannedSurgery | None, looked_up: LookedUp) -> Call:
    return Call(
        hook=sent.hook,
        instance=sent.instance,
        user=sent.user,
        encounter=sent.encounter,
        fhir_server=sent.fhir_server,
        record=record,
        surgery=surgery,
        looked_up=looked_up,
    )


def assess_call(call: Call, site: Site = AS_SHIPPED) -> Assessment:
    """The assessment of the operation that the call is about, by the site's rules."""
    looked_in = CHART_LANES if call.hook == "patient-view" else ()
    return assess(call.record, call.surgery, call.encounter, site, looked_in, hook=call.hook)


def _judged(sent: Request, as_of: date, site: Site, chart: Chart | None) -> tuple[PatientRecord, PlannedSurgery | None]:
    """Looked up are the lanes in which an operation may be planned, then, for an operation only, the others."""
    fetched: dict[str, Fetched] = {}

    def read() -> tuple[PatientRecord, PlannedSurgery | None]:
        record = read_prefetch(sent.prefetch, sent.hook, sent.patient, as_of, sent.drafts, fetched)
        return record, _planned(record, sent, site)

    record, surgery = read()
    if unseen := _unseen(sent, record):
        had = chart.orders(unseen) if chart else {}
        sent = _with_orders(sent, had)
        record, surgery = read()
        if lost := _unseen(sent, record):
            raise _missing(lost, had)
    missing = missing_lanes(sent.prefetch, sent.hook, record) if chart else {}
    if chart and not surgery and (first := {lane: missing[lane] for lane in _where_planned(sent) if lane in missing}):
        fetched |= chart.lanes(first)
        record, surgery = read()
    if chart and surgery and (rest := {lane: missing[lane] for lane in missing if lane not in fetched}):
        fetched |= chart.lanes(rest)
        record, surgery = read()
    return record, surgery


def _where_planned(sent: Request) -> tuple[str, ...]:
    """The lanes that may show an operation where the hook's context shows none."""
    if sent.hook == "patient-view":
        return CHART_LANES
    booked = sent.drafts.found if sent.hook == "appointment-book" and sent.drafts else ()
    return ("service_requests",) if any(getattr(each.resource, "basedOn", None) for each in booked) else ()


def _planned(record: PatientRecord, sent: Request, site: Site) -> PlannedSurgery | None:
    if sent.hook == "patient-view":
        return in_chart(record, site.limits_on("planned_surgery", record.as_of))
    if sent.hook == "order-dispatch":
        return in_orders(record, sent.orders, record["service_requests"].events)
    return in_orders(record, sent.orders)


def _unseen(sent: Request, record: PatientRecord) -> list[str]:
    """Orders that go out to a performer are known by reference only: those that did not come with the call."""
    dispatched = (sent.orders or ()) if sent.hook == "order-dispatch" else ()
    return [order for order in dispatched if order not in record.references]


def _with_orders(sent: Request, had: Mapping[str, Fetched]) -> Request:
    """Each under a key of its own, as clients send what we did not ask for: used, but never the whole of a lane."""
    pages = {order: Raw(each.pages[0]) for order, each in had.items() if not each.why}
    return replace(sent, prefetch={**sent.prefetch, **pages})


def _missing(orders: list[str], had: Mapping[str, Fetched]) -> OrdersMissing:
    reasons = ", ".join(sorted({had[order].why or "another order came" for order in orders if order in had}))
    tried = f", nor had from the EHR's server ({reasons})" if reasons else ""
    named = ", ".join(orders[:_NAMED]) + (f" and {len(orders) - _NAMED} more" if len(orders) > _NAMED else "")
    return OrdersMissing(f"The dispatched orders {named} were not sent{tried}. Prefetch service_requests.")
