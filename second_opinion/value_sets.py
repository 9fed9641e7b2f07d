"""Named groups of codes, and what one coding means in each of them."""

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from second_opinion.codes import SYSTEM_NAMES, plain_code, system_name
from second_opinion.knowledge import check, read_yaml

Regions = frozenset[str]
UNKNOWN_REGION: Regions = frozenset()


class Meaning(Struct, frozen=True, gc=False):
    """What a code (or words) means in one value set. `regions` empty: the region is unknown."""

    value_set: str
    kind: str
    regions: Regions = UNKNOWN_REGION
    label: str = ""
    code: str = ""  # as we write it: 'CPT 22612'; empty when read from words
    modality: str = ""
    strength: str = ""
    urgency: str = ""
    role: str = ""
    needs: str = ""
    nonspecific_pain: bool = False
    acute_seventh_character: bool = False


_NEEDS = ("means", "includes", "excludes", "source", "licence", "groups")
_GROUP_ONLY = {"regions", "verified_in", "codes", "prefix", "note", "alias_of"}
_exact: dict[tuple[str, str], list[Meaning]] = {}
_prefixes: dict[str, list[Meaning]] = {}
_patterns: list[tuple[re.Pattern[str], Meaning]] = []
VALUE_SETS: dict[str, dict[str, Any]] = {}


@lru_cache(maxsize=65536)
def meanings_of(system: str, code: str) -> tuple[Meaning, ...]:
    """Everything our value sets say about one coding; empty when they do not know it."""
    name = system_name(system)
    if name is None:
        return ()
    code = plain_code(name, code)
    found = list(_exact.get((name, code), ()))
    if name == "ICD10CM":
        above = (_prefixes.get(code[:length], ()) for length in range(len(code), 2, -1))
        found += [replace(meaning, code=f"{name} {code}") for meanings in above for meaning in meanings]
        found = [m if m.regions else _with_site_region(m, code) for m in found if _is_acute(m, code)]
    elif name == "ICD10PCS" and len(code) == 7:
        matching = (meaning for pattern, meaning in _patterns if pattern.match(code))
        found += [replace(m, code=f"{name} {code}", label=m.kind.replace("_", " ")) for m in matching]
    return tuple(found)


def knows(system: str, code: str) -> bool:
    """Whether any value set names this coding."""
    return bool(meanings_of(system, code))


def _is_acute(meaning: Meaning, code: str) -> bool:
    # A fracture's 7th character: A, B, C are the emergency; D, G, K, P, S are later encounters and sequelae.
    return not meaning.acute_seventh_character or (len(code) == 7 and code[6] in "ABC")


def _with_site_region(meaning: Meaning, code: str) -> Meaning:
    rule = VALUE_SETS["spine_diagnosis"]["region_by_site_character"]
    if len(code) < 5 or not code.startswith(tuple(family.replace(".", "") for family in rule["applies_to"])):
        return meaning
    site = code[5] if len(code) == 6 else code[4]
    return replace(meaning, regions=frozenset(rule["regions"].get(site, ())))


def _load(name: str) -> None:
    path = f"value_sets/{name}.yaml"
    VALUE_SETS[name] = value_set = read_yaml(path, _NEEDS)
    for number, group in enumerate(value_set["groups"], start=1):
        check("kind" in group and "verified_in" in group, path, f"group {number} needs kind and verified_in.")
        unknown = set(group) - _GROUP_ONLY - set(Meaning.__struct_fields__)
        check(not unknown, path, f"group {number} has unknown keys {sorted(unknown)}. Remove or rename them.")
        attributes = {key: value for key, value in group.items() if key not in _GROUP_ONLY}
        for line in group["codes"]:
            system, code, label = _parts(path, line)
            regions = frozenset(group.get("regions", ()))
            written = f"{system} {code}"
            meaning = Meaning(value_set=name, regions=regions, label=label, code=written, **attributes)
            _index(system, code, bool(group.get("prefix")), meaning)


def _parts(path: str, line: str) -> tuple[str, str, str]:
    parts = line.split(" ", 2)
    well_formed = len(parts) == 3 and parts[0] in SYSTEM_NAMES
    check(
        well_formed, path, f"not a code line: {line!r}. Write system, code, label: 'ICD10CM M43.16 Spondylolisthesis'."
    )
    return parts[0], parts[1], parts[2]


def _index(system: str, code: str, prefix: bool, meaning: Meaning) -> None:
    if system == "ICD10PCS":
        _patterns.append((re.compile(code), meaning))
        return
    system = "CPT" if system == "HCPCS" else system
    code = plain_code(system, code)
    if prefix:
        _prefixes.setdefault(code, []).append(meaning)
    else:
        _exact.setdefault((system, code), []).append(meaning)


def load_value_sets(names: Iterable[str]) -> None:
    """Reads the value sets named; raises KnowledgeError naming file and group."""
    for name in names:
        _load(name)


load_value_sets(
    sorted(f.name[:-5] for f in files("second_opinion").joinpath("value_sets").iterdir() if f.name.endswith(".yaml"))
)
