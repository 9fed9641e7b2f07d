"""Which diagnoses stand behind the operation: those the orders give, else the active ones of the region."""

from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Event, Events, PatientRecord


def given(surgery: PlannedSurgery) -> Events:
    """The spine diagnoses on the orders themselves."""
    return Events(event for event in surgery.reasons if _is_of_the_spine(event))


def active_in_region(record: PatientRecord, surgery: PlannedSurgery) -> Events:
    """The active spine diagnoses of the operation's region in the chart."""
    conditions = record.conditions.events.in_region(surgery.regions)
    return Events(event for event in conditions if event.active and _is_of_the_spine(event))


def on_record(record: PatientRecord, surgery: PlannedSurgery) -> Events:
    """Every spine diagnosis, given or in the chart, whatever its region or status."""
    return Events((*surgery.reasons, *record.conditions.events)).of("spine_diagnosis")


def is_nonspecific(event: Event) -> bool:
    """Axial pain or disc degeneration and nothing else."""
    return all(m.nonspecific_pain for m in event.meanings if m.value_set == "spine_diagnosis") and not _is_specific(
        event
    )


def _is_of_the_spine(event: Event) -> bool:
    return event.means("spine_diagnosis") is not None or _is_specific(event)


def _is_specific(event: Event) -> bool:
    """Diagnoses that other value sets hold and that are no nonspecific pain: myelopathy, failed earlier surgery."""
    failed = event.means("failed_prior_surgery")
    return event.means("red_flags", ("myelopathy",)) is not None or (failed is not None and failed.strength == "strong")


def read_in_full(record: PatientRecord, surgery: PlannedSurgery) -> bool:
    """Whether no further diagnosis could stand behind the operation than those seen."""
    unresolved = any(event.reasons_unread for event in surgery.events)
    unplaced = any(map(_is_of_the_spine, record.conditions.aside.in_region(surgery.regions)))
    return record.conditions.complete and not unresolved and not unplaced
