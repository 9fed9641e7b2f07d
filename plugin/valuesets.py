"""`second-opinion valuesets`: reads value sets with their line numbers, and prints what is wrong with them."""

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path, PurePath
from typing import Any

import click
import yaml
from msgspec import json
from msgspec.structs import replace

from second_opinion.value_set_lint import Entry, Fault, faults_of
from second_opinion.value_sets import GROUP_KEYS, SET_KEYS, VALUE_SETS, Meaning, meanings_of

_NOT_CHECKED = "Not checked: whether a system has a code today; whether a CPT label is the AMA's own wording."
_GROUP_KEYS = GROUP_KEYS | set(Meaning.__struct_fields__) - {"value_set", "label", "code"}
_CHOSEN = ("kind", "alias_of", "modality", "strength", "urgency", "role", "needs")
_OUR_GROUPS = {name: value_set["groups"] for name, value_set in VALUE_SETS.items()}
_REGIONS = {region for groups in _OUR_GROUPS.values() for group in groups for region in group.get("regions", ())}


class Located(str):
    """Words of a file that know their line."""

    line = 1


class _Loader(yaml.CSafeLoader):
    """Safe; words know their line; a key written twice is an error, where plain YAML forgets the first one's codes."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if (words := str(key.value)) in seen:
                raise yaml.MarkedYAMLError(problem=f"{words} is written twice here", problem_mark=key.start_mark)
            seen.add(words)
        return super().construct_mapping(node, deep)

    def construct_words(self, node: yaml.ScalarNode) -> Located:
        words = Located(self.construct_scalar(node))
        words.line = node.start_mark.line + 1
        return words


_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_words)


@click.group()
def valuesets() -> None:
    """Value sets: which codes mean what."""


@valuesets.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[FILE]...")
@click.option("--json", "json_lines", is_flag=True, help="One JSON line a fault, then one with the counts.")
def lint(paths: tuple[Path, ...], json_lines: bool) -> None:
    """Checks value sets: those we ship, or a site's own FILEs of the same form.

    A FILE is named after the value set it is about: nonsurgical_care.yaml, nonsurgical_care.our-site.yaml. A site's own
    codes have the system LOCAL, or the URN of their system. The exit code is 1 if there is a fault; warnings are none.
    """
    shipped = {(file := f"value_sets/{name}.yaml"): files("second_opinion").joinpath(file) for name in VALUE_SETS}
    sources = {str(path): path for path in paths} or shipped
    read = [item for file, source in sources.items() for item in read_value_set(file, source.read_bytes())]
    entries = [item for item in read if isinstance(item, Entry)]
    faults = [*(item for item in read if isinstance(item, Fault)), *faults_of(entries)]
    for fault in sorted(faults, key=lambda fault: (fault.at.file, fault.at.line)):
        click.echo(json.encode(_as_json(fault)) if json_lines else _as_text(fault))
    warnings = sum(fault.is_warning for fault in faults)
    counts = {"value_sets": len(sources), "codes": len(entries), "faults": len(faults) - warnings, "warnings": warnings}
    text = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
    click.echo(json.encode(counts) if json_lines else f"Checked: {text}. {_NOT_CHECKED}")
    sys.exit(1 if counts["faults"] else 0)


def read_value_set(file: str, body: bytes) -> Iterator[Entry | Fault]:
    """The code lines, and what is wrong with the form."""
    whole = Entry(file, value_set=PurePath(file).name.split(".")[0])
    try:
        content = yaml.load(body, Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, ValueError) as error:
        line = mark.line + 1 if (mark := getattr(error, "problem_mark", None)) else 1
        says = " ".join(str(getattr(error, "problem", error)).split())
        yield Fault(replace(whole, line=line), f"it is not YAML: {says}. Mend this line.")
        return
    content = content if isinstance(content, dict) else {}
    for key in SET_KEYS:
        if not content.get(key):
            yield Fault(whole, f"it lacks {key}. Add it; our own value sets show how.")
    if whole.value_set not in VALUE_SETS:
        yield Fault(whole, f"no rule reads {whole.value_set}. Name the file after one of: {', '.join(VALUE_SETS)}.")
    groups = content.get("groups") or []
    for number, group in enumerate(groups if isinstance(groups, list) else [groups], start=1):
        group = group if isinstance(group, dict) else {}
        kind, note = str(group.get("kind", "")), str(group.get("note", ""))
        yield from _read_group(replace(whole, line=_line_of(group, 1), group=number, kind=kind, note=note), group)


def _read_group(place: Entry, group: dict[str, Any]) -> Iterator[Entry | Fault]:
    codes = group["codes"] if isinstance(group.get("codes"), list) else []
    for key, value in {"kind": place.kind, "verified_in": group.get("verified_in"), "a list of codes": codes}.items():
        if not value:
            yield Fault(place, f"the group lacks {key}. Add it.")
    for key in sorted(group.keys() - _GROUP_KEYS, key=str):
        yield Fault(place, f"no rule reads {key}. Remove or rename it.")
    for key in _CHOSEN:
        ours = {known[key] for known in _OUR_GROUPS.get(place.value_set, ()) if key in known}
        if ours and (value := str(group.get(key, ""))) not in {*ours, ""}:
            yield Fault(place, f"no rule reads {key} {value}. Write one of: {', '.join(sorted(ours))}.")
    if not isinstance(regions := group.get("regions", []), list) or set(map(str, regions)) - _REGIONS:
        yield Fault(place, f"regions {regions} cannot be read. Write a list of some of: {', '.join(sorted(_REGIONS))}.")
    for line in codes:
        yield from _read_line(replace(place, line=_line_of(line, place.line)), line, bool(group.get("prefix")))


def _read_line(place: Entry, line: Any, is_prefix: bool) -> Iterator[Entry | Fault]:
    parts = line.split(" ", 2) if isinstance(line, str) else ()
    if len(parts) < 3:
        yield Fault(place, f"{line!r} is no code line. Write system, code and label; quote it if it has a colon.")
        return
    entry = replace(place, system=parts[0], code=parts[1], label=parts[2])
    yield entry
    if is_prefix and entry.system != "ICD10CM":
        yield Fault(entry, "it is never found: prefix works for ICD10CM only. List the codes below it.")
    ours = {meaning.kind for meaning in meanings_of(*entry.key) if meaning.value_set == entry.value_set}
    if ours and entry.kind not in ours:
        yield Fault(entry, f"we ship it as {', '.join(ours)}. Make sure that you mean {entry.kind}.", is_warning=True)


def _line_of(value: Any, otherwise: int) -> int:
    first = next(iter(value), None) if isinstance(value, dict) else value
    return getattr(first, "line", otherwise)


def _as_text(fault: Fault) -> str:
    at = fault.at
    group = f"group {at.group}: " if at.group else ""
    code = f"{at.system} {at.code}: " if at.code else ""
    return f"{at.file}:{at.line}: {'warning: ' * fault.is_warning}{group}{code}{fault.says}"


def _as_json(fault: Fault) -> dict[str, Any]:
    at, code = fault.at, f"{fault.at.system} {fault.at.code}".strip()
    where = {"file": at.file, "line": at.line, "group": at.group or None, "code": code or None}
    return {**where, "says": fault.says, "warning": fault.is_warning}
