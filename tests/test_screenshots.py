"""The pictures of the documentation: each that is shown is one that can be taken anew, has words, and is small."""

import re
from pathlib import Path

from screenshots.__main__ import PACKET
from screenshots.states import STATES

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]*images/([\w-]+)\.png)\)")
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]


def test_every_picture_that_is_shown_can_be_taken_anew_and_every_state_is_shown() -> None:
    names = [state.name for state in STATES]
    assert len(set(names)) == len(names)
    shown = {found[3] for page in PAGES for found in SHOWN.finditer(page.read_text("utf-8"))}
    assert shown == {*names, PACKET} == {path.stem for path in IMAGES.iterdir()}


def test_every_picture_stands_where_its_page_says_and_is_told_in_words() -> None:
    for page in PAGES:
        for words, address, _ in SHOWN.findall(page.read_text("utf-8")):
            assert (page.parent / address).is_file(), f"{page.name}: {address}"
            assert len(words) > 20, f"{page.name}: {address} needs words for those who do not see it"


def test_the_pictures_stay_small() -> None:
    sizes = [path.stat().st_size for path in IMAGES.iterdir()]
    assert max(sizes) <= 300_000 and sum(sizes) <= 3_000_000
