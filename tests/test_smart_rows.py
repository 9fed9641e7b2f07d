"""docs/smart-app.md says of each row of the SMART checklist what we do, names tests that there are, and every page."""

import re
from pathlib import Path

import pytest

from smart_app.sign_in.routes import PAGES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "smart-app.md").read_text("utf-8")
_, CHECKLIST = PAGE.split("## SMART App Launch, row by row")
TABLE = [line.strip("| ").split(" | ") for line in CHECKLIST.splitlines() if re.match(r"\| (?!row |---)", line)]
NOT_ABOUT_LAUNCHING = (15, 16, 17)
ROWS = (
    *(f"C{number}" for number in range(1, 22) if number not in NOT_ABOUT_LAUNCHING),
    *(f"I{number}" for number in range(1, 7)),
    *("R1", "R2-4", "R5", "R7-9", "R11", "R13", "R21", "R29", "R46", "R47", "R50-52", "R63", "R97", "R107", "R117"),
    *("R147", "R150-162", "R191", "R193", "R211", "R290-334"),
    *(f"F{number}" for number in range(1, 6)),
)  # fmt: skip
TESTS = {
    f"{path.name}::{name}"
    for path in (ROOT / "tests").glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
}


def test_every_row_of_the_list_is_there_once_and_in_order() -> None:
    assert tuple(re.split(r"[ ,]", row)[0] for row, *_ in TABLE) == ROWS


@pytest.mark.parametrize("cells", TABLE, ids=lambda cells: cells[0])
def test_every_row_says_what_we_do_and_names_tests_that_there_are(cells: list[str]) -> None:
    _, does, shown = cells
    named = set(re.findall(r"`(\w+\.py::\w+)`", shown))
    assert does and named
    assert named - TESTS == set()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_launching_is_explained_with_its_status(name: str) -> None:
    assert f"| {PAGES[name].title} | {PAGES[name].status} |" in PAGE


def test_the_page_is_linked_from_where_people_look() -> None:
    assert "(docs/smart-app.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(smart-app.md)" in (ROOT / "docs" / "trust.md").read_text("utf-8")
