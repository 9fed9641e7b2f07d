"""The options discussion as FHIR: the QuestionnaireResponse, and the preference Observation extracted from it."""

from collections.abc import Iterator

from second_opinion.options_discussion import OPTIONS_DISCUSSION as ASKED
from second_opinion.options_discussion import STATEMENTS
from smart_app.acts.previews import Act, Json, part
from smart_app.forms.discussion_form import note_of
from smart_app.forms.filled import Filled
from smart_app.forms.questionnaire import (
    CANONICAL,
    DATE,
    OPTIONS,
    OWN_WORDS,
    OWN_WORDS_CODING,
    choices,
    coding,
    option_links,
)
from smart_app.launches import Launch

SYSTEM = "urn:org.second-opinion:options-discussion:written"  # of the identifiers of what is written
_CATEGORY = {
    "system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-category",
    "code": "treatment-intervention-preference",
    "display": "Treatment Intervention Preference",
}
_AUTHORS = ("Practitioner/", "PractitionerRole/")


def act_of(discussion: Filled, launch: Launch) -> Act:
    """What is to be written, of what the EHR lets this app write; if that is nothing, all of it."""
    words, on = discussion[OWN_WORDS], discussion[DATE]
    may_respond, may_observe = (launch.may(kind, "c") for kind in ("QuestionnaireResponse", "Observation"))
    resources = []
    if may_respond or not (words and may_observe):
        resources.append(response_of(discussion, launch))
    if words and (may_observe or not may_respond):
        resources.append(preference_of(words, on, launch, part(0) if resources else ""))
    return Act(
        action="discussion", title=ASKED["title"], resources=tuple(resources), note=note_of(discussion), system=SYSTEM
    )


def left_out(discussion: Filled, act: Act) -> str:
    """What of it the EHR does not let this app write, although it lets it write the rest; or ''."""
    kinds = {resource["resourceType"] for resource in act.resources}
    if "QuestionnaireResponse" not in kinds:
        return "Only the patient's own words can be written; the EHR does not let this app write the record itself."
    if discussion[OWN_WORDS] and "Observation" not in kinds:
        return "The patient's own words are in the record, but cannot be written as a preference of their own as well."
    return ""


def response_of(discussion: Filled, launch: Launch) -> Json:
    """The QuestionnaireResponse; what was left open is not in it."""
    answered: Json = {
        "resourceType": "QuestionnaireResponse",
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


def preference_of(words: str, on: str, launch: Launch, response: str = "") -> Json:
    """The patient's own words as the Observation that charts keep preferences in, derived from the response."""
    patient = {"reference": f"Patient/{launch.patient}"}
    preference: Json = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [_CATEGORY]}],
        "code": {"coding": [OWN_WORDS_CODING], "text": "Treatment preference, in the patient's own words"},
        "subject": patient,
        "effectiveDateTime": on,
        "performer": [patient],
        "valueString": words,
    }
    if response:
        preference["derivedFrom"] = [{"reference": response}]
    return preference | {key: value for key, value in context_of(launch, "").items() if key == "encounter"}


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
