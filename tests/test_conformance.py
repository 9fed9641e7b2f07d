"""docs/conformance.md says of each row of the CDS Hooks checklist what we do, and names tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "conformance.md").read_text("utf-8")
# The rows by their numbers: how many there are of each kind (what clients were seen to send is 1.10).
LAST = {"D": 10, "P": 6, "R": 8, "F": 11, "C": 15, "B": 5, "S": 11, "1.10.": 12}
ROWS = tuple(f"{kind}{number}" for kind, last in LAST.items() for number in range(1, last + 1))
STATUSES = ("200", "400", "401", "403", "404", "405", "412", "413", "415", "500", "503", "504")
TABLE = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (?!row |---)", line)]
TESTS = {
    f"{path.name}::{name}"
    for path in (ROOT / "tests").glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
}


def test_every_row_of_the_list_and_every_status_is_there_once_and_in_order() -> None:
    rows = [row for row, *_ in TABLE]
    assert [row for row in rows if row in ROWS] == list(ROWS)
    assert [row for row in rows if row in STATUSES] == list(STATUSES)


@pytest.mark.parametrize("cells", TABLE, ids=lambda cells: cells[0])
def test_every_row_says_what_we_do_and_names_tests_or_says_why_there_is_none(cells: list[str]) -> None:
    _, does, shown = cells
    assert does
    assert ("::" in shown) != shown.startswith("none: ")


def test_every_test_that_the_page_names_is_there() -> None:
    assert set(re.findall(r"`(\w+\.py::\w+)`", PAGE)) - TESTS == set()


def test_the_page_is_linked_from_where_callers_look() -> None:
    assert "(docs/conformance.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(conformance.md)" in (ROOT / "docs" / "cds-hooks.md").read_text("utf-8")
