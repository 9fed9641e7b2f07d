"""The form of the options discussion, its fields named by linkId: read, checked, and said again in words."""

from collections.abc import Iterator, Mapping
from datetime import date

from second_opinion.options_discussion import OPTIONS_DISCUSSION as ASKED
from second_opinion.options_discussion import STATEMENTS
from smart_app.forms.filled import Filled, day_in_words, day_problem, too_long, typed
from smart_app.forms.questionnaire import DATE, OPTIONS, choices, option_links


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


def in_words(discussion: Filled) -> tuple[tuple[str, str], ...]:
    """Question and answer, for people: what the preview and the note show."""
    return tuple(_said(discussion))


def _said(discussion: Filled) -> Iterator[tuple[str, str]]:
    says = ASKED["about_an_option"]
    for code, option in ASKED["options"].items():
        tick, benefits, risks = option_links(code)
        if discussion[tick]:
            about = [(says["benefits"], discussion[benefits]), (says["risks"], discussion[risks])]
            yield option, "\n".join(("Discussed", *(f"{what}: {words}" for what, words in about if words)))
    for link, question in ASKED["questions"].items():
        if answer := discussion[link]:
            answer = day_in_words(answer) if link == DATE else choices(link).get(answer, answer)
            yield question, "Yes" if link in STATEMENTS else answer


def note_of(discussion: Filled) -> str:
    """The same as plain text, to be pasted into a note."""
    said = (f"{question.rstrip('?')}: {answer}" for question, answer in in_words(discussion))
    return "\n".join((ASKED["title"], *said, ""))
