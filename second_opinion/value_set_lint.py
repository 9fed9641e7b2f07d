"""What is wrong with the codes of value sets, as far as it shows without a terminology server or a code list."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from second_opinion.codes import SYSTEM_NAMES, plain_code, system_name
from second_opinion.value_sets import meanings_of


class Entry(Struct, frozen=True):
    """A code line in its group and file; a whole group or file, where the rest is empty."""

    file: str
    line: int = 1
    group: int = 0
    system: str = ""
    code: str = ""
    label: str = ""
    value_set: str = ""
    kind: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The same for one code however it is written; HCPCS level I is CPT."""
        system = "CPT" if self.system == "HCPCS" else self.system
        return system, plain_code(system, self.code)

    @property
    def is_local(self) -> bool:
        return self.system == "LOCAL" or ":" in self.system


class Fault(Struct, frozen=True):
    """What is wrong, and what to do. Whether a warning is right is for a person to judge."""

    at: Entry
    says: str
    is_warning: bool = False


_SHAPES = {
    "CPT": (r"\d{4}[\dAFMTU]", "five digits, or four and A, F, M, T or U"),
    "HCPCS": (r"[A-V]\d{4}", "a letter A to V and four digits"),
    # Letters I and O are chapters only; further on they are a mistyped 1 or 0.
    "ICD10CM": (r"[A-Z]\d[\dAB](\.?[\dA-HJ-NP-Z]{1,4})?", "it like M43.16, with digits 1 and 0 for I and O"),
    "SNOMED": (r"[1-9]\d{2,14}[01]0\d", "6 to 18 digits with 00 or 10 before the last: a concept's, no description's"),
    "LOINC": (r"\d{1,7}-\d", "it like 97909-6"),
    "RXNORM": (r"[1-9]\d{0,7}", "digits only"),
    "V2-0336": (r"[OPSW]", "O, P, S or W"),
}
# From the notes of our value sets. Headers such as M54.5 and M51.36 are not here: older charts carry them.
_RETIRED = {
    **{f"CPT {code}": "deleted" for code in (99241, 99251)},
    **{f"CPT {code}": "deleted in 2006" for code in range(99271, 99276)},
    "CPT 0275T": "deleted for 2026; 62330 and 62331 took its place",
    "CPT 0163T": "deleted; 22860 took its place",
    "SNOMED 183944003": "replaced by 1296859006",
}
_NEED_CPT = ("spine_surgery", "nonsurgical_care", "second_opinion")
_OPERATION_CPT = re.compile(r"22[0-8]\d\d|63\d{3}")  # spinal injections are among 62xxx and 64xxx
_EXAMPLE = re.compile(r"\(such as (\w+)\)$")  # in the label of an ICD-10-PCS pattern
_PCS_CODE = re.compile(r"[\dBCDFGHX][\dA-HJ-NP-Z]{6}")  # never I or O
_SUFFIX = re.compile(r"\s*\([^()]*\)$")
_VERHOEFF_TURNS = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def faults_of(entries: Iterable[Entry]) -> Iterator[Fault]:
    """Each code by itself and against those before it, then sets without a system they need."""
    by_code: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in entries:
        if says := _wrong(entry):
            yield Fault(entry, says)
        for earlier in by_code[entry.key]:
            yield from _against(entry, earlier)
        by_code[entry.key].append(entry)
        if not entry.is_local:
            files[entry.value_set].setdefault(entry.key[0], entry.file)
    for by_system in (files[name] for name in _NEED_CPT):  # nothing but local codes: it adds to ours
        if by_system and "CPT" not in by_system:
            yield Fault(Entry(min(by_system.values())), "it has no CPT or HCPCS, which most US charts use. Add them.")


def _wrong(entry: Entry) -> str:
    system, code = entry.key
    if entry.system not in SYSTEM_NAMES:
        if known := system_name(entry.system):
            return f"{entry.system} is {known} under another name. Write {known}."
        return "" if entry.is_local else f"{entry.system} is no system we know. Write one of ours, or LOCAL."
    if system == "ICD10PCS":
        return _wrong_pattern(entry)
    shape, words = _SHAPES[entry.system]
    if not re.fullmatch(shape, entry.code.upper()):
        return f"it does not look like {entry.system}. Write {words}."
    if system in ("SNOMED", "LOINC") and not _check_digit_fits(system, code):
        return "the check digit does not fit: a digit is wrong. Copy it again from its source."
    if (retired := _RETIRED.get(f"{system} {code}")) and not re.search("historic|older|replaced", entry.note.lower()):
        return f"it was {retired}. Take it out, or say in the note of its group that it is historic."
    return _surgical(entry, code)


def _wrong_pattern(entry: Entry) -> str:
    if re.search("[IO]", entry.code):
        return "it has a letter I or O, which no ICD-10-PCS code has. Write 1 or 0."
    example = found[1] if (found := _EXAMPLE.search(entry.label)) else entry.code.strip("^$")
    if not _PCS_CODE.fullmatch(example):
        return "no code shows what it matches. End its label with one of 7 characters: (such as 0SG0070)."
    try:
        matches = re.match(entry.code, example)
    except (re.error, OverflowError) as error:
        return f"it is no pattern: {error}. Write it like ^0SG[013]."
    return _surgical(entry, example) if matches else f"it does not match its example {example}. Mend one of them."


def _surgical(entry: Entry, code: str) -> str:
    system = entry.key[0]
    by_number = {"CPT": _OPERATION_CPT.fullmatch(code), "ICD10PCS": code[0] == "0"}.get(system)
    is_operation = by_number or any(meaning.value_set == "spine_surgery" for meaning in meanings_of(system, code))
    if is_operation and entry.value_set not in ("spine_surgery", "spine_surgery_history"):
        return "it is an operation. Take it out: only spine_surgery names operations."
    return ""


def _against(entry: Entry, earlier: Entry) -> Iterator[Fault]:
    where = f"{earlier.file}:{earlier.line}"
    if entry.value_set == earlier.value_set or entry.is_local:
        here, there = f"{entry.value_set} {entry.kind}", f"{earlier.value_set} {earlier.kind}"
        if here == there:
            here, there = entry.label, earlier.label
        says = f"it is already in {where}" if here == there else f"it is {here!r} here, {there!r} in {where}"
        yield Fault(entry, f"{says}. Keep one.")
    elif len({_SUFFIX.sub("", label).casefold() for label in (entry.label, earlier.label)}) > 1:
        yield Fault(entry, f"it is {earlier.label!r} in {where}. Make sure that both mean the same.", is_warning=True)


def _check_digit_fits(system: str, code: str) -> bool:
    digits = [int(digit) for digit in reversed(code.replace("-", ""))]
    if system == "LOINC":
        return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
    check = 0  # SNOMED: Verhoeff
    for place, digit in enumerate(digits):
        for _ in range(place % 8):
            digit = _VERHOEFF_TURNS[digit]
        check = (check + digit if check < 5 else check - digit) % 5 + 5 * ((check < 5) != (digit < 5))
    return check == 0
