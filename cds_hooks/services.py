"""The services, as discovery lists them: one id a hook, since clients let equal ids overwrite each other."""

from typing import Any

from second_opinion.data_needs import prefetch_templates

_DEGRADES = (
    "Works from prefetch alone. What is not sent is looked up on the FHIR server where access is given; what cannot be "
    "had there counts as not read, never as not there: the card then says what could not be checked."
)
_SERVICES = {
    "patient-view": (
        "Second opinion: planned spine surgery in the chart",
        "When a chart is opened: suggests a second opinion if a spine operation is planned and earlier surgery did not "
        "help, or no nonsurgical care is on record.",
    ),
    "order-select": (
        "Second opinion: spine surgery selected",
        "When a spine operation is selected: suggests a second opinion if earlier surgery did not help, or no "
        "nonsurgical care is on record.",
    ),
    "order-sign": (
        "Second opinion: spine surgery signed",
        "When a spine operation is signed: suggests a second opinion if earlier surgery did not help, or no "
        "nonsurgical care is on record.",
    ),
    "appointment-book": (
        "Second opinion: spine surgery booked",
        "When a spine operation is booked: suggests a second opinion if earlier surgery did not help, or no "
        "nonsurgical care is on record.",
    ),
    "order-dispatch": (
        "Second opinion: spine surgery dispatched",
        "When an order for a spine operation goes to its performer: suggests a second opinion if earlier surgery did "
        "not help, or no nonsurgical care is on record. Needs the order itself: prefetch service_requests, or access.",
    ),
}
_SPECIFICATION = "2.0.1"  # the version of CDS Hooks that we answer by
HOOK_OF_SERVICE = {f"second-opinion-{hook}": hook for hook in _SERVICES}


def discovery() -> dict[str, Any]:
    """The body of GET /cds-services."""
    return {
        "services": [
            {
                "hook": hook,
                "id": f"second-opinion-{hook}",
                "title": title,
                "description": description,
                "prefetch": prefetch_templates(hook),
                "usageRequirements": _DEGRADES,
                "version": _SPECIFICATION,
            }
            for hook, (title, description) in _SERVICES.items()
        ]
    }
