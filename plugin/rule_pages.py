"""What a clinician reads of a rule: question, status, outcomes, limits, what counts, examples, wording, logic."""

from collections.abc import Iterator
from datetime import date
from types import ModuleType
from typing import Any

from fixtures.worked_examples import Example, count_of, examples_of
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Verbatim
from plugin.rule_sources import in_force, limits_of, one_line, table, value_sets_of, words
from second_opinion import planned_surgery, silence
from second_opinion.limits import Page
from second_opinion.plain_words import spoken_date
from second_opinion.rules import RULES
from second_opinion.rules.wording import lane_words
from second_opinion.site import AS_SHIPPED, Site

_DRAFT = "Draft: not yet signed."
_NOT_FOR_USE = "No clinician has approved it; it is not to be used for patients."
_BRACES = (
    "Names in {braces} stand for what is found in the chart. Of several sentences the card takes the first that fits"
    " its one line."
)
_SHOWN_ELSEWHERE = frozenset((
    "name", "question", "status", "outcomes", "limits", "references", "weight", "wording", "review", "value_sets",
))  # fmt: skip


def asked() -> dict[str, ModuleType]:
    """All that has a page: the rules in reading order, then when we are silent and which operation is planned."""
    return {**RULES, "silence": silence, "planned_surgery": planned_surgery}


def overview(day: date, site: Site = AS_SHIPPED) -> Iterator[Block]:
    """Every page in short: question, status, limits in force."""
    yield Heading("Rules", 1)
    for name, module in asked().items():
        page: Page = module.PAGE
        yield Heading(name, link=f"docs/rules/{name}.md")
        yield Paragraph(f"{_title(name, page)}. {page['question']}")
        yield Paragraph(_status(name, page, site))
        rows = [(in_force(name, page, key, day, site)[0], limit["says"]) for key, limit in page["limits"].items()]
        yield from table(("In force", "Limit"), rows)


def page_of(name: str, day: date, site: Site = AS_SHIPPED) -> Iterator[Block]:
    """The whole page; limits are those in force on `day`, examples are answered as of their own day."""
    module = asked()[name]
    page: Page = module.PAGE
    yield Heading(_title(name, page), 1)
    yield Paragraph(page["question"], strong=True)
    yield Heading("Status")
    status = _status(name, page, site)
    yield Paragraph(f"{status} {_NOT_FOR_USE}" if status.startswith(_DRAFT) else status)
    yield Items((Item(label="Limits and words, to edit and to sign", link=f"second_opinion/{page.path}"),))
    if outcomes := page.content.get("outcomes"):
        yield Heading("Outcomes")
        yield Items(tuple(Item(one_line(when), words(outcome)) for outcome, when in outcomes.items()))
    yield from limits_of(name, page, day, site)
    yield from value_sets_of(page)
    yield from _examples(name, page)
    yield from _wording(page)
    yield Heading("Logic")
    yield Verbatim((module.__doc__ or "").strip())
    yield Items((Item(label="The whole logic", link=f"second_opinion/{page.path.removesuffix('.yaml')}.py"),))


def _title(name: str, page: Page) -> str:
    return str(page.content.get("name", words(name)))


def _status(name: str, page: Page, site: Site) -> str:
    at_site = "" if site.mode(name) == "on" else f" At this site: {site.mode(name)}."
    if page.content.get("status", "draft") == "draft":
        return _DRAFT + at_site
    review = page["review"]
    signed = spoken_date(review["signed"])
    return f"Signed by {review['reviewer']} on {signed}; due again {spoken_date(review['next_review'])}.{at_site}"


def _examples(name: str, page: Page) -> Iterator[Block]:
    examples = examples_of(name, page)
    if not examples:
        return
    yield Heading("Worked examples")
    chosen, day = f"{len(examples)} of {count_of(name)}", spoken_date(examples[0].as_of)
    yield Paragraph(f"{chosen}: each outcome, then pairs beside a limit; with the answers really given, as of {day}.")
    yield Items((Item(label="All examples", link=f"fixtures/vignettes/{name}.yaml"),))
    for example in examples:
        yield Heading(example.name, 3)
        yield Items(tuple(_chart_of(example)))
        yield Paragraph(f"{words(example.outcome)}. {example.says}", strong=True)
        if example.beside:
            yield Paragraph(
                f"Beside the limit: {'; '.join(page['limits'][limit]['says'] for limit in example.beside)}."
            )


def _chart_of(example: Example) -> Iterator[Item]:
    for when, what in example.chart:
        yield Item(what, when)
    for lane, state in example.unread.items():
        yield Item(lane_words([lane]), "read in part" if state == "partial" else "could not be read")


def _wording(page: Page) -> Iterator[Block]:
    """The sentences, then whatever else the YAML holds: all that is signed is shown."""
    sentences = [Item(sentence, label) for label, said in _leaves(page.content.get("wording", {})) for sentence in said]
    others = {key: value for key, value in page.content.items() if key not in _SHOWN_ELSEWHERE}
    lists = [Item(", ".join(said), label) for label, said in _leaves(others)]
    if sentences or lists:
        yield Heading("Wording")
        yield Paragraph(_BRACES)
        yield Items((*sentences, *lists))


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """'Says, met' with its sentences."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    else:
        yield words(", ".join(path)), [one_line(each) for each in (value if isinstance(value, list) else [value])]
