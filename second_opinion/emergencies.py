"""Reads emergencies from the words of a diagnosis, by the names of the red flags; more names are in emergencies.yaml.

Suspected ones count, as a provisional diagnosis does; what is denied, ruled out, in the family or past does not.
"""

import re
from functools import lru_cache

from msgspec.structs import replace

from second_opinion.knowledge import read_yaml
from second_opinion.texts import regions_in
from second_opinion.value_sets import Meaning, Regions, known_meanings

_WORDS = read_yaml("emergencies.yaml", ("names", "not_present", "other_bones", "small"))
_ABSENT = re.compile(r"\b(?:" + "|".join(_WORDS["not_present"]) + r")\b[^,;.()]*", re.IGNORECASE)
_OTHER_BONES = re.compile(r"\b(?:" + "|".join(_WORDS["other_bones"]) + r")\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+")
_SMALL = frozenset(_WORDS["small"])


def _names() -> list[tuple[frozenset[str], Meaning]]:
    """The words of every label and other name, most words first."""
    by_label = {meaning.label: replace(meaning, code="") for meaning in known_meanings("red_flags")}
    named = [*by_label.items(), *((name, by_label[label]) for name, label in _WORDS["names"].items())]
    found: dict[frozenset[str], Meaning] = {}
    for name, meaning in named:
        found.setdefault(_words(name), meaning)
    return sorted(found.items(), key=lambda item: -len(item[0]))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower())) - _SMALL


_NAMES = _names()


@lru_cache(maxsize=16384)
def emergencies_in(text: str) -> tuple[Meaning, ...]:
    """The red flags whose names' words all stand in this text, in any order; no name that is part of a longer one."""
    said = _ABSENT.sub(" ", text)
    regions = regions_in(said) - {"unknown"}
    words = _words(said) | regions  # 'L1 fracture' is a lumbar one
    found: list[tuple[frozenset[str], Meaning]] = []
    for name, meaning in _NAMES:
        if name <= words and not any(name < longer for longer, _ in found):
            found.append((name, meaning))
    if _OTHER_BONES.search(said):
        found = [(name, meaning) for name, meaning in found if "fracture" not in name]
    return tuple(replace(meaning, regions=Regions(regions) or meaning.regions, label=text) for _, meaning in found)
