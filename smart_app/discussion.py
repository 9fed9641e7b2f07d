"""The options discussion: from the form to the QuestionnaireResponse, the preference Observation and a note's text."""

from collections.abc import Iterator, Mapping
from datetime import date

from second_opinion.options_discussion import OPTIONS_DISCUSSION as ASKED
from second_opinion.options_discussion import STATEMENTS
from smart_app.filled import Filled, day_problem, too_long, typed
from smart_app.launches import Launch
from smart_app.questionnaire import (
    CANONICAL,
    DATE,
    OPTIONS,
    OWN_WORDS,
    OWN_WORDS_CODING,
    Json,
    choices,
    coding,
    option_links,
)

_YES = "yes"
_CATEGORY = {
    "system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-category",
    "code": "treatment-intervention-preference",
    "display": "Treatment Intervention Preference",
}
_AUTHORS = ("Practitioner/", "PractitionerRole/")


def read_discussion(form: Mapping[str, str], today: date) -> Filled:
    """The form's fields are named by linkId."""
    values = {name: typed(form.get(name, "")) for name in _fields()}
    return Filled({name: words for name, words in values.items() if words}, dict(_problems(values, today)))


def _fields() -> Iterator[str]:
    for code in ASKED["options"]:
        yield from option_links(code)
    yield from (link for link in ASKED["questions"] if link != OPTIONS)


def _problems(values: Mapping[str, str], today: date) -> Iterator[tuple[str, str]]:
    discussed = [code for code in ASKED["options"] if values[option_links(code)[0]]]
    if not discussed:
        yield OPTIONS, "Tick what was discussed."
    for code in ASKED["options"]:
        tick, *in_words = option_links(code)
        if any(values[link] for link in in_words) and code not in discussed:
            yield tick, "Something is written about it. Tick it, or clear the text."
    if wrong := day_problem(values[DATE], today):
        yield DATE, wrong
    for name, words in values.items():
        if choices(name) and words and words not in choices(name):
            yield name, "Choose one of the answers."
        elif wrong := too_long(words):
            yield name, wrong


def response_of(discussion: Filled, launch: Launch, identifier: Json) -> Json:
    """The QuestionnaireResponse; what was left open is not in it."""
    answered: Json = {
        "resourceType": "QuestionnaireResponse",
        "identifier": identifier,
        "questionnaire": CANONICAL,
        "status": "completed",
        "subject": {"reference": f"Patient/{launch.patient}"},
        "authored": discussion[DATE],
        "item": list(_items(discussion)),
    }
    return answered | context_of(launch, "author")


def context_of(launch: Launch, author: str) -> Json:
    """Who wrote it and in which encounter, as far as the launch tells."""
    said: Json = {}
    if launch.user.startswith(_AUTHORS):
        said[author] = {"reference": launch.user}
    if launch.encounter:
        said["encounter"] = {"reference": f"Encounter/{launch.encounter.removeprefix('Encounter/')}"}
    return said


def preference_of(discussion: Filled, launch: Launch, identifier: Json, response: str = "") -> Json | None:
    """The patient's own words as the Observation that charts keep preferences in; None if none were written down."""
    if not discussion[OWN_WORDS]:
        return None
    patient = {"reference": f"Patient/{launch.patient}"}
    preference: Json = {
        "resourceType": "Observation",
        "identifier": [identifier],
        "status": "final",
        "category": [{"coding": [_CATEGORY]}],
        "code": {"coding": [OWN_WORDS_CODING], "text": "Treatment preference, in the patient's own words"},
        "subject": patient,
        "effectiveDateTime": discussion[DATE],
        "performer": [patient],
        "valueString": discussion[OWN_WORDS],
    }
    if response:
        preference["derivedFrom"] = [{"reference": response}]
    encounter = {key: value for key, value in context_of(launch, "").items() if key == "encounter"}
    return preference | encounter


def in_words(discussion: Filled) -> tuple[tuple[str, str], ...]:
    """Question and answer, for people: what the preview and the note show."""
    return tuple(_said(discussion))


def _said(discussion: Filled) -> Iterator[tuple[str, str]]:
    says = ASKED["about_an_option"]
    for code, option in ASKED["options"].items():
        tick, benefits, risks = option_links(code)
        if discussion[tick]:
            about = [(says["benefits"], discussion[benefits]), (says["risks"], discussion[risks])]
            yield f"Discussed: {option}", "\n".join(f"{what}: {words}" for what, words in about if words)
    for link, question in ASKED["questions"].items():
        if answer := discussion[link]:
            yield question, "Yes" if link in STATEMENTS else choices(link).get(answer, answer)


def note_of(discussion: Filled) -> str:
    """The same as plain text, to be pasted into a note."""
    lines = [ASKED["title"]]
    for question, answer in in_words(discussion):
        lines.append(f"{question}: {answer}" if answer and "\n" not in answer else f"{question}\n{answer}".rstrip())
    return "\n".join(lines) + "\n"


def _items(discussion: Filled) -> Iterator[Json]:
    options = []
    for code, says in ASKED["options"].items():
        links = option_links(code)
        if discussion[links[0]]:
            about = [_item(link, discussion[link]) for link in links if discussion[link]]
            options.append({"linkId": f"option.{code}", "text": says, "item": about})
    yield {"linkId": OPTIONS, "text": ASKED["questions"][OPTIONS], "item": options}
    for link in ASKED["questions"]:
        if discussion[link]:
            yield _item(link, discussion[link], ASKED["questions"][link])


def _item(link: str, words: str, text: str = "") -> Json:
    said = {"linkId": link} | ({"text": text or ASKED["about_an_option"][link.rpartition(".")[2]]})
    return said | {"answer": [_answer(link, words)]}


def _answer(link: str, words: str) -> Json:
    if link in STATEMENTS or link.endswith(".discussed"):
        return {"valueBoolean": True}
    if choices(link):
        return {"valueCoding": coding(link, words)}
    return {"valueDate" if link == DATE else "valueString": words}
