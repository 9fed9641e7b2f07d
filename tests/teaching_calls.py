"""The CDS Hooks requests of the teaching patients, with prefetch filled from their charts without any server."""

from typing import Any
from uuid import uuid4

from chart_search import fill

from fixtures.teaching import TeachingPatient
from sandbox.hook_calls import hook_context, signed_order
from second_opinion.data_needs import prefetch_templates

Json = dict[str, Any]


def hook_call(patient: TeachingPatient, hook: str) -> Json:
    context = hook_context(patient, hook)
    chart = with_signed_order(patient) if hook == "order-dispatch" else patient.chart
    return {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "context": context,
        "prefetch": fill(prefetch_templates(hook), chart, context, patient.unreadable),
    }


def with_signed_order(patient: TeachingPatient) -> Json:
    """The chart as it is when the order goes out: with the order in it, signed."""
    others = [each for each in patient.chart["entry"] if each["resource"]["id"] != patient.order["id"]]
    return patient.chart | {"entry": [*others, {"resource": signed_order(patient)}]}
