"""A call among the earlier ones: whose it is, and whether its orders are signed already."""

from cds_hooks.calls import Call
from cds_hooks.client_trust import Caller
from ehr.addresses import server_address
from journal.keys import Keys
from journal.known import Known, Place, known


def known_call(call: Call, keys: Keys, caller: Caller | None = None) -> Known:
    """Patients are told apart by client, tenant and server."""
    server = server_address(call.fhir_server) or call.fhir_server
    place = Place(caller.iss if caller else "", (caller and caller.tenant) or "", server)
    return known(keys, place, call.record.person.reference, call.user, call.surgery)


def is_signed(call: Call, now: Known) -> bool:
    """Whether these are orders already signed (no longer drafts), each of which can be known again."""
    if call.hook != "order-sign" or call.surgery is None:
        return False
    signed = all(event.status not in ("draft", "") for event in call.surgery.events)
    return signed and len(now.orders) == len(call.surgery.events)
