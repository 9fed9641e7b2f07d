"""`second-opinion rules`: the pages of the rules, wrapped for a terminal."""

import shutil
import textwrap
from collections.abc import Iterable, Iterator
from datetime import date, datetime

import click

from plugin import settings
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Table
from plugin.rule_pages import asked, overview, page_of
from second_opinion.errors import SecondOpinionError

_GAP = "  "
_NARROWEST = 24


@click.command()
@click.argument("name", required=False)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Limits in force on this day. Default: today.")
def rules(name: str | None, as_of: datetime | None) -> None:
    """Shows the rules with their limits; with NAME all of one: sources, what counts, examples, wording.

    \b
      second-opinion rules
      second-opinion rules nonsurgical_care
    """
    day = as_of.date() if as_of else date.today()
    if name is not None and name not in asked():
        raise click.UsageError(f"no rule is called {name}. Write one of: {', '.join(asked())}.")
    try:
        blocks = page_of(name, day, settings.site()) if name else overview(day, settings.site())
        text = as_terminal_text(blocks, shutil.get_terminal_size().columns)
    except SecondOpinionError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(text)


def as_terminal_text(blocks: Iterable[Block], width: int) -> str:
    """The blocks with an empty line between them, no line longer than the terminal is wide where words allow it."""
    return "\n\n".join("\n".join(_lines(block, width)) for block in blocks)


def _lines(block: Block, width: int) -> Iterator[str]:
    if isinstance(block, Heading):
        yield from _wrapped(block.text, width)
        if block.level < 3:
            yield ("", "=", "-")[block.level] * min(len(block.text), width)
    elif isinstance(block, Paragraph):
        yield from _wrapped(block.text, width)
    elif isinstance(block, Items):
        for number, item in enumerate(block.items, start=1):
            sign = f"{number}. " if block.numbered else "- "
            yield from _wrapped(sign + _item(item), width, " " * len(sign))
    elif isinstance(block, Table):
        yield from _table(block, width)
    else:
        yield from (f"{_GAP}{line}" for line in block.text.splitlines())


def _item(item: Item) -> str:
    said = " ".join(part for part in (item.text, item.link) if part)
    return f"{item.label}: {said}" if item.label else said


def _table(table: Table, width: int) -> Iterator[str]:
    """The widest column takes what the others leave, and wraps."""
    cells = (table.columns, *table.rows)
    widths = [max(len(row[number]) for row in cells) for number in range(len(table.columns))]
    widest = widths.index(max(widths))
    others = sum(widths) - widths[widest] + len(_GAP) * (len(widths) - 1)
    widths[widest] = max(_NARROWEST, min(widths[widest], width - others))
    for row in cells:
        wrapped = _wrapped(row[widest], widths[widest])
        for number, part in enumerate(wrapped):
            shown = ["" if number else cell for cell in row]
            shown[widest] = part
            yield _GAP.join(cell.ljust(space) for cell, space in zip(shown, widths, strict=True)).rstrip()


def _wrapped(text: str, width: int, hang: str = "") -> list[str]:
    """Codes and web addresses are never broken."""
    return textwrap.wrap(text, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
