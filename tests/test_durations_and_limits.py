"""Spans of time as clinicians write them, and dated limits: what holds on which day, and what stops the start."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from second_opinion import planned_surgery, silence
from second_opinion.durations import Duration, duration, in_weeks, roughly_spoken, spoken
from second_opinion.errors import KnowledgeError
from second_opinion.knowledge import check, read_yaml
from second_opinion.limits import Page
from second_opinion.plain_words import on_date, spoken_date, written_date
from second_opinion.rules import RULES

PAGES = [*(rule.PAGE for rule in RULES.values()), silence.PAGE, planned_surgery.PAGE]

# ---- durations


@pytest.mark.parametrize(
    ("written", "expected", "said"),
    [
        ("1 day", Duration(days=1), "1 day"),
        ("42 days", Duration(days=42), "42 days"),
        ("6 weeks", Duration(days=42), "42 days"),
        ("1 week", Duration(days=7), "7 days"),
        ("1 month", Duration(months=1), "1 month"),
        ("12 months", Duration(months=12), "12 months"),
        ("1 year", Duration(months=12), "12 months"),
        ("2 years", Duration(months=24), "24 months"),
        (" 6 weeks ", Duration(days=42), "42 days"),
        ("0 days", Duration(), "0 days"),
    ],
)
def test_a_duration_is_read_as_it_is_written(written: str, expected: Duration, said: str) -> None:
    assert duration(written) == expected
    assert str(expected) == said


@pytest.mark.parametrize(
    "written",
    ["6w", "6  weeks", "six weeks", "-6 weeks", "6.5 weeks", "6 fortnights", "weeks", "", "6 weeks ago", "12345 days"],
)
def test_what_is_no_duration_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(KnowledgeError) as problem:
        duration(written)
    assert str(problem.value) == f"Not a duration: {written!r}. Write it like '6 weeks' or '12 months'."


@pytest.mark.parametrize(
    ("written", "day", "before", "after"),
    [
        ("0 days", date(2026, 11, 22), date(2026, 11, 22), date(2026, 11, 22)),
        ("90 days", date(2026, 11, 22), date(2026, 8, 24), date(2027, 2, 20)),
        ("365 days", date(2026, 11, 22), date(2025, 11, 22), date(2027, 11, 22)),
        ("12 months", date(2026, 11, 22), date(2025, 11, 22), date(2027, 11, 22)),
        ("12 months", date(2028, 2, 29), date(2027, 2, 28), date(2029, 2, 28)),
        ("3 months", date(2026, 5, 31), date(2026, 2, 28), date(2026, 8, 31)),
        ("3 months", date(2028, 5, 31), date(2028, 2, 29), date(2028, 8, 31)),
        ("1 month", date(2026, 1, 31), date(2025, 12, 31), date(2026, 2, 28)),
        ("12 months", date(2026, 12, 31), date(2025, 12, 31), date(2027, 12, 31)),
        ("1 month", date(2026, 12, 1), date(2026, 11, 1), date(2027, 1, 1)),
    ],
)
def test_months_are_calendar_months_and_end_on_a_day_that_exists(
    written: str, day: date, before: date, after: date
) -> None:
    assert duration(written).before(day) == before
    assert duration(written).after(day) == after


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (date(2026, 11, 22), date(2026, 11, 22), "0 days"),
        (date(2026, 11, 21), date(2026, 11, 22), "1 day"),
        (date(2026, 11, 9), date(2026, 11, 22), "13 days"),
        (date(2026, 11, 8), date(2026, 11, 22), "2 weeks"),
        (date(2026, 10, 12), date(2026, 11, 22), "5 weeks"),
        (date(2026, 10, 11), date(2026, 11, 22), "6 weeks"),
        (date(2026, 8, 23), date(2026, 11, 22), "13 weeks"),
        (date(2026, 8, 22), date(2026, 11, 22), "3 months"),
        (date(2025, 9, 22), date(2026, 11, 22), "14 months"),
        (date(2024, 11, 23), date(2026, 11, 22), "23 months"),
        (date(2024, 11, 22), date(2026, 11, 22), "2 years"),
        (date(2016, 11, 22), date(2026, 11, 22), "10 years"),
    ],
)
def test_a_span_is_said_as_a_person_would(start: date, end: date, said: str) -> None:
    assert spoken(start, end) == said


@pytest.mark.parametrize(
    ("start", "rough", "said"),
    [
        (date(2025, 9, 1), "", "14 months"),
        (date(2025, 9, 1), "month", "about 14 months"),
        (date(2023, 1, 1), "year", "about 3 years"),
        (date(2025, 1, 1), "year", "about a year"),
        (date(2026, 1, 1), "year", "less than a year"),
    ],
)
def test_a_span_from_a_day_that_the_chart_has_only_in_part_claims_no_more(start: date, rough: str, said: str) -> None:
    assert roughly_spoken(start, date(2026, 11, 22), rough) == said


@pytest.mark.parametrize(
    ("day", "rough", "said", "within_a_sentence", "written"),
    [
        (date(2024, 5, 2), "", "2 May 2024", "on 2 May 2024", "2024-05-02"),
        (date(2024, 1, 1), "", "1 Jan 2024", "on 1 Jan 2024", "2024-01-01"),
        (date(2024, 1, 1), "month", "Jan 2024", "in Jan 2024", "2024-01"),
        (date(2024, 1, 1), "year", "2024", "in 2024", "2024"),
        (date(2024, 5, 1), "year", "May 2024", "in May 2024", "2024-05"),  # the end of a period that began in a year
        # Its other end is known by the month only.
        (date(2024, 5, 2), "month", "2 May 2024", "on 2 May 2024", "2024-05-02"),
    ],
)
def test_a_date_is_said_as_far_as_the_chart_has_it(
    day: date, rough: str, said: str, within_a_sentence: str, written: str
) -> None:
    assert (spoken_date(day, rough), on_date(day, rough)) == (said, within_a_sentence)
    assert written_date(day, rough) == written
    assert spoken_date(None) == on_date(None) == "undated"


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "0 days"), (1, "1 day"), (2, "2 days"), (13, "13 days"), (14, "2 weeks"), (41, "5 weeks"), (42, "6 weeks")],
)
def test_care_is_counted_in_whole_weeks_and_under_two_in_days(days: int, said: str) -> None:
    assert in_weeks(days) == said


# ---- limits

PAGE = """
question: Which?
limits:
  bar:
    says: shortest span
    values: {2026-11-22: 6 weeks, 2027-03-01: 3 months}
    reference: project
  forms:
    says: fewest forms
    values: {2026-11-22: 2}
    reference: project
references:
  project: {citation: Project rule, mark: project}
"""
Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Keeps a page as a file of a clinician's, and says where."""

    def to_disk(text: str) -> str:
        path = tmp_path / "page.yaml"
        path.write_text(text, "utf-8")
        return str(path)

    return to_disk


@pytest.mark.parametrize(
    ("day", "bar"),
    [
        (date(2020, 1, 1), Duration(days=42)),  # before the first date written: the first
        (date(2026, 11, 22), Duration(days=42)),
        (date(2027, 2, 28), Duration(days=42)),
        (date(2027, 3, 1), Duration(months=3)),
        (date(2040, 1, 1), Duration(months=3)),
    ],
)
def test_a_limit_holds_from_its_date_until_the_next(write: Write, day: date, bar: Duration) -> None:
    limits = Page(write(PAGE)).limits_on(day)
    assert limits.bar == bar
    assert limits.forms == 2


def test_a_limit_can_be_moved_by_one_unit(write: Write) -> None:
    page = Page(write(PAGE))
    limits = page.limits_on(date(2027, 3, 1))
    assert limits.names() == ("bar", "forms")
    assert limits.moved("bar", 1).bar == Duration(months=4)
    assert limits.moved("bar", -1).bar == Duration(months=2)
    assert limits.moved("forms", 1).forms == 3
    assert page.limits_on(date(2026, 11, 22)).moved("bar", -1).bar == Duration(days=41)
    assert limits.bar == Duration(months=3)


def test_a_limit_that_nobody_wrote_is_named(write: Write) -> None:
    with pytest.raises(AttributeError, match="there is no limit called look_back"):
        _ = Page(write(PAGE)).limits_on(date(2026, 11, 22)).look_back


def test_a_page_gives_its_words(write: Write) -> None:
    assert Page(write(PAGE))["question"] == "Which?"


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("says: shortest span", "say: shortest span", "limit bar lacks says"),
        ("says: shortest span", "says:", "limit bar lacks says"),
        ("reference: project", "", "limit bar lacks reference"),
        ("values: {2026-11-22: 2}", "values: {}", "limit forms lacks values"),
        ("values: {2026-11-22: 2}", "", "limit forms lacks values"),
        ("values: {2026-11-22: 2}", "values: 2", "forms"),
        ("values: {2026-11-22: 2}", "values: {2026-11-22: }", "forms"),
        ("values: {2026-11-22: 2}", "values: {2026-11-22: [2]}", "forms"),
        ("reference: project", "reference: nobody", "limit bar cites nobody, which is not among references"),
        (
            "2027-03-01: 3 months",
            "next March: 3 months",
            "limit bar: values must be dates and numbers, such as 2026-11-22: 6 weeks.",
        ),
        (
            "2027-03-01: 3 months",
            "20270301: 3 months",
            "limit bar: values must be dates and numbers, such as 2026-11-22: 6 weeks.",
        ),
        ("6 weeks", "6w", "Not a duration: '6w'. Write it like '6 weeks' or '12 months'."),
        ("question: Which?", "", "lacks question"),
        ("references:", "sources:", "lacks references"),
        ("  bar:", "bar:", ""),
        ("  forms:", "  modes: 2\n  forms:", "limit modes must say: says, values, reference."),
        ("limits:", "limits: none\nmore:", "limits"),
        ("question: Which?", "question: [", "not YAML"),
        ("question: Which?", "question: a: b", "Mend the line it names"),
        (PAGE, "", "must be a mapping"),
        (PAGE, "- a list", "must be a mapping"),
        (PAGE, "words", "must be a mapping"),
    ],
)
def test_a_broken_page_stops_the_start_and_names_file_and_remedy(
    write: Write, wrong: str, right: str, says: str
) -> None:
    path = write(PAGE.replace(wrong, right, 1))
    with pytest.raises(KnowledgeError) as problem:
        Page(path)
    assert path in str(problem.value)
    assert says in str(problem.value)


def test_a_page_may_need_more_than_the_usual_keys(write: Write) -> None:
    with pytest.raises(KnowledgeError, match=r"lacks wording\. Add it"):
        Page(write(PAGE), ("wording",))


def test_a_page_that_is_missing_is_named_with_the_remedy() -> None:
    with pytest.raises(KnowledgeError) as problem:
        read_yaml("rules/no_such_rule.yaml")
    assert str(problem.value) == "rules/no_such_rule.yaml is missing. Install the package again."


def test_a_page_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page.yaml"
    path.write_bytes(PAGE.replace("Which?", "Fünf?").encode("latin-1"))
    with pytest.raises(KnowledgeError, match=r"page\.yaml"):
        Page(str(path))


def test_a_check_that_holds_is_silent() -> None:
    check(True, "page.yaml", "never said")
    with pytest.raises(KnowledgeError, match=r"^page\.yaml: said$"):
        check(False, "page.yaml", "said")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_limit_of_ours_is_in_force_on_any_day(page: Page) -> None:
    for day in (date(2000, 1, 1), date(2026, 11, 22), date(2100, 1, 1)):
        assert set(page.limits_on(day).names()) == set(page["limits"])
