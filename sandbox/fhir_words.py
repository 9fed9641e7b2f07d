"""Short words for a screen from FHIR's data types: a code, a day, a quantity. Other EHRs' data may lack anything."""

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
_FORMS = {4: "%Y", 7: "%b %Y"}


def at(resource: Any, *path: str | int) -> Any:
    """What stands there, such as at(procedure, "performer", 0, "actor"); None if anything on the way is missing."""
    for step in path:
        if isinstance(resource, list) and isinstance(step, int):
            resource = resource[step] if step < len(resource) else None
        else:
            resource = resource.get(step) if isinstance(resource, dict) else None
    return resource


def text_at(resource: Any, *path: str | int) -> str:
    found = at(resource, *path)
    return "" if found is None else str(found)


def words(concept: Any) -> str:
    return text_at(concept, "text") or text_at(concept, "coding", 0, "display") or text_at(concept, "coding", 0, "code")


def code(concept: Any) -> str:
    """Such as 'CPT 22612'; empty when there is none."""
    codings = at(concept, "coding") or []
    named = [f"{SHORT_NAMES.get(text_at(each, 'system'), '')} {text_at(each, 'code')}".strip() for each in codings]
    return ", ".join(named)


def day(text: str) -> str:
    """'2025-07-22' or a dateTime, as '22 Jul 2025'; '2025-07' as 'Jul 2025'; as it is, if it is no date."""
    try:
        if form := _FORMS.get(len(text)):
            return f"{date.fromisoformat(f'{text}-01-01'[:10]):{form}}"
        when = date.fromisoformat(text[:10])
    except ValueError:
        return text
    return f"{when.day} {when:%b %Y}"


def span(first: str, last: str) -> str:
    return day(first) if first[:10] == last[:10] or not last else f"{day(first)} to {day(last)}".strip()


def quantity(value: Any) -> str:
    unit = text_at(value, "unit")
    return f"{text_at(value, 'value')} {unit}" if unit == "%" else text_at(value, "value")
