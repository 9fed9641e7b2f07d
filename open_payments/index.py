"""Builds the index from CMS's files: payments summed by NPI and kind, in SQLite, without any name of a person."""

import glob
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from msgspec import json

from open_payments.lookup import FORMAT, Source, Summary, summary_of
from open_payments.reading import Progress, Reading
from second_opinion.errors import SecondOpinionError, UnreadableInput

_LOCK_SECONDS = 24 * 60 * 60
_FAST = "PRAGMA {0}.journal_mode = OFF; PRAGMA {0}.synchronous = OFF; PRAGMA {0}.cache_size = -16000;"  # a draft
_TABLES = """
    CREATE TABLE about (summary TEXT NOT NULL);
    CREATE TABLE kinds (kind INTEGER PRIMARY KEY, year INTEGER NOT NULL, nature TEXT NOT NULL, payer INTEGER NOT NULL);
    CREATE TABLE sums (npi INTEGER, kind INTEGER, cents INTEGER NOT NULL, payments INTEGER NOT NULL,
                       PRIMARY KEY (npi, kind)) WITHOUT ROWID;
    CREATE TABLE rows.counted (npi, kind, cents, payments);
    BEGIN;
"""
_COUNT = "INSERT INTO rows.counted VALUES (?, ?, ?, ?)"
_KIND = "INSERT INTO kinds VALUES (?, ?, ?, ?)"
_SUM = "INSERT INTO sums SELECT npi, kind, sum(cents), sum(payments) FROM rows.counted GROUP BY 1, 2 ORDER BY 1, 2"
_TOTALS = "SELECT count(DISTINCT npi), sum(cents) FROM sums"


def build_index(csv_paths: Iterable[str | Path], index_path: str | Path, progress: Progress | None = None) -> Summary:
    """An index of these very files that is there already is kept. Raises SecondOpinionError; the old index stays."""
    paths, index = sorted(Path(path) for path in csv_paths), Path(index_path)
    sources = _sources(paths)
    try:
        with _one_builder(index):
            if (summary := _already(index, sources)) is None:
                summary = _build(paths, sources, index, progress or (lambda read, total: None))
            return summary
    except (sqlite3.Error, OSError) as error:
        raise SecondOpinionError(
            f"The Open Payments index {index} cannot be written ({error}). Make room or choose another folder."
        ) from None


def _sources(paths: list[Path]) -> tuple[Source, ...]:
    if not paths:
        raise UnreadableInput("No Open Payments file is given. Name at least one OP_DTL_GNRL_PGYR....csv.")
    try:
        stats = [path.stat() for path in paths]
    except OSError as error:
        raise UnreadableInput(f"{error.filename} cannot be opened ({error.strerror}). Check its name.") from None
    pairs = zip(paths, stats, strict=True)
    return tuple(Source(path.name, stat.st_size, stat.st_mtime_ns) for path, stat in pairs)


@contextmanager
def _one_builder(index: Path) -> Iterator[None]:
    # SQLite's lock is there on every system, and is gone with a killed process.
    with closing(sqlite3.connect(f"{index}.lock", timeout=_LOCK_SECONDS, isolation_level=None)) as lock:
        lock.executescript("PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE")
        yield


def _already(index: Path, sources: tuple[Source, ...]) -> Summary | None:
    try:
        summary = summary_of(index)
    except SecondOpinionError:
        return None
    return summary if summary.sources == sources else None


def _build(paths: list[Path], sources: tuple[Source, ...], index: Path, progress: Progress) -> Summary:
    for left_by_a_killed_build in index.parent.glob(f"{glob.escape(index.name)}.*.part*"):
        left_by_a_killed_build.unlink()
    part = index.with_name(f"{index.name}.{uuid4().hex}.part")
    rows = part.with_suffix(".part-rows")
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as draft:
            draft.execute("ATTACH ? AS rows", (str(rows),))
            draft.executescript(_FAST.format("main") + _FAST.format("rows") + _TABLES)
            summary = _fill(draft, Reading(sources, progress), paths)
        if _sources(paths) != sources:
            raise UnreadableInput("The Open Payments files changed while they were read. Build again once they stay.")
        _to_disk(part)
        part.replace(index)
    finally:
        part.unlink(missing_ok=True)
        rows.unlink(missing_ok=True)
    progress(*[sum(source.size_bytes for source in sources)] * 2)
    return summary


def _fill(draft: sqlite3.Connection, reading: Reading, paths: list[Path]) -> Summary:
    draft.executemany(_COUNT, reading.payments(paths))
    draft.executemany(_KIND, reading.kinds())
    draft.execute(_SUM)
    summary = reading.summary(*draft.execute(_TOTALS).fetchone())
    draft.execute("INSERT INTO about VALUES (?)", (json.encode(summary).decode(),))
    draft.execute(f"PRAGMA user_version = {FORMAT}")
    draft.execute("COMMIT")
    return summary


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
