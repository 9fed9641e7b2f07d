"""Reads the index: what is on file for one NPI, and the neutral line the app may show of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from msgspec import MsgspecError, json

from open_payments.rows import is_npi
from second_opinion.errors import SecondOpinionError, UnreadableInput

FORMAT = 1  # of the index; another number: it is built again
_REMEDY = "Build it again from the CMS Open Payments files."
_WORDING: dict[str, Any] = yaml.load(files(__package__).joinpath("wording.yaml").read_text("utf-8"), yaml.CSafeLoader)
_BY_NATURE = """
    SELECT nature, sum(cents), sum(payments), count(DISTINCT payer), min(year), max(year)
    FROM sums JOIN kinds USING (kind) WHERE npi = ? GROUP BY nature ORDER BY sum(cents) DESC, nature"""
_PAYERS = "SELECT count(DISTINCT payer) FROM sums JOIN kinds USING (kind) WHERE npi = ?"


@dataclass(frozen=True)
class Source:
    """A file as it was when it was read."""

    name: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Summary:
    """What an index was built from, what counts, and what was left out and why."""

    sources: tuple[Source, ...]
    published: date  # the latest
    years: tuple[int, int]
    clinicians: int
    total_cents: int
    rows: int
    counted: int
    disputed: int
    deleted: int
    without_npi: int
    bad: int
    bad_rows: tuple[str, ...]  # the first few


@dataclass(frozen=True)
class Share:
    """The payments of one nature."""

    nature: str
    cents: int
    payments: int
    payers: int
    years: tuple[int, int]


@dataclass(frozen=True)
class Ties:
    """What companies reported for one NPI; `years` are the first and last with a payment."""

    npi: str
    total_cents: int
    payments: int
    payers: int
    years: tuple[int, int]
    by_nature: tuple[Share, ...]  # the largest first
    source: str
    published: date
    unread_rows: int  # of the whole source: some may have been this clinician's


def ties_of(index_path: str | Path, npi: str) -> Ties | None:
    """None when nothing is on file; what is not an NPI raises, since it cannot be looked for."""
    if not is_npi(npi):
        raise UnreadableInput("Not an NPI: it needs ten digits, 1 or 2 first, that pass its check digit. Correct it.")
    with _opened(Path(index_path)) as index:
        found = index.execute(_BY_NATURE, (int(npi),)).fetchall()
        if not found:
            return None
        ((payers,),) = index.execute(_PAYERS, (int(npi),))
        summary = _summary(index)
    by_nature = tuple(Share(row[0], row[1], row[2], row[3], (row[4], row[5])) for row in found)
    return Ties(
        npi=npi,
        total_cents=sum(share.cents for share in by_nature),
        payments=sum(share.payments for share in by_nature),
        payers=payers,
        years=(min(share.years[0] for share in by_nature), max(share.years[1] for share in by_nature)),
        by_nature=by_nature,
        source=", ".join(source.name for source in summary.sources),
        published=summary.published,
        unread_rows=summary.bad,
    )


def summary_of(index_path: str | Path) -> Summary:
    """Says which years were searched, where `ties_of` found nothing."""
    with _opened(Path(index_path)) as index:
        return _summary(index)


def neutral_line(ties: Ties) -> str:
    """For the app alone: total, years, nature, source, and what it does not mean."""
    shown, others = ties.by_nature[: _WORDING["natures_shown"]], ties.by_nature[_WORDING["natures_shown"] :]
    natures = [f"{share.nature} {_dollars(share.cents)}" for share in shown]
    if others:
        natures.append(f"{_WORDING['other_natures']} {_dollars(sum(share.cents for share in others))}")
    first, last = ties.years
    line: str = _WORDING["line"].format(
        total=_dollars(ties.total_cents),
        npi=ties.npi,
        years=first if first == last else f"{first}-{last}",
        natures="; ".join(natures),
        source=ties.source,
        published=ties.published.isoformat(),
    )
    unread = [_WORDING["unread"].format(rows=ties.unread_rows)] if ties.unread_rows else []
    return " ".join([line, *unread, _WORDING["not_meant"]])


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02}"


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # Opened for each call: threads share nothing, and a new index is seen at once. It never changes in place,
    # so SQLite need not lock it.
    if not path.is_file():
        raise SecondOpinionError(f"There is no Open Payments index at {path}. {_REMEDY}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as index:
            if index.execute("PRAGMA user_version").fetchone() != (FORMAT,):
                raise SecondOpinionError(f"{path} is no Open Payments index of this version. {_REMEDY}")
            yield index
    except (sqlite3.Error, MsgspecError) as error:
        raise SecondOpinionError(f"The Open Payments index {path} cannot be read ({error}). {_REMEDY}") from None


def _summary(index: sqlite3.Connection) -> Summary:
    (summary,) = index.execute("SELECT summary FROM about").fetchone() or ("",)
    return json.decode(summary, type=Summary)
