"""Value sets: every file whole and every code found again; what is broken stops the start and says how to mend it."""

import os
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.vignette_resources import SYSTEMS
from second_opinion.codes import SYSTEM_NAMES
from second_opinion.errors import KnowledgeError
from second_opinion.nonsurgical import modalities
from second_opinion.planned_surgery import AGAINST_INFECTION_TRAUMA_TUMOUR, TRIGGER_KINDS
from second_opinion.record import Event
from second_opinion.rules import nonsurgical_care
from second_opinion.value_sets import VALUE_SETS, Meaning, load_value_sets, meanings_of

FOLDER = Path(str(files("second_opinion"))) / "value_sets"
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
REGIONS = {"cervical", "thoracic", "lumbar", "sacroiliac"}
NEVER_A_TRIGGER = {
    "spinal_cord_stimulator", "spinal_cord_stimulator_revision", "vertebral_augmentation", "sacroiliac_fusion",
    "any_spine_surgery", "other_spine_procedure", AGAINST_INFECTION_TRAUMA_TUMOUR,
}  # fmt: skip


def groups() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in FILES:
        for group in VALUE_SETS[name]["groups"]:
            yield name, group


def lines(*systems: str) -> Iterator[tuple[str, dict[str, Any], str, str, str]]:
    """(value set, group, system, code, label) of every line of these systems."""
    for name, group in groups():
        for line in group["codes"]:
            system, code, label = line.split(" ", 2)
            if not systems or system in systems:
                yield name, group, system, code, label


def meant(written: str, value_set: str = "") -> set[tuple[str, frozenset[str]]]:
    """What a coding such as 'CPT 22612' means: kinds with their regions."""
    system, code = written.split(" ", 1)
    found = meanings_of(SYSTEMS[system], code)
    return {(meaning.kind, meaning.regions) for meaning in found if value_set in ("", meaning.value_set)}


def kinds(written: str, value_set: str = "") -> set[str]:
    return {kind for kind, _ in meant(written, value_set)}


def regions(written: str) -> frozenset[str]:
    return frozenset().union(*(regions for _, regions in meant(written)))


# ---- the files


def test_every_file_is_loaded() -> None:
    assert set(VALUE_SETS) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_value_set_says_what_it_means_and_where_it_is_from(name: str) -> None:
    value_set = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    for key in ("means", "includes", "excludes", "source", "licence"):
        assert isinstance(value_set[key], str) and value_set[key].strip(), key
    assert value_set["groups"]


@pytest.mark.parametrize("name", FILES)
def test_every_group_says_where_its_codes_were_verified(name: str) -> None:
    for number, group in enumerate(VALUE_SETS[name]["groups"], start=1):
        assert str(group["verified_in"] or "").strip(), f"group {number}"
        assert group["codes"], f"group {number}"


def test_groups_use_only_words_that_the_rules_know() -> None:
    for name, group in groups():
        assert set(group.get("regions", ())) <= REGIONS, group
        assert group.get("urgency", "") in ("", "conditional", "weak_alone"), group
        assert group.get("strength", "") in ("", "strong", "moderate", "weak", "red_flag_only"), group
        assert group.get("modality", "") in ("", *nonsurgical_care.PAGE["modalities"]), group
        assert name != "spine_surgery" or group["kind"] in {*TRIGGER_KINDS, *NEVER_A_TRIGGER}, group
        assert group.get("needs", "") in ("", *FILES), group


def test_prefixes_are_icd_10_cm_only() -> None:
    """Only there are codes looked up by their beginning."""
    for _, group in groups():
        if group.get("prefix"):
            assert all(line.startswith("ICD10CM ") for line in group["codes"]), group


def test_every_code_line_is_found_again_with_its_meaning() -> None:
    for name, group, system, code, label in lines():
        if system == "ICD10PCS":
            continue
        if group.get("acute_seventh_character"):
            code = code.replace(".", "").ljust(6, "X") + "A"
        expected = (group["kind"], frozenset(group.get("regions", ())))
        found = meant(f"{system} {code}", name)
        assert expected in found or (not expected[1] and expected[0] in {kind for kind, _ in found}), (
            name,
            code,
            label,
        )


def test_every_icd_10_pcs_pattern_knows_its_own_example() -> None:
    for name, group, system, code, label in lines("ICD10PCS"):
        re.compile(code)
        assert code.startswith("^"), code
        for example in re.findall(r"such as ([0-9A-Z]{7})", label):
            assert group["kind"] in kinds(f"{system} {example}", name), (code, example)


def test_every_file_writes_systems_that_we_know() -> None:
    assert {system for _, _, system, _, _ in lines()} <= SYSTEM_NAMES


def test_a_code_has_one_kind_in_the_operations() -> None:
    """Two kinds for one operation would make it the more invasive one."""
    for _, _, system, code, _ in lines("CPT", "HCPCS", "SNOMED"):
        found = kinds(f"{system} {code}", "spine_surgery")
        assert len(found - {"any_spine_surgery"}) <= 1, (code, found)


REGION_OF_WORDS = {
    "cervicothoracic region": {"cervical", "thoracic"}, "thoracolumbar region": {"thoracic", "lumbar"},
    "occipito-atlanto-axial region": {"cervical"}, "cervical region": {"cervical"}, "thoracic region": {"thoracic"},
    "lumbar region": {"lumbar"}, "lumbosacral region": {"lumbar"}, "sacral and sacrococcygeal region": {"lumbar"},
}  # fmt: skip


def test_a_diagnosis_has_the_region_that_its_name_says() -> None:
    for name, group, system, code, label in lines("ICD10CM"):
        words = [words for words in REGION_OF_WORDS if re.search(rf"\b{words}", label)]
        if len(words) == 1 and not group.get("acute_seventh_character"):
            assert regions(f"{system} {code}") == REGION_OF_WORDS[words[0]], (name, code, label)


# ---- operations


@pytest.mark.parametrize(
    ("code", "kind", "where"),
    [
        ("CPT 22612", "fusion", {"lumbar"}),
        ("CPT 22612-51", "fusion", {"lumbar"}),
        ("HCPCS 22612", "fusion", {"lumbar"}),
        ("CPT 22551", "fusion", {"cervical"}),
        ("CPT 63047", "decompression", {"lumbar"}),
        ("CPT 63048", "decompression", set()),
        ("CPT 63057", "decompression", {"thoracic", "lumbar"}),
        ("CPT 0274T", "decompression", {"cervical", "thoracic"}),
        ("CPT 63030", "discectomy", {"lumbar"}),
        ("CPT 22856", "disc_arthroplasty", {"cervical"}),
        ("CPT 63081", "corpectomy", {"cervical"}),
        ("CPT 22840", "instrumentation", set()),
        ("CPT 27279", "sacroiliac_fusion", {"sacroiliac"}),
        ("CPT 22513", "vertebral_augmentation", {"thoracic"}),
        ("CPT 63650", "spinal_cord_stimulator", set()),
        ("ICD10PCS 0SG0070", "fusion", {"lumbar"}),
        ("ICD10PCS 0sg0070", "fusion", {"lumbar"}),
        ("ICD10PCS 0SG3071", "fusion", {"lumbar"}),
        ("ICD10PCS 0RG1070", "fusion", {"cervical"}),
        ("ICD10PCS 0RG4070", "fusion", {"cervical", "thoracic"}),
        ("ICD10PCS 0RG6070", "fusion", {"thoracic"}),
        ("ICD10PCS 0RGA070", "fusion", {"thoracic", "lumbar"}),
        ("ICD10PCS 0SG704Z", "sacroiliac_fusion", {"sacroiliac"}),
        ("ICD10PCS 0RB30ZZ", "discectomy", {"cervical"}),
    ],
)
def test_an_operation_has_its_kind_and_region(code: str, kind: str, where: set[str]) -> None:
    assert meant(code, "spine_surgery") == {(kind, frozenset(where))}


@pytest.mark.parametrize(
    "code",
    [
        "ICD10PCS 0SG00",  # all seven characters are needed
        "ICD10PCS 0SG007",
        "ICD10PCS 0SG00701",
        "ICD10PCS 0SG5070",  # sacrococcygeal joint
        "ICD10PCS 0SG6070",  # coccygeal joint
        "ICD10PCS 0SG9070",  # hip
        "ICD10PCS 0SGC070",  # knee
        "ICD10PCS 0SGF070",  # ankle
        "ICD10PCS 0RGJ070",  # shoulder
        "ICD10PCS 0RGN070",  # wrist
        "CPT 27447",  # knee replacement
        "CPT 22612X",
        "CPT 2261",
        "SNOMED 80146002",
    ],
)
def test_a_neighbour_of_an_operation_is_none(code: str) -> None:
    assert not kinds(code, "spine_surgery")


def test_a_meaning_names_the_code_that_was_sent() -> None:
    (meaning,) = meanings_of(SYSTEMS["CPT"], "22612-51")
    assert meaning.code == "CPT 22612"
    (fusion,) = meanings_of(SYSTEMS["ICD10PCS"], "0sg0070")
    assert (fusion.code, fusion.label) == ("ICD10PCS 0SG0070", "fusion")
    assert {meaning.code for meaning in meanings_of(SYSTEMS["ICD10CM"], "s12.000a")} == {"ICD10CM S12000A"}


# ---- diagnoses


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("ICD10CM M43.16", {"lumbar"}),
        ("ICD10CM M4316", {"lumbar"}),
        ("ICD10CM M43.11", {"cervical"}),
        ("ICD10CM M43.12", {"cervical"}),
        ("ICD10CM M43.13", {"cervical", "thoracic"}),
        ("ICD10CM M43.14", {"thoracic"}),
        ("ICD10CM M43.15", {"thoracic", "lumbar"}),
        ("ICD10CM M43.17", {"lumbar"}),
        ("ICD10CM M43.18", {"lumbar"}),
        ("ICD10CM M43.10", set()),  # site unspecified
        ("ICD10CM M43.19", set()),  # multiple sites
        ("ICD10CM M43.1", set()),
        ("ICD10CM M48.02", {"cervical"}),
        ("ICD10CM M48.061", {"lumbar"}),  # its sixth character is no site
        ("ICD10CM M48.062", {"lumbar"}),
        ("ICD10CM M48.07", {"lumbar"}),
        ("ICD10CM M47.812", {"cervical"}),
        ("ICD10CM M47.816", {"lumbar"}),
        ("ICD10CM M47.22", {"cervical"}),
        ("ICD10CM M47.819", set()),
        ("ICD10CM M41.26", {"lumbar"}),
        ("ICD10CM M41.126", {"lumbar"}),  # its sixth character is the site
        ("ICD10CM M41.12", set()),  # a header: its fifth character is none
        ("ICD10CM M40.204", {"thoracic"}),
        ("ICD10CM M40.20", set()),
        ("ICD10CM M54.12", {"cervical"}),
        ("ICD10CM M54.16", {"lumbar"}),
        ("ICD10CM M54.31", {"lumbar"}),  # sciatica: its site character is a side
        ("ICD10CM M54.41", {"lumbar"}),
        ("ICD10CM M54.2", {"cervical"}),
        ("ICD10CM M54.50", {"lumbar"}),
        ("ICD10CM M54.6", {"thoracic"}),
        ("ICD10CM M51.16", {"lumbar"}),
        ("ICD10CM M50.122", {"cervical"}),
        ("ICD10CM M51.0", set()),
    ],
)
def test_a_diagnosis_takes_its_region_from_its_group_else_from_its_site_character(code: str, where: set[str]) -> None:
    assert kinds(code), "no value set knows it"
    assert regions(code) == where


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ICD10CM G83.4", "cauda_equina"),
        ("ICD10CM G95.2", "cord_compression"),
        ("ICD10CM G95.20", "cord_compression"),
        ("ICD10CM G9529", "cord_compression"),
        ("ICD10CM M46.2", "infection"),
        ("ICD10CM M46.26", "infection"),
        ("ICD10CM M50.01", "myelopathy"),
        ("ICD10CM M50.021", "myelopathy"),
        ("ICD10CM M47.12", "myelopathy"),
    ],
)
def test_a_prefix_holds_for_the_code_and_all_below_it(code: str, kind: str) -> None:
    assert kind in kinds(code, "red_flags")


@pytest.mark.parametrize(
    "code", ["ICD10CM G83.40X", "ICD10CM G95.9", "ICD10CM G9", "ICD10CM M46.1", "ICD10CM S13.0XXA"]
)
def test_a_neighbour_of_a_prefix_is_not_meant(code: str) -> None:
    assert not kinds(code, "red_flags")


@pytest.mark.parametrize(
    "code",
    [
        "S12.000{}",
        "S22.000{}",
        "S32.010{}",
        "S14.0XX{}",
        "S34.3XX{}",
        "S13.101{}",
        "M48.56X{}",
        "M80.08X{}",
        "M84.58X{}",
    ],
)
def test_a_fracture_or_injury_is_a_red_flag_only_while_it_is_acute(code: str) -> None:
    for seventh in "ABCabc":
        assert kinds(f"ICD10CM {code.format(seventh)}", "red_flags"), seventh
    for seventh in ("D", "G", "K", "P", "S", "X", ""):
        assert not kinds(f"ICD10CM {code.format(seventh)}", "red_flags"), seventh
    assert kinds(f"ICD10CM {code.format('A').replace('.', '')}", "red_flags")


@pytest.mark.parametrize("code", ["S12.000", "S12", "S12.000AA", "M48.5"])
def test_without_a_seventh_character_an_injury_is_no_red_flag(code: str) -> None:
    assert not kinds(f"ICD10CM {code}", "red_flags")


@pytest.mark.parametrize(
    ("code", "region"),
    [("M48.52XA", {"cervical"}), ("M48.56XA", {"lumbar"}), ("M46.24", {"thoracic"}), ("M47.16", {"lumbar"})],
)
def test_a_red_flag_takes_its_region_from_its_site_character_too(code: str, region: set[str]) -> None:
    assert {where for _, where in meant(f"ICD10CM {code}", "red_flags")} == {frozenset(region)}


# ---- care and medicines


@pytest.mark.parametrize(
    ("code", "modality"),
    [
        ("CPT 97110", "physical_therapy"),
        ("CPT 97161-GP", "physical_therapy"),
        ("HCPCS G0151", "physical_therapy"),
        ("HCPCS G0283", "massage"),
        ("CPT 98940", "manipulation"),
        ("CPT 97810", "acupuncture"),
        ("CPT 62323", "injection"),
        ("CPT 64493", "injection"),
        ("HCPCS L0650", "orthosis"),
        ("RXNORM 5640", "medication"),
        ("RXNORM 7804", ""),  # an opioid never counts
        ("SNOMED 308481009", ""),  # a referral is no care
    ],
)
def test_care_has_its_modality_and_what_never_counts_has_none(code: str, modality: str) -> None:
    system, plain = code.split()
    meanings = meanings_of(SYSTEMS[system], plain)
    assert meanings
    assert "".join(modalities([Event(source="x", meanings=meanings)])) == modality


def test_kinds_that_are_referrals_have_no_modality() -> None:
    for name, group in groups():
        if name == "nonsurgical_care" and group["kind"].endswith("_referral"):
            assert "modality" not in group


@pytest.mark.parametrize("name", [name for name, group in groups() if group["kind"] == "opioid"])
def test_opioids_have_no_modality(name: str) -> None:
    assert not any("modality" in group for group in VALUE_SETS[name]["groups"] if group["kind"] == "opioid")


@pytest.mark.parametrize(("system", "code"), [("", "22612"), ("urn:local", "22612"), (SYSTEMS["CPT"], "")])
def test_what_no_value_set_names_is_not_known(system: str, code: str) -> None:
    assert not meanings_of(system, code)
    assert meanings_of(system, code) == ()


def test_a_meaning_of_words_has_no_code() -> None:
    assert Meaning(value_set="spine_surgery", kind="fusion").code == ""


# ---- broken files

WHOLE = """
means: M
includes: I
excludes: E
source: S
licence: L
groups:
- kind: fusion
  regions: [lumbar]
  verified_in: a book
  codes:
  - LOINC 1-8 Example
"""
Load = Callable[[str], None]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Loads a file as if it lay among ours, and forgets it again."""
    name = os.path.relpath(tmp_path / "site", FOLDER)

    def from_disk(text: str) -> None:
        (tmp_path / "site.yaml").write_text(text, "utf-8")
        load_value_sets([name])

    yield from_disk
    VALUE_SETS.pop(name, None)


CODE_LINES = "group 1: codes must be a list of lines 'SYSTEM CODE label', in quotes if they hold ': '."


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("means: M", "", "lacks means. Add it"),
        ("includes: I", "", "lacks includes"),
        ("excludes: E", "", "lacks excludes"),
        ("source: S", "", "lacks source"),
        ("licence: L", "license: L", "lacks licence"),
        ("groups:", "group:", "lacks groups"),
        ("kind: fusion", "kinds: fusion", "group 1 needs kind and verified_in"),
        ("verified_in: a book", "", "group 1 needs kind and verified_in"),
        ("verified_in: a book", "verified: a book", "group 1 needs kind and verified_in"),
        ("regions:", "region:", "group 1 has unknown keys ['region']. Remove or rename them."),
        ("regions: [lumbar]", "label: L", "group 1"),
        ("regions: [lumbar]", "code: L", "group 1"),
        ("regions: [lumbar]", "value_set: L", "group 1"),
        ("regions: [lumbar]", "regions: lumbar", "group 1"),
        ("regions: [lumbar]", "regions: [lumber]", "group 1"),
        ("  codes:\n  - LOINC 1-8 Example", "", "group 1"),
        ("  codes:\n  - LOINC 1-8 Example", "  codes:", "group 1"),
        ("  codes:\n  - LOINC 1-8 Example", "  codes: LOINC 1-8 Example", CODE_LINES),
        ("LOINC 1-8 Example", "LOINC 1-8", "not a code line: 'LOINC 1-8'. Write system, code, label"),
        ("LOINC 1-8 Example", "1-8 Example one", "not a code line: '1-8 Example one'"),
        ("LOINC 1-8 Example", "ICD10 M43.16 Spondylolisthesis", "not a code line"),
        ("LOINC 1-8 Example", "loinc 1-8 Example", "not a code line"),
        ("LOINC 1-8 Example", "", CODE_LINES),
        ("LOINC 1-8 Example", "22612", CODE_LINES),
        ("LOINC 1-8 Example", "'22612'", "not a code line: '22612'"),
        ("LOINC 1-8 Example", "LOINC: 1-8 Example", CODE_LINES),
        ("LOINC 1-8 Example", "ICD10PCS ^0SG[ Fusion", "0SG["),
        ("groups:", "groups: none\nmore:", "group"),
        ("- kind: fusion\n", "- fusion\n- kind: fusion\n", "group 1"),
        ("means: M", "means: [", "not YAML"),
        ("means: M", "means: a: b", "Mend the line it names"),
        (WHOLE, "", "must be a mapping"),
        (WHOLE, "- LOINC 1-8 Example", "must be a mapping"),
    ],
)
def test_a_broken_value_set_stops_the_start_and_names_file_and_remedy(
    load: Load, wrong: str, right: str, says: str
) -> None:
    assert wrong in WHOLE
    with pytest.raises(KnowledgeError) as problem:
        load(WHOLE.replace(wrong, right, 1))
    assert "site.yaml" in str(problem.value)
    assert says in str(problem.value)


def test_a_value_set_that_is_missing_is_named_with_the_remedy() -> None:
    with pytest.raises(KnowledgeError, match=r"value_sets/no_such\.yaml is missing\. Install the package again\."):
        load_value_sets(["no_such"])
