"""Earlier spine operations of the same region: those with a date, and those only their traces tell of."""

from msgspec import Struct

from second_opinion import diagnoses
from second_opinion.limits import Limits
from second_opinion.planned_surgery import (
    AGAINST_INFECTION_TRAUMA_TUMOUR,
    SPINE_SURGERY,
    TRIGGER_KINDS,
    PlannedSurgery,
)
from second_opinion.record import Event, Events, PatientRecord

# A broken or displaced implant says that there was an operation, wherever it was done.
HARDWARE = ("hardware_breakdown", "hardware_displacement")
_NOT_ELECTIVE = (
    "infection", "trauma", "trauma_cord", "trauma_cauda", "trauma_dislocation", "pathologic_fracture", "tumor",
)  # fmt: skip


class EarlierSurgery(Struct, frozen=True):
    """`dated` operations in order; `traces`: diagnoses that tell of an undated one; `by_revision`: the plan does."""

    dated: Events
    traces: Events
    by_revision: bool
    aside: Events

    def __bool__(self) -> bool:
        return bool(self.dated or self.traces or self.by_revision)

    @property
    def latest(self) -> Event | None:
        return self.dated[-1] if self.dated else None


def earlier_surgery(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> EarlierSurgery:
    """What the record shows of operations at least `limits.earlier_by` before the day we answer for."""
    last_day = limits.earlier_by.before(record.as_of)
    operations = record.procedures.events.of(SPINE_SURGERY, *TRIGGER_KINDS).in_region(surgery.regions)
    known = Events((*record.conditions.events, *surgery.reasons)).in_region(surgery.regions)
    return EarlierSurgery(
        dated=Events(
            event
            for event in operations.with_status("completed")
            if event.on and event.on <= last_day and _is_elective(event)
        ),
        traces=Events(event for event in known if _is_trace(event, record, surgery)),
        by_revision=surgery.kind == "revision",
        aside=Events(
            event
            for event in record.procedures.aside.of(SPINE_SURGERY, *TRIGGER_KINDS).in_region(surgery.regions)
            if (event.on is None or event.on <= last_day) and _is_elective(event)
        ),
    )


def _is_elective(event: Event) -> bool:
    """Not done for infection, trauma or tumour."""
    against = event.means(SPINE_SURGERY, (AGAINST_INFECTION_TRAUMA_TUMOUR,)) is not None
    return not against and not any(reason.means("red_flags", _NOT_ELECTIVE) for reason in event.reasons)


def _is_trace(event: Event, record: PatientRecord, surgery: PlannedSurgery) -> bool:
    if event.means("failed_prior_surgery", HARDWARE):
        return True
    history = event.means("spine_surgery_history")
    # Arthrodesis status may be any joint's: it counts only beside a spine diagnosis.
    return history is not None and (not history.needs or bool(diagnoses.on_record(record, surgery)))
