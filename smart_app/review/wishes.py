"""What the patient asked for or would rather not have, second opinions asked for, and talks about options."""

from collections.abc import Iterator

from second_opinion.existing_opinion import is_referral
from second_opinion.record import Event, PatientRecord
from smart_app.review.care import Item
from smart_app.review.wording import WORDING

_LANES = (
    "goals", "conditions", "observations", "procedures", "care_plans", "communications", "questionnaire_responses",
    "consents", "documents", "service_requests",
)  # fmt: skip
_ROLES = WORDING["wishes"]


def wishes(record: PatientRecord) -> tuple[Item, ...]:
    """One item for each thing said, of all time."""
    return tuple(item for lane in _LANES for event in record[lane].events for item in _said(event))


def _said(event: Event) -> Iterator[Item]:
    """Its own role; else that of a reason that an order gives."""
    for said in (event, *(reason.as_reason_of(event) for reason in event.reasons)):
        if role := _role(said):
            state = "declined" if event.status == "revoked" else "recorded"
            yield Item("wishes", state, _ROLES[role], "", said)
            return


def _role(event: Event) -> str:
    if is_referral(event):
        return "second_opinion"
    if event.means("options_discussed"):
        return "options_discussed"
    return next((meaning.role for meaning in event.meanings if meaning.role in _ROLES), "")
