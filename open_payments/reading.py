"""Reads the files row by row: payments that count, a tally of those that do not, and whether any would count twice."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain
from pathlib import Path

from open_payments.files import Csv, csvs_in
from open_payments.lookup import Source, Summary
from open_payments.rows import Kind, LeftOut, cents_of, columns_of, kind_of, npi_of, whole_of
from second_opinion.errors import UnreadableInput

Progress = Callable[[int, int], None]  # bytes read, bytes in all; packed ones count as packed
Payment = tuple[int, int, int, int]  # NPI, number of its kind, cents, number of payments
_ROWS_BETWEEN_PROGRESS = 65_536
_BAD_ROWS_NAMED = 10
_NO_END = LeftOut("bad", "a quote never closes, so lines before it may be lost too")


class Reading:
    """What was met so far. Kinds and payers stay in memory: a few ten thousand, however many rows."""

    def __init__(self, sources: tuple[Source, ...], progress: Progress) -> None:
        self._sources = sources
        self._progress = progress
        self._bytes_before = 0
        self._counted = 0
        self._left_out: Counter[str] = Counter()
        self._bad_rows: list[str] = []
        self._kinds: dict[Kind, int] = {}
        self._payers: dict[str, int] = {}
        self._first_rows: dict[tuple[str, ...], Csv] = {}
        self._published: dict[int, tuple[Csv, date]] = {}
        self._days: set[date] = set()

    def payments(self, paths: list[Path]) -> Iterator[Payment]:
        """Raises UnreadableInput for a file that cannot be used."""
        for path, source in zip(paths, self._sources, strict=True):
            for file in csvs_in(path):
                yield from self._payments(file)
            self._bytes_before += source.size_bytes

    def kinds(self) -> Iterator[tuple[int, int, str, int]]:
        """Number, year, nature and the payer, who is a number too."""
        for kind, number in self._kinds.items():
            yield number, kind.year, kind.nature, self._payers[kind.payer]

    def summary(self, clinicians: int, total_cents: int | None) -> Summary:
        """Raises UnreadableInput if nothing counted: such an index would say of everyone that nothing is on file."""
        if total_cents is None:
            first = "".join(self._bad_rows[:1]) or "Take the general-payments file of a program year"
            raise UnreadableInput(f"None of {self._left_out.total()} rows in the Open Payments files counts. {first}.")
        return Summary(
            sources=self._sources,
            published=max(self._days),
            years=(min(self._published), max(self._published)),
            clinicians=clinicians,
            total_cents=total_cents,
            rows=self._counted + self._left_out.total(),
            counted=self._counted,
            disputed=self._left_out["disputed"],
            deleted=self._left_out["deleted"],
            without_npi=self._left_out["without_npi"],
            bad=self._left_out["bad"],
            bad_rows=tuple(self._bad_rows),
        )

    def _payments(self, file: Csv) -> Iterator[Payment]:
        reader = csv.reader(file.lines)
        rows = _rows(reader)
        width, kind_cells, npi_at, amount_at, payments_at = columns_of(next(rows, []), file.name)
        kinds: dict[tuple[str, ...], int | LeftOut] = {}  # what payments have in common is looked at once
        for count, row in enumerate(self._not_read_before(rows, file), start=1):
            if count % _ROWS_BETWEEN_PROGRESS == 0:
                self._progress(self._bytes_before + file.bytes_read(), sum(s.size_bytes for s in self._sources))
            if len(row) != width:
                why = LeftOut("bad", f"it has {len(row)} columns, not {width}") if row else _NO_END
                self._leave_out(why, file, reader.line_num)
                continue
            cells = kind_cells(row)
            kind = kinds.get(cells)
            if kind is None:
                kind = kinds[cells] = self._kind(cells, file)
            npi, cents, payments = npi_of(row[npi_at]), cents_of(row[amount_at]), whole_of(row[payments_at])
            if (
                isinstance(kind, LeftOut)
                or isinstance(npi, LeftOut)
                or isinstance(cents, LeftOut)
                or isinstance(payments, LeftOut)
            ):
                why = next(found for found in (kind, npi, cents, payments) if isinstance(found, LeftOut))
                self._leave_out(why, file, reader.line_num)
            else:
                self._counted += 1
                yield npi, kind, cents, payments

    def _kind(self, cells: tuple[str, ...], file: Csv) -> int | LeftOut:
        found = kind_of(cells)
        if isinstance(found, LeftOut):
            return found
        kind, day = found
        other, before = self._published.setdefault(kind.year, (file, day))
        if other is not file and before != day:
            raise UnreadableInput(
                f"{other.name} and {file.name} are two publications ({before}, {day}) of program year {kind.year}: "
                "it would count twice. Give the newer one only."
            )
        self._days.add(day)
        self._payers.setdefault(kind.payer, len(self._payers))
        return self._kinds.setdefault(kind, len(self._kinds))

    def _not_read_before(self, rows: Iterator[list[str]], file: Csv) -> Iterator[list[str]]:
        for row in rows:
            other = self._first_rows.setdefault(tuple(row), file)
            if other is not file:
                raise UnreadableInput(
                    f"{other.name} and {file.name} begin alike: they would count twice. Give one of them."
                )
            return chain([row], rows)
        return rows

    def _leave_out(self, why: LeftOut, file: Csv, line: int) -> None:
        self._left_out[why.reason] += 1
        if why.says and len(self._bad_rows) < _BAD_ROWS_NAMED:
            self._bad_rows.append(f"{file.name}, row that ends on line {line}: {why.says}")


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            yield from filter(None, reader)  # an empty line is no row
            return
        except csv.Error:  # a field beyond all measure: one bad row, and on with the next line
            yield []
