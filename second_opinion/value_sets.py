"""Named groups of codes, and what one coding means in each of them."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from second_opinion.codes import SYSTEM_NAMES, plain_code, system_name
from second_opinion.errors import KnowledgeError
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
    own_label: bool = False  # show our label, never the chart's words


SET_KEYS = ("means", "includes", "excludes", "source", "licence", "groups")
GROUP_KEYS = {"regions", "verified_in", "codes", "prefix", "note", "alias_of"}
_ATTRIBUTES = set(Meaning.__struct_fields__) - {"value_set", "label", "code"}
_REGIONS = {"cervical", "thoracic", "lumbar", "sacroiliac"}
_exact: dict[tuple[str, str], list[Meaning]] = {}
_prefixes: dict[str, list[Meaning]] = {}
_local: dict[tuple[str, str], tuple[Meaning, ...]] = {}
_patterns: list[tuple[re.Pattern[str], Meaning]] = []
VALUE_SETS: dict[str, dict[str, Any]] = {}


@lru_cache(maxsize=65536)
def meanings_of(system: str, code: str) -> tuple[Meaning, ...]:
    """Everything our value sets say about one coding; empty when they do not know it."""
    local = _local.get((system.strip(), code.strip()), ())
    name = system_name(system)
    if name is None:
        return local
    code = plain_code(name, code)
    found = list(_exact.get((name, code), ()))
    if name == "ICD10CM":
        above = (_prefixes.get(code[:length], ()) for length in range(len(code), 2, -1))
        found += [replace(meaning, code=f"{name} {code}") for meanings in above for meaning in meanings]
        found = [m if m.regions else _with_site_region(m, code) for m in found if _is_acute(m, code)]
    elif name == "ICD10PCS" and len(code) == 7:
        matching = (meaning for pattern, meaning in _patterns if pattern.match(code))
        found += [replace(m, code=f"{name} {code}", label=m.kind.replace("_", " ")) for m in matching]
    return (*local, *found)


def known_meanings(value_set: str) -> list[Meaning]:
    """Every meaning of one value set, in the order written."""
    listed = (m for meanings in (*_exact.values(), *_prefixes.values()) for m in meanings)
    return [meaning for meaning in listed if meaning.value_set == value_set]


# What remembers answers of meanings_of, and must forget them when local codes change.
caches: list[Callable[[], None]] = [meanings_of.cache_clear]


class LocalCode(Struct, frozen=True):
    """A site's own code, mapped to a kind of one of our value sets. Raises ValueError for a kind that it has not."""

    system: str
    code: str
    value_set: str
    kind: str
    label: str
    regions: Regions = UNKNOWN_REGION

    def __post_init__(self) -> None:
        kinds = {meaning.kind for meaning in known_meanings(self.value_set)}
        if not kinds:
            raise ValueError(f"{self.value_set!r} is no value set. Known: {', '.join(VALUE_SETS)}.")
        if self.kind not in kinds:
            raise ValueError(f"{self.value_set} has no kind {self.kind!r}. Known: {', '.join(sorted(kinds))}.")


def use_local_codes(codes: Iterable[LocalCode]) -> None:
    """Replaces the site's codes. Raises KnowledgeError for one that is mapped twice."""
    added: dict[tuple[str, str], tuple[Meaning, ...]] = {}
    for local in codes:
        key = (local.system, local.code)
        check(key not in added, "site file", f"{local.system} {local.code} is mapped twice. Keep one.")
        like = next(meaning for meaning in known_meanings(local.value_set) if meaning.kind == local.kind)
        added[key] = (replace(like, regions=local.regions, label=local.label, code=f"LOCAL {local.code}"),)
    _local.clear()
    _local.update(added)
    for clear in caches:
        clear()


def _is_acute(meaning: Meaning, code: str) -> bool:
    # A fracture's 7th character: A, B, C are the emergency; D, G, K, P, S are later encounters and sequelae.
    return not meaning.acute_seventh_character or (len(code) == 7 and code[6] in "ABC")


def _with_site_region(meaning: Meaning, code: str) -> Meaning:
    rule = VALUE_SETS["spine_diagnosis"]["region_by_site_character"]
    if any(code.startswith(family.replace(".", "")) for family in rule["six_characters"]) and len(code) < 6:
        return meaning  # a header: its fifth character is not yet a site
    if len(code) < 5 or not code.startswith(tuple(family.replace(".", "") for family in rule["applies_to"])):
        return meaning
    site = code[5] if len(code) == 6 else code[4]
    return replace(meaning, regions=frozenset(rule["regions"].get(site, ())))


def _load(name: str) -> None:
    path = f"value_sets/{name}.yaml"
    VALUE_SETS[name] = value_set = read_yaml(path, SET_KEYS)
    for number, group in enumerate(value_set["groups"], start=1):
        _check_group(path, number, group)
        attributes = {key: value for key, value in group.items() if key not in GROUP_KEYS}
        for line in group["codes"]:
            system, code, label = _parts(path, line)
            regions = frozenset(group.get("regions", ()))
            written = f"{system} {code}"
            meaning = Meaning(value_set=name, regions=regions, label=label, code=written, **attributes)
            _index(system, code, bool(group.get("prefix")), meaning)


def _check_group(path: str, number: int, group: dict[str, Any]) -> None:
    check("kind" in group and "verified_in" in group, path, f"group {number} needs kind and verified_in.")
    unknown = set(group) - GROUP_KEYS - _ATTRIBUTES
    check(not unknown, path, f"group {number} has unknown keys {sorted(unknown)}. Remove or rename them.")
    codes, regions = group.get("codes"), group.get("regions", [])
    lines = isinstance(codes, list) and all(isinstance(line, str) for line in codes)
    check(
        lines, path, f"group {number}: codes must be a list of lines 'SYSTEM CODE label', in quotes if they hold ': '."
    )
    known = isinstance(regions, list) and set(regions) <= _REGIONS
    check(known, path, f"group {number}: regions must be a list of {', '.join(sorted(_REGIONS))}.")


def _parts(path: str, line: str) -> tuple[str, str, str]:
    parts = line.split(" ", 2)
    well_formed = len(parts) == 3 and parts[0] in SYSTEM_NAMES
    check(
        well_formed, path, f"not a code line: {line!r}. Write system, code, label: 'ICD10CM M43.16 Spondylolisthesis'."
    )
    return parts[0], parts[1], parts[2]


def _index(system: str, code: str, prefix: bool, meaning: Meaning) -> None:
    if system == "ICD10PCS":
        try:
            _patterns.append((re.compile(code), meaning))
        except re.error as error:
            raise KnowledgeError(f"{meaning.value_set}.yaml: {code} is no pattern: {error}. Mend it.") from None
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
