"""Ways in which an EHR's FHIR server goes wrong, to switch on: a table, and one function each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.smart.altered import as_dstu2, each_resource, localised, somebody_elses
from sandbox.smart.asked import Asked
from sandbox.smart.upstream import Answer, refusal

Go = Callable[[], Answer]
Refusals = Mapping[tuple[str, str], tuple[int, str]]  # patient and type to status and words

SLOW_SECONDS = 6.0
_GONE = "_getpages"


@dataclass(frozen=True)
class Fault:
    """`does` is what the menu says; `change` gets the request and the way to the true answer."""

    name: str
    label: str
    does: str
    change: Callable[[Asked, Go], Answer]


def _procedures_403(asked: Asked, go: Go) -> Answer:
    if asked.kind != "Procedure":
        return go()
    return refusal(403, "forbidden", "Procedures are not shared with this app.")


def _page_2_missing(asked: Asked, go: Go) -> Answer:
    if any(name == _GONE for name, _ in asked.query):
        return refusal(410, "not-found", "This page of the search is no longer there. Search again.")
    answer = go()
    found = answer.resource
    if asked.interaction != "s" or len(found.get("entry", [])) < 2:
        return answer
    itself = next((link["url"] for link in found.get("link", []) if link.get("relation") == "self"), "")
    links = [{"relation": "self", "url": itself}, {"relation": "next", "url": f"{itself.partition('?')[0]}?{_GONE}=2"}]
    return answer.with_resource(found | {"link": links, "entry": found["entry"][: len(found["entry"]) // 2]})


def _slow(asked: Asked, go: Go) -> Answer:
    time.sleep(SLOW_SECONDS)
    return go()


def _malformed(asked: Asked, go: Go) -> Answer:
    answer = go()
    return Answer(answer.status, answer.body[: max(len(answer.body) - 20, 1)], answer.headers)


def _dstu2(asked: Asked, go: Go) -> Answer:
    return each_resource(go(), as_dstu2)


def _local_codes(asked: Asked, go: Go) -> Answer:
    return each_resource(go(), localised) if asked.kind not in ("", "Patient") else go()


def _another_patients(asked: Asked, go: Go) -> Answer:
    return each_resource(go(), somebody_elses) if asked.interaction in ("r", "s") else go()


def _expired(asked: Asked, go: Go) -> Answer:
    return EXPIRED if asked.by_app else go()


EXPIRED = refusal(
    401, "login", "The access token is not good, or no longer.",
    **{"WWW-Authenticate": 'Bearer error="invalid_token"'},
)  # fmt: skip

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("procedures-403", "Procedures refused", "Procedure is answered with 403.", _procedures_403),
        Fault("page-2-missing", "Page 2 missing", "Half of each search comes; its next page is gone.", _page_2_missing),
        Fault("slow", "Slow", f"Every answer takes {SLOW_SECONDS:.0f} seconds.", _slow),
        Fault("malformed-json", "Malformed JSON", "Answers break off before their end.", _malformed),
        Fault("dstu2", "DSTU2 answers", "Resources come as in FHIR DSTU2.", _dstu2),
        Fault("local-codes", "Local codes only", "Codes are the hospital's own; the words stay.", _local_codes),
        Fault("another-patient", "Another patient's data", "Answers are about somebody else.", _another_patients),
        Fault("expired-token", "Expired token", "Every access token is refused with 401.", _expired),
    )
}


class Switches:
    """Which faults are on, for everybody ('') or for one patient; and what is always kept from apps."""

    def __init__(self) -> None:
        self._on: frozenset[tuple[str, str]] = frozenset()
        self._refusals: Refusals = {}

    def refuse(self, refusals: Refusals) -> None:
        """These types of these patients' charts are refused to every app; `clear` does not change that."""
        self._refusals = refusals

    def set(self, name: str, on: bool = True, patient: str = "") -> None:
        """Raises KeyError for a fault that there is not."""
        one = {(FAULTS[name].name, patient)}
        self._on = self._on | one if on else self._on - one

    def clear(self) -> None:
        self._on = frozenset()

    def are_on(self) -> list[tuple[str, str]]:
        return sorted(self._on)

    def answer(self, asked: Asked, go: Go) -> Answer:
        for (patient, kind), (status, why) in self._refusals.items():
            if asked.by_app and asked.kind == kind and asked.is_about(patient):
                return refusal(status, "forbidden", why)
        for name in [name for name, patient in self.are_on() if not patient or asked.is_about(patient)]:
            go = _through(FAULTS[name], asked, go)
        return go()


def _through(fault: Fault, asked: Asked, go: Go) -> Go:
    return lambda: fault.change(asked, go)
