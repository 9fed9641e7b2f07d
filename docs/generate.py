"""`python -m docs.generate` writes docs/rules/*.md; nobody edits those. With --check it only says which are stale."""

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from fixtures.vignettes import vignettes
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Table
from plugin.rule_pages import asked, overview, page_of

FOLDER = Path(__file__).parent / "rules"
_HOME = "docs/rules"
_COMMAND = "python -m docs.generate"
_NOTE = f"<!-- Written by `{_COMMAND}`. Edit the YAML that the page names, then run it again. -->"
_MARKUP = re.compile(r"([\\`*\[\]<>|~])|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word is none


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a page is not what would be written.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, help="Another folder.")
def main(check: bool, into: Path) -> None:
    """Writes the pages of the rules."""
    pages = pages_of_rules()
    stale = sorted(stale_pages(pages, into))
    if not check:
        into.mkdir(parents=True, exist_ok=True)
        for name in stale:
            if name in pages:
                (into / name).write_text(pages[name], "utf-8", newline="\n")
            else:  # the page of a rule that is no more
                (into / name).unlink()
        click.echo(f"{len(pages)} pages, {len(stale)} of them changed.")
    elif stale:
        for name in stale:
            click.echo(f"{into / name} is stale.", err=True)
        click.echo(f"Run: {_COMMAND}", err=True)
        sys.exit(1)


def pages_of_rules() -> dict[str, str]:
    """Every file of the folder; the day is that of the vignettes, so that nothing changes by itself."""
    day = max(vignette.as_of for vignette in vignettes())
    pages = {f"{name}.md": as_markdown(page_of(name, day)) for name in asked()}
    return pages | {"README.md": as_markdown(overview(day))}


def stale_pages(pages: dict[str, str], folder: Path) -> set[str]:
    """Pages that are missing, differ, or belong to no rule."""
    written = {path.name: path.read_bytes() for path in folder.glob("*.md")}
    expected = {name: text.encode() for name, text in pages.items()}
    return {name for name in written.keys() | expected.keys() if written.get(name) != expected.get(name)}


def as_markdown(blocks: Iterable[Block]) -> str:
    """The blocks as GitHub shows them; web addresses stay visible, for those who read on paper."""
    return "\n\n".join((_NOTE, *("\n".join(_lines(block)) for block in blocks))) + "\n"


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        text = _escaped(block.text)
        yield f"{'#' * block.level} {f'[{text}]({_address(block.link)})' if block.link else text}"
    elif isinstance(block, Paragraph):
        text = _escaped(block.text)
        yield f"**{text}**" if block.strong else text
    elif isinstance(block, Items):
        yield from (
            f"{f'{number}.' if block.numbered else '-'} {_item(item)}" for number, item in enumerate(block.items, 1)
        )
    elif isinstance(block, Table):
        yield _row(block.columns)
        yield _row("---" for _ in block.columns)
        yield from (_row(map(_escaped, row)) for row in block.rows)
    else:
        yield from ("```text", block.text, "```")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _item(item: Item) -> str:
    shown = f"<{item.link}>" if "://" in item.link else f"[{item.link}]({_address(item.link)})" if item.link else ""
    said = " ".join(part for part in (_escaped(item.text), shown) if part)
    return f"**{_escaped(item.label)}:** {said}" if item.label else said


def _address(link: str) -> str:
    """From the folder of the pages to a path of this repository."""
    return posixpath.relpath(link, _HOME)


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda found: f"\\{found[0]}", text)


if __name__ == "__main__":
    main()
