"""The pages of the rules: current, complete, and the same words in Markdown and at a terminal."""

import html
import re
import runpy
import sys
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from markdown_it import MarkdownIt

from docs.generate import as_markdown, main, pages_of_rules
from fixtures.in_words import line_in_words
from fixtures.vignettes import vignettes
from fixtures.worked_examples import examples_of
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Table, Verbatim
from plugin.rule_pages import asked, page_of
from plugin.rules_text import as_terminal_text, rules
from second_opinion.errors import KnowledgeError
from second_opinion.limits import Page
from second_opinion.rules import RULES

DAY = date(2026, 11, 22)
MARKS = ("confirmed", "project", "to be confirmed")
SECTIONS = ["Status", "Outcomes", "Limits", "What counts", "Worked examples", "Wording", "Logic"]
FOUR, FIVE, SIX = "4 weeks from 1 Jan 2020", "5 weeks from 1 Jan 2022", "6 weeks from 1 Jan 2026"
EIGHT = "8 weeks from 1 Feb 2027"
PAGE: dict[str, Any] = {
    "name": "An example",
    "question": "Is it so?",
    "limits": {
        "span": {
            "says": "shortest span",
            "values": {
                date(2020, 1, 1): "4 weeks",
                date(2022, 1, 1): "5 weeks",
                date(2026, 1, 1): "6 weeks",
                date(2027, 2, 1): "8 weeks",
            },
            "reference": "someone",
        }
    },
    "references": {"someone": {"citation": "Someone 2020", "link": "https://doi.org/10.1/x"}},
}


def shown(name: str, *options: str, width: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(rules, [name, *options] if name else list(options))


@cache
def pages() -> dict[str, str]:
    return pages_of_rules()


@cache
def blocks_of(name: str) -> list[Block]:
    return [*page_of(name, DAY)]


def generate(*options: str | Path) -> Result:
    return CliRunner().invoke(main, [str(option) for option in options])


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Block]]:
    """The blocks of a page made up here, on some day."""

    def blocks(day: date = DAY, **more: Any) -> list[Block]:
        monkeypatch.setattr("second_opinion.limits.read_yaml", lambda path, needs: PAGE | more)
        module = type(sys)("example", "Is it so?\n\nMet when  it is.")
        module.PAGE = Page("rules/example.yaml")  # type: ignore[attr-defined]
        monkeypatch.setattr("plugin.rule_pages.RULES", {"example": module})
        return [*page_of("example", day)]

    return blocks


# The files


def test_the_pages_are_current(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["docs.generate", "--check"])
    monkeypatch.delitem(sys.modules, "docs.generate")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("docs.generate", run_name="__main__")
    assert ended.value.code == 0, capsys.readouterr().err


def test_a_stale_page_is_named_with_the_command_that_renews_it(tmp_path: Path) -> None:
    for name, text in pages().items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "silence.md").write_text("edited by hand")
    (tmp_path / "repeat_surgery.md").unlink()
    (tmp_path / "a_rule_that_is_no_more.md").write_text("")
    checked = generate("--into", tmp_path, "--check")
    assert checked.exit_code == 1
    named = [Path(line.split(" ")[0]).name for line in checked.output.splitlines() if line.endswith("is stale.")]
    assert named == ["a_rule_that_is_no_more.md", "repeat_surgery.md", "silence.md"]
    assert checked.output.endswith("Run: python -m docs.generate\n")
    assert "3 of them changed" in generate("--into", tmp_path).output
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == pages()


def test_every_rule_has_a_page() -> None:
    assert set(pages()) == {"README.md", *(f"{name}.md" for name in RULES), "silence.md", "planned_surgery.md"}


def test_the_links_of_the_pages_lead_somewhere() -> None:
    folder = Path(__file__).parent.parent / "docs" / "rules"
    for name, page in pages().items():
        for address in re.findall(r"\]\(([^)]+)\)", page):
            assert (folder / address).is_file(), f"{name}: {address}"


# What is on a page


@pytest.mark.parametrize("name", asked())
def test_the_sections_stand_in_the_order_of_the_reader(name: str) -> None:
    blocks = blocks_of(name)
    page: Page = asked()[name].PAGE
    assert blocks[1] == Paragraph(page["question"], strong=True)
    headings = [block.text for block in blocks if isinstance(block, Heading) and block.level == 2]
    assert headings == [section for section in SECTIONS if section in headings]
    assert {"Status", "Limits", "Logic"} <= set(headings)


@pytest.mark.parametrize("name", asked())
def test_nothing_that_is_signed_is_missing(name: str) -> None:
    page: Page = asked()[name].PAGE
    says = [limit["says"] for limit in page["limits"].values()]
    says += [cited["citation"] for cited in page["references"].values()]
    says += page.content.get("outcomes", {}).values()
    says += [page.content.get("weight", ""), *leaves(page.content.get("wording", {}))]
    text = squeezed(plain(pages()[f"{name}.md"]))
    terminal = squeezed(as_terminal_text(blocks_of(name), 200).replace("\n   ", " ").replace("\n  ", " "))
    for words in says:
        assert squeezed(words) in text
        assert squeezed(words) in terminal


@pytest.mark.parametrize("name", asked())
def test_a_citation_is_confirmed_or_says_that_it_is_not(name: str) -> None:
    for cited in asked()[name].PAGE["references"].values():
        assert cited["mark"].startswith(MARKS), cited
        assert not re.search(r"\[[RN]\]", cited["citation"] + cited["mark"])
    assert not re.search(r"\\\[[RN]\\\]", pages()[f"{name}.md"])


def test_a_citation_without_a_mark_is_to_be_confirmed(example: Callable[..., list[Block]]) -> None:
    source = Item("Someone 2020. Mark: to be confirmed.", link="https://doi.org/10.1/x")
    assert Items((source,), numbered=True) in example()


@pytest.mark.parametrize("name", asked())
def test_the_examples_are_few_answered_and_show_every_outcome(name: str) -> None:
    given = {vignette.name: vignette.expected for vignette in vignettes() if vignette.rule == name}
    examples = examples_of(name, asked()[name].PAGE)
    assert len(examples) <= 12
    shown_outcomes = {example.outcome for example in examples}
    for example in examples:
        expected = given[example.name]
        assert example.outcome == expected.get("then", example.outcome)
        assert str(expected.get("says", "")) in example.says
    assert {expected["then"] for expected in given.values() if "then" in expected} <= shown_outcomes


def test_a_limit_is_shown_from_both_sides() -> None:
    beside: dict[str, list[str]] = {}
    for example in examples_of("nonsurgical_care", asked()["nonsurgical_care"].PAGE):
        for limit in example.beside:
            beside.setdefault(limit, []).append(example.name)
    assert beside["bar_decompression"] == ["Six weeks to the day", "One day short of six weeks"]


def test_what_an_example_could_not_read_is_told() -> None:
    told = {
        item.label for name in RULES for block in blocks_of(name) if isinstance(block, Items) for item in block.items
    }
    assert told & {"could not be read", "read in part"}


def test_without_vignettes_there_are_no_examples(example: Callable[..., list[Block]]) -> None:
    assert Heading("Worked examples") not in example()


@pytest.mark.parametrize(
    ("day", "in_force", "earlier", "to_come"),
    [
        (date(2019, 1, 1), FOUR, (), (FIVE, SIX, EIGHT)),
        (DAY, SIX, (FIVE, FOUR), (EIGHT,)),
        (date(2027, 2, 1), EIGHT, (SIX, FIVE, FOUR), ()),
    ],
    ids=["before the first", "between", "on the day of the last"],
)
def test_a_limit_tells_its_history(
    example: Callable[..., list[Block]], day: date, in_force: str, earlier: tuple[str, ...], to_come: tuple[str, ...]
) -> None:
    (table,) = (block for block in example(day) if isinstance(block, Table))
    history = [each for each in ("; ".join(earlier), "; ".join(to_come)) if each]
    assert table.rows == (("shortest span", *in_force.split(" from "), *history, "1"),)


def test_a_draft_says_so_and_a_signed_rule_says_by_whom(example: Callable[..., list[Block]]) -> None:
    signed = {"reviewer": "A. Surgeon", "signed": date(2027, 1, 3), "next_review": date(2028, 1, 3)}
    draft = "Draft: not yet signed. No clinician has approved it; it is not to be used for patients."
    assert Paragraph(draft) in example(status="draft")
    blocks = example(status="reviewed", review=signed)
    assert Paragraph("Signed by A. Surgeon on 3 Jan 2027; due again 3 Jan 2028.") in blocks


def test_a_page_may_have_no_limits_and_words_outside_its_wording(example: Callable[..., list[Block]]) -> None:
    blocks = example(limits={}, wording={}, supports={"fusion": ["instability", "deformity"]})
    assert Paragraph("It has no limits.") in blocks
    assert Items((Item("instability, deformity", "Supports, fusion"),)) in blocks


def test_what_counts_has_its_source_licence_and_number_of_codes(example: Callable[..., list[Block]]) -> None:
    blocks = example(value_sets=["second_opinion"])
    (told,) = (b for b in blocks if isinstance(b, Items) and b.items[-1].link.endswith("second_opinion.yaml"))
    labels = [item.label for item in told.items]
    assert labels == [
        label for label in ("Means", "Includes", "Excludes", "Notes", "Source", "Licence", "Codes") if label in labels
    ]
    assert re.search(r"\d+ CPT, .*1 HL7 v2-0336", told.items[-1].text)


def test_a_value_set_that_is_none_is_named(example: Callable[..., list[Block]]) -> None:
    with pytest.raises(KnowledgeError, match=r"rules/example.yaml: value_sets names scores, which is none. Write one"):
        example(value_sets=["scores"])


# Chart lines in words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Order CPT 22612 lumbar fusion", "order: lumbar fusion (CPT 22612)"),
        (
            "Order CPT 22612 fusion [reason=ICD10CM M54.50 back and leg pain and SNOMED 1 stenosis; id=a]",
            "order: fusion (CPT 22612), for back and leg pain (ICD-10-CM M54.50) and stenosis (SNOMED CT 1), id a",
        ),
        ("Procedure ICD10PCS 0SG0070", "procedure: ICD-10-PCS 0SG0070"),
        ("Procedure text L4-5 laminectomy", "procedure: “L4-5 laminectomy” (words, no code)"),
        (
            "Procedure CPT 97110 exercise [status=not-done; why=patient declined]",
            "procedure: exercise (CPT 97110), not done, because: patient declined",
        ),
        ("Score LOINC 97909-6 ODI [value=40; unit=%]", "score: ODI (LOINC 97909-6), value 40 %"),
        ("Condition ICD10CM G06.1 abscess [status=]", "diagnosis: abscess (ICD-10-CM G06.1), no status"),
        ("Patient [deceased=true]", "patient born, deceased"),
        ('Communication [payload="No surgery; not now"]', "communication, “No surgery; not now”"),
        ("Response http://example.org/q [item.wish=yes]", "questionnaire: http://example.org/q, wish yes"),
        ("something else", "something else"),
    ],
)  # fmt: skip
def test_a_chart_line_is_read_out(line: str, words: str) -> None:
    assert line_in_words(line) == words


# Markdown


def plain(markdown: str) -> str:
    """What a reader sees."""
    rendered = MarkdownIt("commonmark").enable("table").render(markdown)
    return html.unescape(re.sub(r"<!--.*?-->|</?[a-z][^>]*>", " ", rendered, flags=re.DOTALL))


def squeezed(text: str) -> str:
    return "".join(text.split())


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in leaves(inner)]
    return [str(value)]


@pytest.mark.parametrize(
    "words",
    ["a <b> & [c](d)", "*not* strong, _nor_ this, snake_case", "a | b", "`x` ~~y~~ \\ z", "_referral", "ODI <= 22"],
)
def test_words_are_never_taken_for_markup(words: str) -> None:
    blocks = (Heading(words), Paragraph(words), Paragraph(words, strong=True), Items((Item(words, words),)))
    assert plain(as_markdown(blocks)).split() == " ".join((words, words, words, f"{words}: {words}")).split()
    assert words in html.unescape(
        MarkdownIt("commonmark").enable("table").render(as_markdown([Table(("A",), ((words,),))]))
    )


# The terminal


def test_the_list_has_every_rule_with_question_status_and_limits() -> None:
    listed = " ".join(shown("", "--as-of", "2026-11-22").output.split())
    for name, module in asked().items():
        assert name in listed
        assert " ".join(module.PAGE["question"].split()) in listed
        for limit in module.PAGE["limits"].values():
            assert limit["says"] in listed
    assert "Draft: not yet signed." in listed


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", asked())
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in as_terminal_text(blocks_of(name)[:-2], width).splitlines():  # the docstring stands as it is written
        assert len(line) <= width or len(line.split()) < 3, line


def test_the_whole_page_is_shown_as_wide_as_the_terminal() -> None:
    assert (
        shown("silence", "--as-of", "2026-11-22", width=70).output == as_terminal_text(blocks_of("silence"), 70) + "\n"
    )


def test_limits_stand_in_columns() -> None:
    lines = shown("nonsurgical_care", "--as-of", "2026-11-22").output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Limit "))
    column = lines[start].index("In force")
    assert lines[start + 1][column:].split("  ")[0] == "365 days"
    assert lines[start + 2][column:].split("  ")[0] == "42 days"


def test_what_is_written_verbatim_stays_so() -> None:
    assert (
        as_terminal_text([Verbatim("Met when    it is.\n\nElse  not.")], 20) == "  Met when    it is.\n  \n  Else  not."
    )


def test_an_unknown_rule_is_answered_with_the_names() -> None:
    result = shown("nonsurgical")
    assert result.exit_code == 2
    assert f"no rule is called nonsurgical. Write one of: {', '.join(asked())}." in result.output


def test_a_site_sees_its_own_limits_and_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[limits.nonsurgical_care]\nbar_decompression = "8 weeks"\n[rules]\nnonsurgical_care = "silent"\n')
    monkeypatch.setenv("SECOND_OPINION_SITE", str(site))
    page = shown("nonsurgical_care", width=200).output
    assert re.search(r"shortest span of care before a decompression or discectomy +56 days +set by this site", page)
    assert "Draft: not yet signed. At this site: silent." in page
    assert "56 days" in shown("").output


def test_a_broken_site_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECOND_OPINION_SITE", str(tmp_path / "missing.toml"))
    result = shown("silence")
    assert result.exit_code == 1
    assert "missing.toml cannot be read" in result.output
