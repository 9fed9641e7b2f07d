"""The packet told in words, section by section, with its LOINC code and references to what is enclosed."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from smart_app.plain_fhir.parts import Json
from smart_app.refer.enclosed import PLANNED, Enclosed, address_of
from smart_app.refer.packet import Packet
from smart_app.refer.sections import Section
from smart_app.refer.wording import WORDING

_LOINC = "http://loinc.org"
_WORDS = WORDING["document"]
_UNAVAILABLE = {"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"}
_NOTHING = Enclosed({})


def sections(packet: Packet, found: Mapping[str, Enclosed], referral: Sequence[Json]) -> list[Json]:
    told = [f"{said.lead}: {said.says}" if said.lead else said.says for said in packet.summary]
    asked = [*packet.questions, *(_WORDS["referral"].format(title=each["code"]["text"]) for each in referral)]
    items = packet.complete.items
    score = f"{packet.needs}: {packet.complete.found} of {len(items)}"
    words = WORDING["sections"]
    return [
        _section("summary", _WORDS["summary"], told or [_WORDS["no_summary"]], found.get(PLANNED, _NOTHING)),
        _section("questions", words["questions"]["title"], asked or [words["questions"]["none"]],
                 Enclosed({address_of(each): each for each in referral})),
        *(_of_chart(section, found[section.name]) for section in packet.sections),
        _section("unread", words["unread"]["title"], packet.unread or [words["unread"]["none"]]),
        _section("complete", score, [f"{item.name}: {item.says}" for item in items]),
        _section("made", _WORDS["made"], [packet.evidence]),
    ]  # fmt: skip


def _of_chart(section: Section, found: Enclosed) -> Json:
    lines = [" · ".join(part for part in (each.when, each.what, each.more) if part) for each in section.lines]
    told = _section(section.name, section.title, [*lines, *([section.says] if section.says else [])], found)
    if section.lines:
        return told
    coding = {"coding": [_UNAVAILABLE]} if section.state == "unread" else {}
    return told | {"emptyReason": coding | {"text": section.says}}


def _section(name: str, title: str, lines: Iterable[str], found: Enclosed = _NOTHING) -> Json:
    counts = {"beyond": found.beyond, "in_words": found.in_words}
    more = [_WORDS[said].format(count=count) for said, count in counts.items() if count]
    told = {"title": title, "code": _code(name), "text": narrative([*lines, *more])}
    return told | ({"entry": [{"reference": address} for address in found.resources]} if found.resources else {})


def _code(name: str) -> Json:
    code, _, words = _WORDS["loinc"][name].partition(" ")
    return {"coding": [{"system": _LOINC, "code": code}], "text": words}


def narrative(lines: Iterable[str]) -> Json:
    """XHTML of these lines; nothing in it is taken for markup."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines if line)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{items}</ul></div>'}
