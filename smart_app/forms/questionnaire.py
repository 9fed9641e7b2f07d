"""The options discussion as a FHIR Questionnaire (SDC: the patient's words are extracted as an Observation)."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ehr.r4 import checked
from second_opinion.options_discussion import OPTIONS_DISCUSSION as ASKED
from second_opinion.options_discussion import PREFERENCE, STATEMENTS, URL

Json = dict[str, Any]
CANONICAL = f"{URL}|{ASKED['version']}"
OPTIONS, OWN_WORDS, DATE = "options", "own-words", "date"
DECISION = "decision"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition"
_CHOICES = {PREFERENCE: "preferences", DECISION: "decisions"}
_SYSTEM, OWN_WORDS_CODE, OWN_WORDS_DISPLAY = ASKED["own_words_code"].split(" ", 2)
OWN_WORDS_CODING = {
    "system": {"LOINC": "http://loinc.org"}[_SYSTEM],
    "code": OWN_WORDS_CODE,
    "display": OWN_WORDS_DISPLAY,
}


@lru_cache(maxsize=1)
def questionnaire() -> Json:
    """As any EHR may keep it; validated as FHIR R4."""
    asked: Json = {
        "resourceType": "Questionnaire",
        "id": "options-discussion",
        "meta": {"profile": [f"{_SDC}/sdc-questionnaire-extr-obsn"]},
        "url": URL,
        "version": ASKED["version"],
        "name": "OptionsDiscussion",
        "title": ASKED["title"],
        "status": "draft",  # until a clinician has signed it
        "experimental": False,
        "subjectType": ["Patient"],
        "publisher": "Second Opinion",
        "item": [_options(), *(_question(link, says) for link, says in ASKED["questions"].items() if link != OPTIONS)],
    }
    return checked(asked)


def option_links(code: str) -> tuple[str, str, str]:
    """The linkIds of one option: whether it was discussed, its benefits, its risks."""
    discussed, benefits, risks = (f"option.{code}.{about}" for about in ASKED["about_an_option"])
    return discussed, benefits, risks


def choices(link: str) -> dict[str, str]:
    """The answers of a question with choices, code to words; {} for any other question."""
    answers = ASKED[_CHOICES[link]] if link in _CHOICES else {}
    return {code: answer["says"] if isinstance(answer, dict) else answer for code, answer in answers.items()}


def coding(link: str, code: str) -> Json:
    """One answer of a question with choices."""
    return {"system": ASKED["answer_codes"], "code": code, "display": choices(link)[code]}


def _options() -> Json:
    groups = [
        {"linkId": f"option.{code}", "text": says, "type": "group", "item": list(_about(code))}
        for code, says in ASKED["options"].items()
    ]
    return {"linkId": OPTIONS, "text": ASKED["questions"][OPTIONS], "type": "group", "item": groups}


def _about(code: str) -> Iterator[Json]:
    discussed, *in_words = option_links(code)
    says = ASKED["about_an_option"]
    yield {"linkId": discussed, "text": says["discussed"], "type": "boolean"}
    only_then = [{"question": discussed, "operator": "=", "answerBoolean": True}]
    for link, words in zip(in_words, (says["benefits"], says["risks"]), strict=True):
        yield {"linkId": link, "text": words, "type": "text", "enableWhen": only_then}


def _question(link: str, says: str) -> Json:
    item: Json = {"linkId": link, "text": says, "type": "text"}
    if link in _CHOICES:
        options = [{"valueCoding": coding(link, code)} for code in choices(link)]
        return item | {"type": "choice", "answerOption": options}
    if link in STATEMENTS:
        return item | {"type": "boolean"}
    if link == DATE:
        return item | {"type": "date", "required": True}
    if link == OWN_WORDS:
        extracted = {"url": f"{_SDC}/sdc-questionnaire-observationExtract", "valueBoolean": True}
        return item | {"extension": [extracted], "code": [OWN_WORDS_CODING]}
    return item
