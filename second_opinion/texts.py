"""Reads operations, nonsurgical care and imaging from words, where no coding is recognised. Words are in texts.yaml."""

import re
from collections.abc import Iterable
from functools import lru_cache

from msgspec.structs import replace

from second_opinion.knowledge import read_yaml
from second_opinion.value_sets import VALUE_SETS, Meaning, Regions, known_meanings

_WORDS = read_yaml("texts.yaml", ("operations", "regions", "imaging", "care", "referral"))
KINDS_BY_INVASIVENESS = (
    "revision", "deformity", "corpectomy", "fusion", "instrumentation", "interspinous_or_facet_implant",
    "disc_arthroplasty", "decompression", "discectomy",
)  # fmt: skip


def _any(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?<!non-)(?<!pre-)(?<!post-)(?:" + "|".join(words) + r")(?!\w)", re.IGNORECASE)


_OPERATIONS = {kind: _any(words) for kind, words in _WORDS["operations"].items()}
_ALONE = {region: _any(words) for region, words in _WORDS["operations_alone"].items()}
_REVISION = _any(_WORDS["revision"])
_REGIONS = {region: _any(words) for region, words in _WORDS["regions"].items()}
_GUIDED = _any([r"(?:ct|mri|x-?ray|fluoro\w*|image)[ -](?:guid|navigat)\w*"])
_NOT_AN_OPERATION = _any(_WORDS["not_an_operation"])
_LETTERS = {"c": "cervical", "t": "thoracic", "l": "lumbar", "s": "lumbar"}
_LEVEL = re.compile(r"\b([ctls])(?:1[0-2]|[1-9])(?:\s?(?:-|/|to|and)\s?([ctls])?(?:1[0-2]|[1-9]))?\b", re.IGNORECASE)
_JOINT = "(?:" + "|".join(_WORDS["other_joints"]) + ")"
_FUSED = r"(?:fusion|arthrodesis|decompression|replacement|arthroplasty)"
# What is fused is another joint: 'ankle fusion', 'fusion of the left knee'; 'with graft from the hip' is not that.
_OTHER_JOINT = re.compile(
    rf"\b{_JOINT}(?:[ -]joint)? {_FUSED}\b|\b{_FUSED}(?: of)?(?: the)?(?: left| right)?,? {_JOINT}\b", re.IGNORECASE
)
_HISTORY = re.compile(r"\b(?:" + "|".join(_WORDS["history"]) + r")\b[^,;.()]*", re.IGNORECASE)
_IMAGING = {kind: _any(words) for kind, words in _WORDS["imaging"].items()}
_CARE = {kind: _any(words) for kind, words in _WORDS["care"].items()}
# What follows such a word, up to the next comma or stop, is not what the patient has.
_NOT_DIAGNOSED = re.compile(r"\b(?:" + "|".join(_WORDS["not_diagnosed"]) + r")\b[^,;.()]*", re.IGNORECASE)
_OTHER_PARTS = _any(_WORDS["other_parts"])
_NOT_CARE = _any(_WORDS["not_care"])
_REFERRAL = _any(_WORDS["referral"])
_NAMES = VALUE_SETS["analgesics"]["names"]
_DRUG = {kind: _any(names) for kind, names in _NAMES.items()}
_ANY_DRUG = _any(name for names in _NAMES.values() for name in names)
_MODALITY = {
    group["kind"]: group["modality"] for group in VALUE_SETS["nonsurgical_care"]["groups"] if "modality" in group
} | {"injection": "injection"}


@lru_cache(maxsize=16384)
def operation_in(text: str) -> Meaning | None:
    """The spine operation that this text names, or None."""
    said = _GUIDED.sub(" ", text)
    if _NOT_AN_OPERATION.search(said):
        return None
    now = _HISTORY.sub(" ", _OTHER_JOINT.sub(" ", said))
    kinds = {kind for kind, pattern in _OPERATIONS.items() if pattern.search(now)}
    alone = {region for region, pattern in _ALONE.items() if pattern.search(now)}
    regions = alone | set(regions_in(now) or regions_in(text))
    if alone:
        kinds.add("fusion")
    if not kinds or not regions:
        return None
    if _REVISION.search(now):
        kinds.add("revision")
    kind = min(kinds, key=KINDS_BY_INVASIVENESS.index)
    return Meaning(value_set="spine_surgery", kind=kind, regions=Regions(regions - {"unknown"}), label=text)


def regions_in(text: str) -> set[str]:
    """The regions that a text names, by word or level; 'unknown' for a spine of no named region."""
    named = {region for region, pattern in _REGIONS.items() if pattern.search(text)}
    letters = (letter for level in _LEVEL.finditer(text) for letter in level.groups() if letter)
    return named | {_LETTERS[letter.lower()] for letter in letters}


@lru_cache(maxsize=16384)
def care_in(text: str) -> Meaning | None:
    """The nonsurgical care that this text names, or None; a referral is an order, not care."""
    if _NOT_CARE.search(text):
        return None
    for kind, pattern in _CARE.items():
        if pattern.search(text):
            if _REFERRAL.search(text):
                return Meaning(value_set="nonsurgical_care", kind=f"{kind}_referral", label=text)
            regions = Regions(regions_in(text) - {"unknown"})
            modality = _MODALITY[kind]
            return Meaning(value_set="nonsurgical_care", kind=kind, regions=regions, modality=modality, label=text)
    return None


@lru_cache(maxsize=16384)
def imaging_in(text: str) -> Meaning | None:
    """The imaging of the spine that this text names, or None; an image that only guides something else is none."""
    said = _GUIDED.sub(" ", text)
    kind = next((kind for kind, pattern in _IMAGING.items() if pattern.search(said)), None)
    regions = regions_in(said) if kind else set()
    if kind is None or not regions or _REFERRAL.search(said):
        return None
    return Meaning(value_set="spine_imaging", kind=kind, regions=Regions(regions - {"unknown"}), label=text)


@lru_cache(maxsize=16384)
def medicine_in(text: str) -> Meaning | None:
    """The class of pain medicine that this product name holds; an opioid ingredient decides."""
    if not _ANY_DRUG.search(text):
        return None
    kinds = [kind for kind, pattern in _DRUG.items() if pattern.search(text)]
    if "opioid" in kinds:
        return Meaning(value_set="analgesics", kind="opioid", label=text)
    return Meaning(value_set="analgesics", kind=kinds[0], modality="medication", label=text)


def _diagnosis_names() -> list[tuple[frozenset[str], Meaning]]:
    """The words of every label and kind of the diagnoses we know and of their other names, most words first.

    A label tells the region; a kind (disc displacement) does not.
    """
    names: dict[frozenset[str], Meaning] = {}
    known = known_meanings("spine_diagnosis")
    of_kind = {meaning.kind: replace(meaning, regions=Regions(), code="") for meaning in known}
    named = [(meaning.label, replace(meaning, code="")) for meaning in known]
    named += [
        (name, of_kind[kind]) for kind, others in _WORDS["diagnoses"].items() if kind in of_kind for name in others
    ]
    named += [(kind.replace("_", " "), meaning) for kind, meaning in of_kind.items()]
    for name, meaning in named:
        if words := frozenset(_WORD.findall(name.lower())) - _SMALL:
            names.setdefault(words, meaning)
    return sorted(names.items(), key=lambda item: -len(item[0]))


_WORD = re.compile(r"[a-z]+")
_SMALL = frozenset(
    "of the and in with without or other unspecified region site not elsewhere classified due to".split()
)
_SPINE_ONLY = frozenset(_WORDS["spine_only"])
_DIAGNOSES = _diagnosis_names()


@lru_cache(maxsize=16384)
def diagnosis_in(text: str) -> Meaning | None:
    """The diagnosis whose name's words all stand in this text, in any order; the region is what the text says.

    Stenosis, instability or a deformity may be any organ's: the text must say that it is the spine.
    """
    if _OTHER_PARTS.search(text):
        return None
    said = _NOT_DIAGNOSED.sub(" ", text).lower().replace("disk", "disc")
    words = frozenset(_WORD.findall(said)) - _SMALL
    regions = regions_in(said)
    for name, meaning in _DIAGNOSES:
        if name <= words and (regions or words & _SPINE_ONLY or name == words):
            return replace(meaning, regions=Regions(regions - {"unknown"}) or meaning.regions, label=text)
    return None
