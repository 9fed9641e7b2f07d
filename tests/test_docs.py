"""What is written down is there: links lead somewhere, commands are taken, files and targets that are named exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from plugin.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"))
}
_FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_TICKED = re.compile(r"`([^`\n]+)`")
_FOLDERS = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_of_ours_leads_there_and_to_its_heading(page: str) -> None:
    for link in _LINK.findall(_FENCED.sub("", PAGES[page])):
        name, _, heading = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not heading or heading in set(anchors(target.read_text("utf-8"))), link


def anchors(text: str) -> Iterator[str]:
    """As GitHub names headings."""
    for heading in re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_shows_is_one_that_there_is(page: str) -> None:
    for command in commands(PAGES[page]):
        assert is_understood(command), command


def commands(text: str) -> Iterator[str]:
    """Of code blocks whole, with lines put together again; in the text's own lines what stands in backticks."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.search(r"(?:^|[ /|])second-opinion ([a-z-].*)", line.split(" #")[0]):
                yield re.split(r" [|>] ", found[1])[0]
    yield from re.findall(r"`second-opinion ([a-z][^`\n]*)`", text)


def is_understood(command: str) -> bool:
    group: click.Command = main
    words = [word for word in shlex.split(command) if word != "..."]
    while isinstance(group, click.Group) and words:
        name = words.pop(0)
        if name.startswith("-"):
            return name in ("--help", "--version")
        if name not in group.commands:
            return False
        group = group.commands[name]
    taken = {option for each in group.params for option in each.opts} | {"--help"}
    return all(word in taken for word in words if word.startswith("--"))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_target_that_a_page_names_is_there(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for named in _TICKED.findall(_FENCED.sub("", PAGES[page])):
        if named.startswith(_FOLDERS) and " " not in named and not re.search(r"[*<>{}…]", named):
            assert (ROOT / named.partition("::")[0]).exists(), named
        if target := re.fullmatch(r"make ([a-z]+)( [A-Z]+=.*)?", named):
            assert target[1] in targets, named
