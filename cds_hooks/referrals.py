"""The draft orders that a card suggests, as valid FHIR R4."""

from typing import Any

from cds_hooks.calls import Call
from cds_hooks.uuids import new_uuid
from ehr import referrals
from second_opinion.from_fhir import OWN_REFERRAL
from second_opinion.planned_surgery import PlannedSurgery, operation_words
from second_opinion.site import AS_SHIPPED, Site


def referral(kind: str, call: Call, surgery: PlannedSurgery, site: Site = AS_SHIPPED) -> dict[str, Any]:
    """A draft ServiceRequest (second_opinion, physical_therapy), based on the planned orders.

    It never changes those. Its identifier says that it is ours, so that we know it when it comes back.
    """
    draft = referrals.referral(
        kind,
        operation_words(surgery.kind, surgery.regions),
        call.record.person.reference,
        call.record.as_of,
        orders=surgery.orders_behind,
        requester=call.user,
        encounter=call.encounter,
        coding=site.referral if kind == "second_opinion" else None,
    )
    return draft | {"identifier": [{"system": OWN_REFERRAL, "value": new_uuid()}]}
