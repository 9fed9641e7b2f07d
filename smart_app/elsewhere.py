"""Care done elsewhere: from the form to a Procedure that says who reported it, and its Provenance.

Rules read it as care received, marked as reported. What a patient says of an operation's result stays in words: the
code 'unsuccessful' would be a strong sign, and that is a clinician's to give.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from importlib.resources import files
from typing import Any

import yaml

from second_opinion.from_fhir import REPORTED_CARE
from smart_app.discussion import context_of
from smart_app.filled import Filled, day_problem, too_long, typed
from smart_app.launches import Launch
from smart_app.questionnaire import Json

ELSEWHERE: Mapping[str, Any] = yaml.load(
    files("smart_app").joinpath("elsewhere.yaml").read_text("utf-8"), yaml.CSafeLoader
)
FIELDS = ("what", "region", "from", "until", "ongoing", "sessions", "helped", "says", "note")
_SYSTEMS = {"SNOMED": "http://snomed.info/sct"}
_AGENTS = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SESSIONS_MOST = 500
_CHOICES: Mapping[str, str] = {"region": "regions", "helped": "helped", "says": "says_so"}


def read_care(form: Mapping[str, str], today: date) -> Filled:
    values = {name: typed(form.get(name, "")) for name in FIELDS}
    return Filled({name: words for name, words in values.items() if words}, dict(_problems(values, today)))


def whats() -> Iterator[tuple[str, str]]:
    """What can be added, name and words: forms of care, then operations."""
    for name, care in ELSEWHERE["care"].items():
        yield f"care.{name}", care["says"]
    for name, operation in ELSEWHERE["operations"].items():
        yield f"operation.{name}", f"Operation: {operation['says']}"


def _problems(values: Mapping[str, str], today: date) -> Iterator[tuple[str, str]]:
    if values["what"] not in dict(whats()):
        yield "what", "Choose what was done."
    elif _is_operation(values) and not values["region"]:
        yield "region", "Choose where on the spine."
    for name, answers in _CHOICES.items():
        if values[name] and values[name] not in ELSEWHERE[answers]:
            yield name, "Choose one of the answers."
    if not values["says"]:
        yield "says", "Choose who says so."
    yield from _date_problems(values, today)
    sessions = values["sessions"]
    if sessions and not (sessions.isdecimal() and 0 < int(sessions) <= _SESSIONS_MOST):
        yield "sessions", f"Not a number of sessions. Write one from 1 to {_SESSIONS_MOST}, or leave it empty."
    if wrong := too_long(values["note"]):
        yield "note", wrong


def _date_problems(values: Mapping[str, str], today: date) -> Iterator[tuple[str, str]]:
    first, last = values["from"], values["until"]
    if wrong := day_problem(first, today, partial=True):
        yield "from", wrong
    if not last:
        return
    if wrong := day_problem(last, today, partial=True):
        yield "until", wrong
    elif last < first[: len(last)]:
        yield "until", "This is before it began. Check both dates."
    elif values["ongoing"]:
        yield "ongoing", "It cannot have ended and still go on. Clear one of the two."


def _is_operation(values: Mapping[str, str] | Filled) -> bool:
    return values["what"].startswith("operation.")


def procedure_of(care: Filled, launch: Launch, identifier: Json) -> Json:
    """The Procedure: nobody is named as performer, and `asserter` says whose word it is."""
    patient = {"reference": f"Patient/{launch.patient}"}
    written: Json = {
        "resourceType": "Procedure",
        "identifier": [identifier],
        "status": "in-progress" if care["ongoing"] else "completed",
        "code": _code(care),
        "subject": patient,
        **_performed(care),
        **context_of(launch, "recorder"),
    }
    asserter = patient if care["says"] == "patient" else written.get("recorder")
    notes = [f"Sessions: {care['sessions']}"] if care["sessions"] else []
    notes += [care["note"]] if care["note"] else []
    more = {"asserter": asserter, "outcome": _outcome(care), "note": [{"text": words} for words in notes]}
    # The encounter of today is where it was written down, not where it was done.
    return {key: value for key, value in (written | more).items() if value and key != "encounter"}


def _performed(care: Filled) -> Json:
    """One day, if no end is known: an open period would say that it goes on."""
    first, last = care["from"], care["until"]
    if not last and not care["ongoing"]:
        return {"performedDateTime": first}
    return {"performedPeriod": {"start": first} | ({"end": last} if last else {})}


def _code(care: Filled) -> Json:
    written = _coded(care)
    return {"coding": [_coding(written)], "text": what_in_words(care)} if written else {"text": what_in_words(care)}


def _coded(care: Filled) -> str:
    name = care["what"].partition(".")[2]
    if _is_operation(care):
        return str(ELSEWHERE["region_codes"].get(f"{name} {care['region']}", ""))
    return str(ELSEWHERE["care"][name].get("code", ""))


def what_in_words(care: Filled) -> str:
    """'Physical therapy', 'Lumbar fusion'."""
    name = care["what"].partition(".")[2]
    if _is_operation(care):
        return f"{care['region'].capitalize()} {ELSEWHERE['operations'][name]['says']}"
    return str(ELSEWHERE["care"][name]["says"])


def _coding(written: str) -> Json:
    system, code, display = written.split(" ", 2)
    return {"system": _SYSTEMS[system], "code": code, "display": display}


def _outcome(care: Filled) -> Json:
    if not care["helped"]:
        return {}
    result = ELSEWHERE["helped"][care["helped"]]
    if _is_operation(care) and care["says"] == "patient":
        return {"text": f"{result['says']}, the patient reports"}
    return {"coding": [_coding(result["code"])], "text": result["says"]}


def provenance_of(care: Filled, launch: Launch, procedure: str, now: datetime) -> Json:
    """Who wrote the Procedure down, and on whose word."""
    agents = [_agent("enterer", launch.user)] if launch.user else []
    if care["says"] == "patient":
        agents.append(_agent("informant", f"Patient/{launch.patient}"))
    return {
        "resourceType": "Provenance",
        "target": [{"reference": procedure}],
        "recorded": now.isoformat(timespec="seconds"),
        "agent": agents,
    }


def _agent(part: str, who: str) -> Json:
    return {"type": {"coding": [{"system": _AGENTS, "code": part}]}, "who": {"reference": who}}


def care_in_words(care: Filled) -> tuple[tuple[str, str], ...]:
    """What the preview and the note show."""
    said = [("What", what_in_words(care)), ("From", care["from"])]
    said.append(("Until", "still going on" if care["ongoing"] else care["until"] or "not known"))
    said += [("Sessions", care["sessions"]), ("Result", ELSEWHERE["helped"].get(care["helped"], {}).get("says", ""))]
    said += [("Who says so", "The patient" if care["says"] == "patient" else "The clinician who wrote this")]
    said += [("Note", care["note"])]
    return tuple((question, answer) for question, answer in said if answer)


def note_of_care(care: Filled) -> str:
    """The same as plain text, to be pasted into a note."""
    return "Care done elsewhere\n" + "".join(f"{question}: {answer}\n" for question, answer in care_in_words(care))


def identifier_of(key: str) -> Json:
    """By this we know the Procedure as reported care when it comes back."""
    return {"system": REPORTED_CARE, "value": key}
