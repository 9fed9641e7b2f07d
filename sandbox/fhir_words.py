"""Short words for a screen from FHIR's data types: a code, a day, a quantity."""

from datetime import date
from typing import Any

Json = dict[str, Any]

SHORT_NAMES = {
    "http://www.ama-assn.org/go/cpt": "CPT",
    "http://snomed.info/sct": "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://loinc.org": "LOINC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
}


def words(concept: Json) -> str:
    coding: Json = concept.get("coding", [{}])[0]
    return str(concept.get("text") or coding.get("display", ""))


def code(concept: Json) -> str:
    """Such as 'CPT 22612'; empty when there is none."""
    return ", ".join(
        f"{SHORT_NAMES.get(item['system'], '')} {item['code']}".strip() for item in concept.get("coding", [])
    )


def day(text: str) -> str:
    """'2025-07-22' or a dateTime, as '22 Jul 2025'."""
    when = date.fromisoformat(text[:10])
    return f"{when.day} {when:%b %Y}"


def span(first: str, last: str) -> str:
    return day(first) if first[:10] == last[:10] else f"{day(first)} to {day(last)}"


def quantity(value: Json) -> str:
    return f"{value['value']} %" if value["unit"] == "%" else str(value["value"])
