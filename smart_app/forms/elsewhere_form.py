"""The form of care done elsewhere: what can be added, what was filled in, and the same in words."""

from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from typing import Any

import yaml

from smart_app.forms.filled import Filled, day_in_words, day_problem, too_long, typed

ELSEWHERE: Mapping[str, Any] = yaml.load(
    files("smart_app.forms").joinpath("elsewhere.yaml").read_text("utf-8"), yaml.CSafeLoader
)
FIELDS = ("what", "region", "from", "until", "ongoing", "sessions", "helped", "says", "note")
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
    elif is_operation(values) and not values["region"]:
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


def is_operation(values: Mapping[str, str] | Filled) -> bool:
    return values["what"].startswith("operation.")


def what_in_words(care: Filled) -> str:
    """'Physical therapy', 'Lumbar fusion'."""
    name = care["what"].partition(".")[2]
    if is_operation(care):
        return f"{care['region'].capitalize()} {ELSEWHERE['operations'][name]['says']}"
    return str(ELSEWHERE["care"][name]["says"])


def care_in_words(care: Filled) -> tuple[tuple[str, str], ...]:
    """What the preview and the note show."""
    said = [("What", what_in_words(care)), ("From", day_in_words(care["from"]))]
    said.append(("Until", "still going on" if care["ongoing"] else day_in_words(care["until"]) or "not known"))
    said += [("Sessions", care["sessions"]), ("Result", ELSEWHERE["helped"].get(care["helped"], {}).get("says", ""))]
    said += [("Who says so", "The patient" if care["says"] == "patient" else "The clinician who wrote this")]
    said += [("Note", care["note"])]
    return tuple((question, answer) for question, answer in said if answer)


def note_of_care(care: Filled) -> str:
    """The same as plain text, to be pasted into a note."""
    return "Care done elsewhere\n" + "".join(f"{question}: {answer}\n" for question, answer in care_in_words(care))
