"""What a second surgeon needs, and which of it the packet has: found, not found, or impossible to check."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from second_opinion.durations import Duration
from second_opinion.record import same_region
from second_opinion.value_sets import Regions
from smart_app.chart.case import Case
from smart_app.refer.lines import Line
from smart_app.refer.sections import Section
from smart_app.refer.wording import WORDING

_RECENT = Duration(months=12)
_MOST_NAMED = 3
_CHIPS = {"found": "met", "not_found": "missing", "unread": "unread"}
_ALONE = ("scores", "wishes")  # of these the latest says enough
_BY_SECTION = ("diagnoses", "scores", "treatments", "wishes", "medicines")


class Item(Struct, frozen=True):
    """`state`: found, not_found or unread."""

    name: str
    state: str
    says: str

    @property
    def chip(self) -> str:
        return _CHIPS[self.state]


class Completeness(Struct, frozen=True):
    """`found` of the items."""

    found: int
    items: tuple[Item, ...]


def completeness_of(case: Case, sections: Mapping[str, Section], questions: Sequence[str]) -> Completeness:
    items = [_imaging(case, sections["imaging"]), _operations(sections["operations"])]
    items += [_item(name, _done(sections[name]), sections[name]) for name in _BY_SECTION]
    asked = "found" if questions else "not_found"
    words = WORDING["complete"]["questions"]
    items.append(Item(words["name"], asked, words[asked]))
    return Completeness(sum(item.state == "found" for item in items), tuple(items))


def _item(name: str, lines: Sequence[Line], section: Section) -> Item:
    words: dict[str, Any] = WORDING["complete"][name]
    if lines:
        most = 1 if name in _ALONE else _MOST_NAMED
        named = [line.what.rstrip(".") for line in lines[:most]] + (
            [f"{len(lines) - most} more"] if lines[most:] else []
        )
        return Item(words["name"], "found", words["found"].format(what="; ".join(named), when=lines[0].when))
    if section.is_whole:
        return Item(words["name"], "not_found", words["not_found"])
    return Item(words["name"], "unread", section.says)


def _done(section: Section) -> list[Line]:
    """Without what was only ordered, declined, or impossible to place."""
    return [line for line in section.lines if line.state not in ("ordered", "declined", "aside")]


def _imaging(case: Case, section: Section) -> Item:
    """Of the region of the planned operation (any, where that is unknown), done in the last 12 months."""
    record, surgery = case.assessment.record, case.assessment.surgery
    since, regions = _RECENT.before(record.as_of), surgery.regions if surgery else Regions()
    of_region = {event.source for event in record.procedures.events if same_region(event.regions, regions)}
    recent = [
        line
        for line in _done(section)
        if line.last and line.last >= since and not of_region.isdisjoint(line.references)
    ]
    return _item("imaging", recent, section)


def _operations(section: Section) -> Item:
    """None at all is no gap; one that has no date, say, is."""
    words = WORDING["complete"]["operations"]
    if any(line.state == "aside" for line in section.lines):
        return Item(words["name"], "not_found", words["aside"])
    item = _item("operations", _done(section), section)
    return Item(item.name, "found", item.says) if item.state == "not_found" else item
