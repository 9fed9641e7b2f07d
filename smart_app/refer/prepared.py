"""The referral as it stands in the packet: prepared, not yet an order, and referring to what the packet encloses."""

from collections.abc import Mapping

from smart_app.plain_fhir.parts import URI, Json, Telling
from smart_app.refer.enclosed import enclosed_as

_LISTS = ("basedOn", "performer", "locationReference", "supportingInfo")


def prepared(order: Json, telling: Telling, others: Mapping[str, Json]) -> Json:
    """Nobody has signed it when the packet is made, and it may never be written: so it is a draft here."""
    places = {each["meta"]["source"]: address for address, each in others.items() if "meta" in each}

    def here(reference: Json) -> Json:
        """What is not enclosed cannot be referred to, but named."""
        if "reference" not in reference:
            return reference
        place = f"{telling.iss}/{reference['reference']}"
        if place in places:
            return reference | {"reference": places[place]}
        named = {name: said for name, said in reference.items() if name != "reference"}
        return {"identifier": {"system": URI, "value": place}} | named

    made = {name: said for name, said in order.items() if name not in ("encounter", "identifier")}
    made |= {name: [here(each) for each in order[name]] for name in _LISTS if name in order}
    made |= {"requester": here(order["requester"])} if "requester" in order else {}
    made |= {"status": "draft", "subject": telling.subject}
    return enclosed_as(f"referral {telling.subject['reference']} {order['code']['text']}", made, telling.iss)
