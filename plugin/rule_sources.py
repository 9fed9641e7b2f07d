"""What a rule rests on, for its page: dated, cited limits, and the value sets that say what counts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from fixtures.in_words import SYSTEM_WORDS
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Table
from second_opinion.knowledge import check
from second_opinion.limits import Page
from second_opinion.plain_words import listed, spoken_date
from second_opinion.site import Site
from second_opinion.value_sets import VALUE_SETS

_COLUMNS = ("Limit", "In force", "Since", "Earlier", "To come", "Source")
_MARKS = (
    "Marks: confirmed means that the statement was seen in the source (abstract, digest: in no more than that);"
    " project, that it is our own choice; to be confirmed, that nobody has checked it yet."
)
_TOLD = ("means", "includes", "excludes", "notes", "source", "licence")


def in_force(name: str, page: Page, limit: str, day: date, site: Site) -> tuple[str, str]:
    """A limit's value and since when; a site's own has no date."""
    if limit in (changed := site.changed_limits.get(name, {})):
        return str(changed[limit]), "set by this site"
    since = _shipped(page, limit, day)
    return str(page["limits"][limit]["values"][since]), spoken_date(since)


def _shipped(page: Page, limit: str, day: date) -> date:
    """Since when the value we ship holds; before the first date written, that one, as the rules do."""
    values: dict[date, object] = page["limits"][limit]["values"]
    return max((start for start in values if start <= day), default=min(values))


def limits_of(name: str, page: Page, day: date, site: Site) -> Iterator[Block]:
    """Limits with their history, then the sources by number, then how much they weigh."""
    numbers = {reference: str(number) for number, reference in enumerate(page["references"], start=1)}
    rows = [
        (limit["says"], *in_force(name, page, key, day, site), *_history(page, key, day), numbers[limit["reference"]])
        for key, limit in page["limits"].items()
    ]
    yield Heading("Limits")
    yield Paragraph(f"In force on {spoken_date(day)}:" if rows else "It has no limits.")
    yield from table(_COLUMNS, rows)
    yield Heading("Sources", 3)
    yield Items(tuple(map(_source, page["references"].values())), numbered=True)
    yield Paragraph(_MARKS)
    if weight := page.content.get("weight"):
        yield Heading("How much this weighs", 3)
        yield Paragraph(one_line(weight))


def _history(page: Page, limit: str, day: date) -> tuple[str, str]:
    """The values before, latest first, and those to come."""
    since, dated = _shipped(page, limit, day), sorted(page["limits"][limit]["values"].items())
    earlier = [f"{value} from {spoken_date(start)}" for start, value in reversed(dated) if start < since]
    to_come = [f"{value} from {spoken_date(start)}" for start, value in dated if start > since]
    return "; ".join(earlier), "; ".join(to_come)


def _source(cited: dict[str, str]) -> Item:
    mark = cited.get("mark", "to be confirmed")
    return Item(f"{one_line(cited['citation'])}. Mark: {mark}.", link=cited.get("link", ""))


def value_sets_of(page: Page) -> Iterator[Block]:
    """The value sets that the page names, each with what it means and how many codes it has."""
    names = page.content.get("value_sets", ())
    if names:
        yield Heading("What counts")
    for name in names:
        known = ", ".join(VALUE_SETS)
        check(name in VALUE_SETS, page.path, f"value_sets names {name}, which is none. Write one of: {known}.")
        value_set = VALUE_SETS[name]
        counts = Counter(line.split(" ")[0] for group in value_set["groups"] for line in group["codes"])
        codes = listed(f"{count} {SYSTEM_WORDS.get(system, system)}" for system, count in sorted(counts.items()))
        yield Heading(words(name), 3)
        told = tuple(Item(one_line(value_set[key]), words(key)) for key in _TOLD if value_set.get(key))
        yield Items((*told, Item(codes, "Codes", f"second_opinion/value_sets/{name}.yaml")))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Table]:
    """Without the columns that are empty in every row; nothing if there are no rows."""
    kept = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    if rows:
        yield Table(tuple(columns[n] for n in kept), tuple(tuple(row[n] for n in kept) for row in rows))


def words(name: str) -> str:
    """'Not documented' for not_documented."""
    name = name.replace("_", " ")
    return name[:1].upper() + name[1:]


def one_line(text: object) -> str:
    return " ".join(str(text).split())
