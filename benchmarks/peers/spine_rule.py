"""A rule in the spirit of ours, small enough to be read at once: how a developer would write it on HealthChain.

Is a lumbar fusion planned after an earlier spine operation, or after less nonsurgical care than a trial needs?
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

CPT = "http://www.ama-assn.org/go/cpt"
FUSION = frozenset(("22533", "22558", "22612", "22630", "22633"))
SPINE_SURGERY = FUSION | {"63005", "63030", "63042", "63047", "63056"}
CARE = {"97110": "therapy", "97140": "therapy", "98940": "manipulation", "62323": "injection", "64483": "injection"}
TRIAL_WEEKS, FORMS, LOOK_BACK_DAYS = 12, 2, 365


@dataclass(frozen=True)
class Fact:
    """Of one resource, what the rule asks for."""

    status: str
    codes: tuple[str, ...]
    on: date | None = None


def summary_of(orders: Iterable[Fact], procedures: Iterable[Fact], as_of: date) -> str:
    """What the card says, or nothing."""
    if not any(order.status in ("draft", "active") and FUSION & {*order.codes} for order in orders):
        return ""
    done = [fact for fact in procedures if fact.status == "completed" and fact.on]
    if any(SPINE_SURGERY & {*fact.codes} for fact in done):
        return "Lumbar fusion planned after an earlier spine operation. Consider a second opinion."
    recent = [fact for fact in done if fact.on and 0 <= (as_of - fact.on).days <= LOOK_BACK_DAYS]
    visits = [(CARE[code], fact.on) for fact in recent for code in fact.codes if code in CARE and fact.on]
    days = [day for _, day in visits]
    weeks = (max(days) - min(days)).days // 7 if days else 0
    if weeks >= TRIAL_WEEKS and len({form for form, _ in visits}) >= FORMS:
        return ""
    return f"Lumbar fusion planned after {weeks} weeks of nonsurgical care on record. Consider a second opinion."


def facts_in_dicts(bundle: dict[str, Any]) -> Iterator[Fact]:
    for entry in bundle.get("entry", ()):
        resource = entry["resource"]
        codes = tuple(code["code"] for code in resource["code"]["coding"] if code.get("system") == CPT)
        performed = resource.get("performedDateTime") or resource.get("performedPeriod", {}).get("start")
        yield Fact(resource["status"], codes, date.fromisoformat(performed[:10]) if performed else None)


def facts_in_models(bundle: Any) -> Iterator[Fact]:
    """The same from models of fhir.resources, which know dates already."""
    for entry in bundle.entry or ():
        resource = entry.resource
        codes = tuple(code.code for code in resource.code.coding if code.system == CPT)
        period = getattr(resource, "performedPeriod", None)
        performed = getattr(resource, "performedDateTime", None) or (period and period.start)
        yield Fact(resource.status, codes, date.fromisoformat(performed.isoformat()[:10]) if performed else None)
