"""What a site changes: its file is read strictly, and what it says changes the answers and nothing else."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from cds_hooks.wording import WORDING
from fixtures.vignettes import chart
from plugin import settings
from plugin.app import create_app
from second_opinion.answers import REASONS
from second_opinion.assess import Assessment, as_json, assess
from second_opinion.durations import Duration
from second_opinion.errors import KnowledgeError, SecondOpinionError
from second_opinion.from_fhir import concepts, read_bundle
from second_opinion.planned_surgery import in_chart
from second_opinion.rules import RULES
from second_opinion.site import AS_SHIPPED, PAGES, Site, read_site
from second_opinion.value_sets import LocalCode, known_meanings, meanings_of, use_local_codes

Json = dict[str, Any]
AS_OF = date(2026, 11, 22)
BASE = "https://second-opinion.example"
LOCAL = "urn:oid:1.2.3.4.5"  # the system that LOCAL stands for in vignettes
DOCUMENTED = Path(__file__).resolve().parents[1] / "docs" / "site.md"


@pytest.fixture(autouse=True)
def _no_local_codes_are_left() -> Iterator[None]:
    """Also what was read while they were in use: readings are remembered for as long as the process runs."""
    concepts._read_one.cache_clear()
    yield
    use_local_codes(())
    concepts._read_one.cache_clear()


# ---- the file


CODE = """[[local_codes]]
system = "urn:oid:1.2.3.4.5"
code = "64021"
value_set = "spine_surgery"
kind = "fusion"
label = "Arthrodesis"
"""
TARGET = """[[referral_targets]]
name = "Spine clinic"
"""
DURATION = "Not a duration: {}. Write it like '6 weeks'"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[rules\n", None, "not TOML: "),
        ("[rules]\nindication = on\n", None, "line 2"),
        ("[card]\nincomplete = true\nincomplete = false", None, "not TOML"),
        ("# ours\nlimit = 5", 2, "unknown field limit; docs/site.md shows what can stand here."),
        ("\n\n[limits.nonsurgical]\na = 1", 3, "limits.nonsurgical is no page. Known: repeat_surgery, "),
        ("[limits.silence]\nadults = 16", 2, "silence has no limit adults. Known: red_flag, injury, adult"),
        (
            '[limits.silence]\nadult = 16\n[limits.nonsurgical_care]\nbar_other = "8w"',
            4,
            "bar_other: " + DURATION.format("'8w'"),
        ),
        ("[limits.nonsurgical_care]\nbar_decompression = 8", 2, "bar_decompression: " + DURATION.format("'8'")),
        ('[limits.nonsurgical_care]\nbar_decompression = ["8"]', 2, "bar_decompression: Not a duration"),
        ('[limits.nonsurgical_care]\nleast_modalities = "1"', 2, "least_modalities: Not a number: '1'."),
        ("[limits.nonsurgical_care]\nleast_modalities = true", 2, "least_modalities: Not a number: True."),
        (
            "[limits.nonsurgical_care]\nleast_modalities = -1",
            2,
            "least_modalities: Not a number: -1. Write it without quotes, 0 or more.",
        ),
        ("[[referral_targets]]\nphone = '1'", 1, "missing required field name"),
        (TARGET + 'takes = ["leeches"]', 3, "Invalid enum value 'leeches'"),
        (
            TARGET + 'reference = "Device/1"',
            3,
            "'Device/1' is nobody to refer to. Write it like 'HealthcareService/12'",
        ),
        (TARGET + TARGET, 4, "Spine clinic is listed twice. Keep one."),
        ('[rules]\nindications = "off"', 2, "there is no rule indications. Known: repeat_surgery, "),
        ('[rules]\nsilence = "off"', 2, "there is no rule silence."),
        ('[rules]\nindication = "mute"', 2, "indication can be on, silent, off, not 'mute'"),
        ("[rules]\nindication = false", 2, "indication can be on, silent, off, not False"),
        ('local_codes = ["64021"]', 1, "Expected object, got str"),
        (CODE + 'region = "lumbar"', 7, "unknown field region"),
        (CODE.replace('kind = "fusion"\n', ""), 1, "missing required field kind"),
        (CODE.replace('code = "64021"\n', ""), 1, "missing required field code"),
        (CODE + 'regions = ["lumbar", "lumber"]', 7, "Invalid enum value 'lumber'"),
        (CODE.replace("spine_surgery", "operations"), 3, "'operations' is no value set. Known: analgesics, "),
        (CODE.replace('"fusion"', '"fussion"'), 3, "spine_surgery has no kind 'fussion'. Known: any_spine_surgery, "),
        ("referral = 5", 1, "Expected object | null, got int"),
        ('[referral]\nsystem = "urn:a"\ncode = "1"', 1, "missing required field display"),
        ('[referral]\nsystem = "urn:a"\ncode = 1\ndisplay = "R"', 3, "docs/site.md shows what can stand here"),
        ('[referral]\nsystem = ""\ncode = "1"\ndisplay = "R"', 2, "docs/site.md shows what can stand here"),
        ('[referral]\nsystem = "urn:a"\nvalue = "1"', 3, "unknown field value"),
        ('card = "none"', 1, "Expected object, got str"),
        ('[card]\nincomplete = "no"', 2, "Expected bool, got str"),
        ("[card]\nshown = false", 2, "unknown field shown"),
    ],
)
def test_whatever_is_wrong_names_file_line_and_remedy(text: str, line: int | None, says: str) -> None:
    with pytest.raises(KnowledgeError) as problem:
        read_site(text, "our/site.toml")
    where = "our/site.toml: " if line is None else f"our/site.toml, line {line}: "
    assert str(problem.value).startswith(where)
    assert says in str(problem.value)


OTHER_CODE = CODE.replace("64021", "5")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[limits]\nindication = 5", 2),
        (
            '[limits.nonsurgical_care]\nlook_back = "1 year"\n[limits.patient_goals]\nlook_back = "yesterday"',
            4,
        ),
        ('[limits.patient_goals]\n# look_back was 1 year\nlook_back = "yesterday"', 3),
        ("# no referral here\n[card]\n[referral]\nsystem = 5", 4),
        (CODE + OTHER_CODE.replace('kind = "fusion"\n', ""), 7),
        (CODE + "[[ local_codes ]]\ncode = 5", 8),
        (CODE + OTHER_CODE.replace('"fusion"', "5"), 11),
        (CODE + OTHER_CODE.replace("64021", "1").replace("1.2.3.4.5", "1.2.3").replace("fusion", "fussion"), 9),
        (CODE + CODE, 9),
        ('\nlocal_codes = [{system = "urn:a"}]', 2),
    ],
    ids=[
        "a page that is no table",
        "a limit of two pages",
        "a limit spoken of in a comment",
        "a word in a comment",
        "a local code that lacks its kind",
        "a local code with spaces in its brackets",
        "a local code after one that is right",
        "a local code with a kind we do not have",
        "a local code mapped before",
        "local codes in one line",
    ],
)
def test_the_line_named_is_the_line_that_is_wrong(text: str, line: int) -> None:
    with pytest.raises(KnowledgeError, match=rf"^our/site\.toml, line {line}: .*(?<!\.)\.$"):
        read_site(text, "our/site.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("limits = 5", "Expected object, got int"),
        ("[limits]\nindication = 5", "limits.indication must be a table of names and values"),
        ('rules = "off"', "Expected object, got str"),
        ("local_codes = 5", "Expected array, got int"),
        (CODE + 'regions = [["lumbar"]]', "Expected str, got array"),
        (CODE + "regions = 5", "Expected array, got int"),
        (CODE.replace('"fusion"', '["fusion"]'), "Expected str, got array"),
        (CODE.replace('"Arthrodesis"', "5"), "Expected str, got int"),
        (CODE.replace('"urn:oid:1.2.3.4.5"', "5"), "Expected str, got int"),
        (CODE.replace('"64021"', '""'), "Expected str of length >= 1"),
        (CODE + CODE, "urn:oid:1.2.3.4.5 64021 is mapped twice. Keep one"),
        ('[limits.nonsurgical_care]\nbar_decompression = "9999 years"', "Too long: '9999 years'"),
        ('[limits.nonsurgical_care]\nbar_decompression = "1201 months"', "Too long: '1201 months'"),
        ('[limits.nonsurgical_care]\nbar_decompression = "5315 weeks"', "Too long: '5315 weeks'"),
        ("[limits.nonsurgical_care]\nleast_modalities = nan", "Not a number: nan"),
        ("[limits.silence]\nadult = inf", "Not a number: inf"),
    ],
    ids=lambda text: " ".join(text.split())[-60:],
)
def test_a_value_of_the_wrong_kind_names_file_line_and_remedy(text: str, says: str) -> None:
    with pytest.raises(KnowledgeError, match=rf"^our/site\.toml, line \d+: .*{re.escape(says)}.*(?<!\.)\.$"):
        read_site(text, "our/site.toml")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('bar_decompression = "100 years"', Duration(months=1200)),
        ('bar_decompression = "1200 months"', Duration(months=1200)),
        ('bar_decompression = "5314 weeks"', Duration(days=37198)),
        ("least_modalities = 0", 0),
    ],
)
def test_a_limit_may_be_as_wide_as_a_life_or_nothing(written: str, read: Any) -> None:
    changed = read_site(f"[limits.nonsurgical_care]\n{written}", "site.toml").changed_limits["nonsurgical_care"]
    assert list(changed.values()) == [read]


def test_an_empty_file_changes_nothing() -> None:
    for text in ("", "# nothing yet\n", "[limits]\n[rules]\n[card]\n"):
        assert read_site(text, "site.toml") == AS_SHIPPED
    assert AS_SHIPPED.incomplete_card
    assert {AS_SHIPPED.mode(rule) for rule in RULES} == {"on"}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_site_leaves_out_stays_as_shipped(name: str) -> None:
    shipped, limits = PAGES[name].limits_on(AS_OF), AS_SHIPPED.limits_on(name, AS_OF)
    assert {key: getattr(limits, key) for key in limits.names()} == {
        key: getattr(shipped, key) for key in shipped.names()
    }


def test_a_changed_limit_leaves_the_others_and_the_page_as_they_are() -> None:
    site = read_site('[limits.nonsurgical_care]\nbar_decompression = "8 weeks"\nleast_modalities = 1', "site.toml")
    limits, shipped = site.limits_on("nonsurgical_care", AS_OF), PAGES["nonsurgical_care"].limits_on(AS_OF)
    assert (limits.bar_decompression, limits.least_modalities) == (Duration(days=56), 1)
    assert limits.bar_other == shipped.bar_other
    assert (shipped.bar_decompression, shipped.least_modalities) == (Duration(days=42), 2)


def documented() -> str:
    found = re.search(r"```toml\n(.*?)```", DOCUMENTED.read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_example_in_the_documentation_does_what_it_says() -> None:
    site = read_site(documented(), "docs/site.md")
    assert site.changed_limits == {
        "nonsurgical_care": {"bar_decompression": Duration(days=56), "least_modalities": 1},
    }
    assert site.modes == {"indication": "silent"}
    (code,) = site.local_codes
    assert (code.code, code.value_set, code.kind, set(code.regions)) == ("64021", "spine_surgery", "fusion", {"lumbar"})
    assert site.referral == {
        "system": "urn:com.epic.cdshooks.action.code.system.preference-list-item",
        "code": "1234",
        "display": "Referral to spine second-opinion clinic",
    }
    assert site.incomplete_card is False
    assert site.selection_behavior == "any"
    assert site.reason_codes == {"45": "second-opinion-obtained"}
    assert site.look_up_seconds == 0.35


# ---- from the environment


def test_without_a_site_file_all_is_as_shipped() -> None:
    assert settings.site({}) is settings.site({settings.SITE: ""}) is AS_SHIPPED


def test_the_file_that_the_environment_names_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(CODE, "utf-8")
    assert [code.code for code in settings.site({settings.SITE: str(path)}).local_codes] == ["64021"]
    assert [meaning.kind for meaning in meanings_of(LOCAL, "64021")] == ["fusion"]


@pytest.mark.parametrize("content", [None, b"label = '\xe9'"], ids=["missing", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_named_with_the_setting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "site.toml"
    if content:
        path.write_bytes(content)
    with pytest.raises(KnowledgeError) as problem:
        settings.site({settings.SITE: str(path)})
    assert str(problem.value).startswith(f"SECOND_OPINION_SITE: {path} cannot be read (")
    assert str(problem.value).endswith(" Name a readable TOML file.")


def test_a_file_that_is_wrong_changes_no_codes(tmp_path: Path) -> None:
    use_local_codes([LocalCode(LOCAL, "1", "spine_surgery", "fusion", "Ours")])
    path = tmp_path / "site.toml"
    path.write_text(CODE.replace('"fusion"', '"fussion"'), "utf-8")
    with pytest.raises(KnowledgeError, match="fussion"):
        settings.site({settings.SITE: str(path)})
    assert meanings_of(LOCAL, "1")


# ---- local codes


def judged(lines: Iterable[Mapping[str, str]], site: Site = AS_SHIPPED) -> Assessment:
    """The assessment of an order (or what else is planned) of today, by the site's rules."""
    entries = [{"resource": each} for each in chart([dict(line) for line in lines], AS_OF)]
    record = read_bundle(json.encode({"resourceType": "Bundle", "entry": entries}), AS_OF)
    planned = in_chart(record, site.limits_on("planned_surgery", AS_OF))
    return assess(record, planned, site=site)


def outcome(assessment: Assessment, rule: str) -> str:
    (found,) = [finding.outcome for finding in assessment.findings if finding.rule == rule]
    return str(found)


OURS = {"today": "Order LOCAL 64021 Our very own words [status=active]"}
FUSION = {"today": "Order CPT 22612 lumbar fusion [status=active; reason=ICD10CM M43.16 spondylolisthesis]"}
DECOMPRESSION = {"today": "Order CPT 63047 lumbar laminectomy [status=active; reason=ICD10CM M48.062 stenosis]"}


def test_a_code_of_the_sites_own_makes_a_planned_operation() -> None:
    assert judged([OURS]).surgery is None
    concepts._read_one.cache_clear()
    use_local_codes([LocalCode(LOCAL, "64021", "spine_surgery", "fusion", "Arthrodesis", frozenset(["lumbar"]))])
    surgery = judged([OURS]).surgery
    assert surgery
    assert (surgery.kind, set(surgery.regions), surgery.by) == ("fusion", {"lumbar"}, "code")
    assert surgery.label == "Our very own words"  # the chart's words, as with any other code


def test_codes_that_come_into_use_later_are_known_in_what_was_read_before() -> None:
    assert judged([OURS]).surgery is None
    use_local_codes([LocalCode(LOCAL, "64021", "spine_surgery", "fusion", "Arthrodesis")])
    assert judged([OURS]).surgery


def test_a_code_of_the_sites_own_is_received_care() -> None:
    lines = [FUSION, {"200 days ago to 20 days ago": "Procedure LOCAL PT9 Program"}]
    assert outcome(judged(lines), "nonsurgical_care") == "not_documented"
    concepts._read_one.cache_clear()
    use_local_codes([LocalCode(LOCAL, "PT9", "nonsurgical_care", "physical_therapy", "Therapy")])
    found = judged(lines)
    assert outcome(found, "nonsurgical_care") == "concern"  # one form of care of two
    (care,) = [finding for finding in found.findings if finding.rule == "nonsurgical_care"]
    assert [(each.sign, each.code, each.shows) for each in care.evidence] == [("received", "LOCAL PT9", "Program")]


def test_local_codes_take_the_place_of_those_before_and_leave_ours_alone() -> None:
    use_local_codes([LocalCode(LOCAL, "1", "spine_surgery", "fusion", "One")])
    use_local_codes([LocalCode(LOCAL, "2", "spine_surgery", "fusion", "Two")])
    assert not meanings_of(LOCAL, "1")
    (meaning,) = meanings_of(f" {LOCAL} ", " 2 ")
    assert (meaning.kind, meaning.regions, meaning.label, meaning.code) == ("fusion", frozenset(), "Two", "LOCAL 2")
    assert [each.kind for each in meanings_of("http://www.ama-assn.org/go/cpt", "22612")] == ["fusion"]
    use_local_codes(())
    assert not meanings_of(LOCAL, "2")


def test_a_code_we_know_may_mean_more_to_a_site() -> None:
    cpt = "http://www.ama-assn.org/go/cpt"
    use_local_codes([LocalCode(cpt, "22612", "nonsurgical_care", "physical_therapy", "Odd")])
    assert {each.kind for each in meanings_of(cpt, "22612")} == {"physical_therapy", "fusion"}


def test_a_local_code_has_all_that_its_kind_has() -> None:
    like = known_meanings("nonsurgical_care")[0]
    use_local_codes([LocalCode(LOCAL, "1", "nonsurgical_care", like.kind, "Ours")])
    assert [each.modality for each in meanings_of(LOCAL, "1")] == [like.modality]


def test_a_code_that_is_mapped_twice_is_refused_and_nothing_changes() -> None:
    one = LocalCode(LOCAL, "1", "spine_surgery", "fusion", "One")
    use_local_codes([one])
    two = LocalCode(LOCAL, "2", "spine_surgery", "fusion", "Two")
    with pytest.raises(KnowledgeError, match=r"urn:oid:1\.2\.3\.4\.5 2 is mapped twice\. Keep one\."):
        use_local_codes([two, LocalCode(LOCAL, "2", "spine_surgery", "discectomy", "Two again")])
    assert meanings_of(LOCAL, "1") and not meanings_of(LOCAL, "2")


@pytest.mark.parametrize(
    ("value_set", "kind", "says"),
    [
        ("spine", "fusion", "'spine' is no value set. Known: analgesics"),
        ("spine_surgery", "physical_therapy", "spine_surgery has no kind 'physical_therapy'. Known: any_spine_surgery"),
    ],
)
def test_a_local_code_must_be_mapped_to_a_kind_we_have(value_set: str, kind: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        LocalCode(LOCAL, "1", value_set, kind, "Ours")


# ---- limits


TWO_FORMS = [
    {"55 days ago": "Procedure CPT 97110 exercise"},
    {"5 days ago": "Procedure CPT 98940 manipulation"},
]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("", "met"),
        ('bar_decompression = "7 weeks"', "met"),
        ('bar_decompression = "50 days"', "met"),
        ('bar_decompression = "51 days"', "concern"),
        ('bar_decompression = "2 months"', "concern"),
        ("least_modalities = 3", "concern"),
        ('bar_other = "1 year"', "met"),  # not the bar of this operation
        ('look_back = "30 days"', "concern"),
    ],
)
def test_a_changed_limit_changes_the_answer(changes: str, expected: str) -> None:
    site = read_site(f"[limits.nonsurgical_care]\n{changes}", "site.toml")
    assert outcome(judged([DECOMPRESSION, *TWO_FORMS], site), "nonsurgical_care") == expected


def test_a_changed_limit_of_silence_changes_who_is_silent() -> None:
    lines = [FUSION, {"17 years ago": "Patient"}]
    young, site = judged(lines), read_site("[limits.silence]\nadult = 16", "site.toml")
    assert young.silence and young.silence.reason == "age"
    assert judged(lines, site).silence is None


def test_a_changed_limit_of_the_planned_operation_changes_what_is_planned() -> None:
    lines = [{"60 days ago": "Order CPT 22612 lumbar fusion [status=active]"}]
    assert judged(lines).surgery
    assert judged(lines, read_site('[limits.planned_surgery]\nopen_order = "30 days"', "site.toml")).surgery is None


# ---- rules off, silent, on


def test_a_rule_that_is_off_is_not_judged() -> None:
    found = judged([FUSION], Site(modes={"nonsurgical_care": "off"}))
    assert [finding.rule for finding in found.findings] == [rule for rule in RULES if rule != "nonsurgical_care"]
    assert found.indicator is None


def test_a_rule_that_is_silent_is_judged_and_never_shown() -> None:
    loud, quiet = judged([FUSION]), judged([FUSION], Site(modes={"nonsurgical_care": "silent"}))
    assert (loud.indicator, quiet.indicator) == ("info", None)
    assert outcome(quiet, "nonsurgical_care") == outcome(loud, "nonsurgical_care") == "not_documented"
    assert [finding.rule for finding in loud.raising] == ["nonsurgical_care"]
    assert quiet.raising == quiet.unread == ()
    on_the_card, in_a_file = as_json(quiet)["findings"], as_json(quiet, file="a.json")["findings"]
    assert "nonsurgical_care" in {each["rule"] for each in in_a_file}
    assert [each["rule"] for each in on_the_card] == [
        each["rule"] for each in as_json(loud)["findings"] if each["rule"] != "nonsurgical_care"
    ]


def test_a_rule_that_is_silent_makes_no_card_stronger() -> None:
    lines = [{"today": "Order CPT 22612 lumbar fusion [status=active; reason=ICD10CM M54.50 low back pain]"}]
    lines += [{"9 days ago": "Procedure CPT 97110 exercise"}]
    assert judged(lines).indicator == "warning"  # two concerns
    assert judged(lines, Site(modes={"indication": "silent"})).indicator == "info"


def test_a_rule_may_be_said_to_be_on() -> None:
    site = read_site('[rules]\nindication = "on"\noptions_discussed = "off"', "site.toml")
    assert (site.mode("indication"), site.mode("options_discussed"), site.mode("patient_goals")) == ("on", "off", "on")


# ---- payments


NPI = "http://hl7.org/fhir/sid/us-npi"


def with_payments(lines: Json | None, requester: Json | None) -> Assessment:
    """What is said of the one who ordered; `lines` is the register, by NPI, or cannot be read."""

    def look_up(npi: str) -> str | None:
        if lines is None:
            raise SecondOpinionError("the register is locked.")
        return lines.get(npi)

    (patient, asked) = chart([FUSION], AS_OF)
    asked |= {"requester": requester} if requester else {}
    document = {"resourceType": "Bundle", "entry": [{"resource": patient}, {"resource": asked}]}
    record = read_bundle(json.encode(document), AS_OF)
    return assess(record, in_chart(record), site=Site(payments=look_up))


@pytest.mark.parametrize(
    ("lines", "requester", "expected", "says"),
    [
        ({"1": "$ 5 in 2024"}, {"identifier": {"system": NPI, "value": "1"}}, "concern", "$ 5 in 2024"),
        ({"2": "$ 5 in 2024"}, {"identifier": {"system": NPI, "value": "1"}}, "not_documented", "1"),
        ({"1": "$ 5 in 2024"}, {"identifier": {"system": "urn:ours", "value": "1"}}, "could_not_assess", ""),
        ({"1": "$ 5 in 2024"}, None, "could_not_assess", ""),
        (None, {"identifier": {"system": NPI, "value": "1"}}, "could_not_assess", "the register is locked"),
    ],
)
def test_payments_are_looked_up_where_a_site_has_a_register_and_raise_no_card(
    lines: Json | None, requester: Json | None, expected: str, says: str
) -> None:
    found = with_payments(lines, requester)
    (ties,) = [finding for finding in found.findings if finding.rule == "financial_ties"]
    assert (str(ties.outcome), says in ties.says) == (expected, True)
    assert [finding.rule for finding in found.raising] == ["nonsurgical_care"]
    assert found.indicator == judged([FUSION]).indicator
    assert outcome(judged([FUSION]), "financial_ties") == "not_applicable"


# ---- the card


def answer(site: Site, lines: Iterable[Mapping[str, str]], unread: Iterable[str] = ()) -> list[Json]:
    """The cards of an order-sign call in which every lane was searched, but for those unread."""
    lanes: dict[str, list[Json]] = {}
    resources = chart([dict(line) for line in lines], AS_OF)
    types = {"Condition": "conditions", "Procedure": "procedures"}
    for lane in ("procedures", "conditions", "care_plans", "medications", "observations", "encounters"):
        lanes[lane] = [each for each in resources if types.get(each["resourceType"]) == lane]
    prefetch: Json = {
        lane: {"resourceType": "Bundle", "entry": [{"resource": each} for each in found]}
        for lane, found in lanes.items()
        if lane not in unread
    }
    orders = [{"resource": each} for each in resources if each["resourceType"] == "ServiceRequest"]
    context = {"userId": "Practitioner/1", "patientId": "example"}
    call = {
        "hook": "order-sign",
        "hookInstance": "1",
        "context": context | {"draftOrders": {"resourceType": "Bundle", "entry": orders}},
        "prefetch": prefetch | {"patient": resources[0]},
    }
    client = create_app(BASE, site=site, today=lambda: AS_OF).test_client()
    response = client.post("/cds-services/second-opinion-order-sign", json=call)
    assert response.status_code == 200, response.text
    cards: list[Json] = response.get_json()["cards"]
    return cards


def suggested(cards: list[Json]) -> dict[str, Json]:
    """The code of each suggested order, by its text."""
    (card,) = cards
    orders = [action["resource"] for each in card["suggestions"] for action in each["actions"]]
    return {order["code"]["text"]: order["code"] for order in orders}


def test_the_sites_coding_of_the_referral_stands_first_and_ours_stays() -> None:
    coding = {"system": "urn:com.example:preference-list", "code": "1234", "display": "Spine second opinion"}
    shipped, ours = suggested(answer(AS_SHIPPED, [FUSION])), suggested(answer(Site(referral=coding), [FUSION]))
    assert list(ours) == list(shipped)
    (second_opinion,) = [text for text in ours if "second opinion" in text.lower()]
    assert ours[second_opinion]["coding"] == [coding, *shipped[second_opinion]["coding"]]
    assert len(ours) > 1
    assert all(code == shipped[text] for text, code in ours.items() if text != second_opinion)


def test_a_site_may_do_without_the_card_that_only_says_what_could_not_be_read() -> None:
    unread = ("procedures",)
    (card,) = answer(AS_SHIPPED, [FUSION], unread)
    assert card["indicator"] == "info"
    assert "could not be read" in card["summary"]
    assert answer(Site(incomplete_card=False), [FUSION], unread) == []


def test_without_that_card_findings_are_still_shown() -> None:
    lines = [{"today": "Order CPT 22612 lumbar fusion [reason=ICD10CM M54.50 low back pain]"}]
    (card,) = answer(Site(incomplete_card=False), lines, ("procedures",))
    assert "could not be" in card["detail"]  # and what could not be read is said on it


def test_the_reasons_that_a_site_maps_to_are_those_of_the_card() -> None:
    assert tuple(WORDING["override_reasons"]["reasons"]) == REASONS


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[override_reasons]\n45 = "obtained"\n', 2, "'obtained' is no reason of ours. Known: second-opinion-obtained"),
        ('[card]\nselection_behavior = "all"\n', 2, "Invalid enum value 'all'"),
        ("[look_up]\nbudget_milliseconds = 5000\n", 2, "Expected int <= 1000"),
    ],
)
def test_what_a_site_says_of_cards_and_look_ups_is_checked(text: str, line: int, says: str) -> None:
    with pytest.raises(KnowledgeError, match=re.escape(f"site.toml, line {line}: {says}")):
        read_site(text, "site.toml")


def test_a_site_may_let_only_one_suggestion_be_taken() -> None:
    (card,) = answer(read_site('[card]\nselection_behavior = "at-most-one"\n', "site.toml"), [FUSION])
    assert card["selectionBehavior"] == "at-most-one"
