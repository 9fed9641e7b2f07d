"""Open Payments: what a general-payments file adds up to, what is left out of it, and an index that is never half."""

import csv
import gzip
import io
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.open_payments import COLUMNS, report
from open_payments.index import build_index
from open_payments.lookup import Share, Ties, neutral_line, summary_of, ties_of
from open_payments.rows import is_npi
from second_opinion.errors import SecondOpinionError, UnreadableInput

NPI, OTHER_NPI, THIRD_NPI = "1234567893", "1000000004", "2000000002"
FEE, MEAL = "Consulting Fee", "Food and Beverage"
PAYER = "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_ID"
AMOUNT, NATURE = "Total_Amount_of_Payment_USDollars", "Nature_of_Payment_or_Transfer_of_Value"
PAYMENTS = "Number_of_Payments_Included_in_Total_Amount"
OLD_COLUMNS = tuple(column for column in COLUMNS if column != "Covered_Recipient_NPI")
PAYMENT = {
    "Change_Type": "UNCHANGED",
    "Covered_Recipient_NPI": NPI,
    "Covered_Recipient_First_Name": "Synthia",
    "Covered_Recipient_Last_Name": "Exemplar",
    "Recipient_Primary_Business_Street_Address_Line1": "7 Example Street, Suite 2",
    PAYER: "100000000001",
    AMOUNT: "100.00",
    PAYMENTS: "1",
    NATURE: FEE,
    "Dispute_Status_for_Publication": "No",
    "Program_Year": "2023",
    "Payment_Publication_Date": "01/30/2025",
}
NEEDED = tuple(column for column in COLUMNS if column in PAYMENT)


def payment(**changes: str) -> dict[str, str]:
    """One that counts, but for the changes; `npi` and `year` are short for their columns."""
    short = {"npi": "Covered_Recipient_NPI", "year": "Program_Year", "amount": AMOUNT, "nature": NATURE, "payer": PAYER}
    return PAYMENT | {short.get(name, name): value for name, value in changes.items()}


def as_csv(rows: Iterable[dict[str, str]], columns: Iterable[str] = COLUMNS) -> str:
    text = io.StringIO()
    # Names bare, values quoted, as CMS does.
    text.write(",".join(columns := list(columns)) + "\r\n")
    csv.DictWriter(text, columns, restval="", extrasaction="ignore", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def long_csv(**changes: str) -> str:
    """Long enough for progress to be told: 66,000 times one payment."""
    header, row, _ = as_csv([payment(**changes)], NEEDED).split("\r\n")
    return header + "\r\n" + (row + "\r\n") * 66_000


class Site:
    """A folder with CMS files and an index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / "open_payments.sqlite"

    def file(self, content: str | bytes, name: str = "OP_DTL_GNRL_PGYR2023_P01302025.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def build(self, *rows: dict[str, str]) -> None:
        build_index([self.file(as_csv(rows))], self.index)

    def ties(self, npi: str = NPI) -> Ties:
        ties = ties_of(self.index, npi)
        assert ties
        return ties

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name.startswith(self.index.name))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# ---- what adds up


def test_the_layout_has_the_91_columns_of_recent_years() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 91


def test_payments_are_summed_by_nature_the_largest_first(site: Site) -> None:
    site.build(
        payment(amount="10.10", nature=MEAL, year="2022", Payment_Publication_Date="06/28/2024"),
        payment(amount="0.05", nature=MEAL, payer="100000000002", **{PAYMENTS: "3"}),
        payment(amount="1234.5"),
        payment(amount="70", npi=OTHER_NPI),
    )
    assert site.ties() == Ties(
        npi=NPI,
        total_cents=124_465,
        payments=5,
        payers=2,
        years=(2022, 2023),
        by_nature=(Share(FEE, 123_450, 1, 1, (2023, 2023)), Share(MEAL, 1_015, 4, 2, (2022, 2023))),
        source="OP_DTL_GNRL_PGYR2023_P01302025.csv",
        published=date(2025, 1, 30),
        unread_rows=0,
    )
    assert site.ties(OTHER_NPI).total_cents == 7_000
    assert ties_of(site.index, THIRD_NPI) is None


def test_what_was_found_cannot_be_changed(site: Site) -> None:
    site.build(payment())
    with pytest.raises(FrozenInstanceError):
        site.ties().total_cents = 0  # type: ignore[misc]


def test_several_years_make_one_index(site: Site) -> None:
    files = [
        site.file(as_csv([payment(year=str(year), Payment_Publication_Date=f"{year + 2}-01-30")]), f"PGYR{year}.csv")
        for year in (2023, 2021, 2022)
    ]
    summary = build_index(files, site.index)
    assert (summary.years, summary.published) == ((2021, 2023), date(2025, 1, 30))
    assert (summary.rows, summary.counted, summary.clinicians, summary.total_cents) == (3, 3, 1, 30_000)
    assert site.ties().years == (2021, 2023)
    assert site.ties().source == "PGYR2021.csv, PGYR2022.csv, PGYR2023.csv"


def test_one_year_in_two_parts_counts_each_once(site: Site) -> None:
    parts = [site.file(as_csv([payment(amount=amount)]), f"part{amount}.csv") for amount in ("1.00", "2.00")]
    build_index(parts, site.index)
    assert site.ties().total_cents == 300


@pytest.mark.parametrize(
    ("amount", "cents"), [("9999999999.99", 999_999_999_999), ("0.00", 0), ("13.780000", 1378), (" 5.1 ", 510)]
)
def test_amounts_are_exact(site: Site, amount: str, cents: int) -> None:
    site.build(payment(amount=amount))
    assert site.ties().total_cents == cents


def test_a_thousand_huge_amounts_are_exact(site: Site) -> None:
    site.build(*[payment(amount="9999999999.99")] * 1000)
    assert site.ties().total_cents == 999_999_999_999_000
    assert "$9,999,999,999,990.00" in neutral_line(site.ties())


CENTS = st.integers(0, 10**12 - 1)
ROW = st.tuples(st.sampled_from([NPI, OTHER_NPI, THIRD_NPI, ""]), CENTS, st.sampled_from([FEE, MEAL]), st.booleans())


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, min_size=1), odd=st.text(st.characters(exclude_categories=["Cs"])))
def test_totals_are_those_of_a_plain_sum_whatever_stands_in_other_columns(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, str, bool]], odd: str
) -> None:
    site = Site(tmp_path_factory.mktemp("sums"))
    first = payment(amount="1.00")  # nothing that counts at all is an error, see below
    written = [
        payment(
            npi=npi,
            amount=f"{cents // 100}.{cents % 100:02}",
            nature=nature,
            Contextual_Information=odd,
            Dispute_Status_for_Publication="Yes" if disputed else "No",
        )
        for npi, cents, nature, disputed in rows
    ]
    path = site.file(as_csv([first, *written]))
    summary = build_index([path], site.index)
    expected: dict[tuple[str, str], Decimal] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["Covered_Recipient_NPI"] and row["Dispute_Status_for_Publication"] != "Yes":
                key = row["Covered_Recipient_NPI"], row[NATURE]
                expected[key] = expected.get(key, Decimal()) + Decimal(row[AMOUNT])
    found = {
        (npi, share.nature): Decimal(share.cents) / 100
        for npi in (NPI, OTHER_NPI, THIRD_NPI)
        if (ties := ties_of(site.index, npi))
        for share in ties.by_nature
    }
    assert found == expected
    assert summary.total_cents == sum(expected.values()) * 100
    assert (summary.bad, summary.rows) == (0, len(rows) + 1)


# ---- what is left out


def test_disputed_and_deleted_rows_and_rows_without_an_npi_are_left_out_and_counted(site: Site) -> None:
    rows = [
        payment(Dispute_Status_for_Publication="Yes", amount="not read"),
        payment(Dispute_Status_for_Publication=" YES "),
        payment(Change_Type="DELETED"),
        payment(Change_Type="Removed"),
        payment(Change_Type="REMOVED", Dispute_Status_for_Publication="Yes"),
        payment(npi=""),
        payment(npi=" "),
        *(payment(Change_Type=change, amount="1.00") for change in ("NEW", "ADD", "CHANGED", "UNCHANGED")),
    ]
    summary = build_index([site.file(as_csv(rows))], site.index)
    assert site.ties().total_cents == 400
    left_out = (summary.disputed, summary.deleted, summary.without_npi, summary.bad)
    assert (left_out, summary.rows, summary.counted) == ((2, 3, 2, 0), 11, 4)
    assert summary == summary_of(site.index)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *(
            ({"amount": amount}, "the amount is not a number of dollars and cents")
            for amount in ("", "ten", "-1.00", "1,000.00", "$1.00", "1e3", "1.005", ".", "NaN", "12345678901.00", "1_0")
        ),
        *(({PAYMENTS: number}, "the number of payments is not a whole number") for number in ("", "1.5", "-1", "one")),
        *(({"npi": npi}, "the NPI fails its check digit") for npi in ("1234567890", "123456789", "Exemplar", "²" * 10)),
        ({"npi": "3000000001"}, "the NPI fails its check digit"),
        ({"year": "23"}, "the program year is not a year"),
        ({"nature": ""}, "the nature of payment is empty"),
        *(
            ({"Payment_Publication_Date": day}, "the publication date is not a date")
            for day in ("", "30 Jan 2025", "13/32/2025")
        ),
    ],
)
def test_a_bad_row_is_counted_and_named_without_quoting_it(site: Site, changes: dict[str, str], says: str) -> None:
    summary = build_index([site.file(as_csv([payment(), payment(**changes), payment()]))], site.index)
    assert (summary.counted, summary.bad) == (2, 1)
    assert summary.bad_rows == (f"OP_DTL_GNRL_PGYR2023_P01302025.csv, row that ends on line 3: {says}",)


def test_rows_with_too_few_or_too_many_columns_are_bad(site: Site) -> None:
    header, row, *_ = as_csv([payment()]).split("\r\n")
    lines = [header, row, row.rpartition(",")[0], row + ',"more"', "", row]
    summary = build_index([site.file("\n".join(lines))], site.index)
    assert (summary.counted, summary.bad) == (2, 2)
    assert [says.split(": ")[1] for says in summary.bad_rows] == [
        "it has 90 columns, not 91",
        "it has 92 columns, not 91",
    ]


def test_only_the_first_few_bad_rows_are_named(site: Site) -> None:
    summary = build_index([site.file(as_csv([payment(), *[payment(amount="")] * 25]))], site.index)
    assert (summary.bad, len(summary.bad_rows)) == (25, 10)


def test_rows_that_could_not_be_read_are_told_of(site: Site) -> None:
    site.build(payment(), payment(amount="?"), payment(amount="?"))
    assert site.ties().unread_rows == 2
    assert "2 rows of the source could not be read." in neutral_line(site.ties())


def test_a_quote_that_never_closes_does_not_end_the_reading(site: Site) -> None:
    header, row, _ = as_csv([payment()]).split("\r\n")
    unclosed = row.replace('"Exemplar"', 'Exemplar,"' + "x" * 140_000, 1)
    summary = build_index([site.file("\n".join([header, row, unclosed, row]))], site.index)
    assert (summary.counted, summary.bad) == (2, 1)
    assert summary.bad_rows[0].endswith(
        "row that ends on line 3: a quote never closes, so lines before it may be lost too"
    )


@pytest.mark.parametrize("rows", [[], [payment(npi="")], [payment(Dispute_Status_for_Publication="Yes")]])
def test_a_file_of_which_nothing_counts_makes_no_index(site: Site, rows: list[dict[str, str]]) -> None:
    with pytest.raises(UnreadableInput, match=rf"None of {len(rows)} rows .* Take the general-payments file"):
        site.build(*rows)
    assert not site.index.exists()


def test_a_file_of_bad_rows_only_says_what_is_wrong_with_the_first(site: Site) -> None:
    with pytest.raises(UnreadableInput, match="line 2: the amount is not a number"):
        site.build(payment(amount="?"))


# ---- files as they come


def test_commas_quotes_and_line_breaks_in_a_field_are_not_the_end_of_it(site: Site) -> None:
    text = 'Said "yes",\r\nthen\nmore, twice: ""'
    site.build(payment(Contextual_Information=text), payment(nature=text, amount="2.00"), payment(amount="3.00"))
    assert {share.nature: share.cents for share in site.ties().by_nature} == {FEE: 10_300, text: 200}


def test_odd_bytes_and_a_byte_order_mark_stop_nothing(site: Site) -> None:
    text = as_csv([payment(Covered_Recipient_Last_Name="MUÑOZ"), payment(nature="Café — visit")])
    header, first, second, _ = text.split("\r\n")
    quoted = ",".join(f'"{column}"' for column in header.split(","))
    lines = [b"\xef\xbb\xbf" + quoted.encode(), first.encode("latin-1"), second.encode(), b""]
    build_index([site.file(b"\r\n".join(lines))], site.index)
    assert [share.nature for share in site.ties().by_nature] == ["Café — visit", FEE]


def test_a_nature_in_latin_1_is_read_as_such(site: Site) -> None:
    build_index([site.file(as_csv([payment(nature="Café")]).encode("latin-1"))], site.index)
    assert site.ties().by_nature[0].nature == "Café"


def test_names_of_columns_are_read_in_any_case_and_order(site: Site) -> None:
    columns = [column.lower() for column in reversed(NEEDED)]
    row = {column.lower(): value for column, value in payment().items()}
    build_index([site.file(as_csv([row], columns))], site.index)
    assert site.ties().total_cents == 10_000


def packed(archive: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as file:
        for name, content in archive.items():
            file.writestr(name, content)
    return body.getvalue()


def test_a_gz_is_read_whatever_its_name(site: Site) -> None:
    build_index([site.file(gzip.compress(as_csv([payment()]).encode()), "payments")], site.index)
    assert site.ties().total_cents == 10_000


def test_of_the_zip_of_a_program_year_only_general_payments_are_read(site: Site) -> None:
    archive = {
        "OP_PGYR2023_README_P01302025.txt": "read me",
        "OP_DTL_OWNRSHP_PGYR2023_P01302025.csv": "not ours",
        "OP_REMOVED_DELETED_PGYR2023_P01302025.csv": "not ours",
        "OP_DTL_GNRL_PGYR2023_P01302025.csv": as_csv([payment(), payment(amount="?")]),
    }
    summary = build_index([site.file(packed(archive), "PGYR2023_P01302025.zip")], site.index)
    assert site.ties().source == "PGYR2023_P01302025.zip"
    assert summary.bad_rows[0].startswith("PGYR2023_P01302025.zip/OP_DTL_GNRL_PGYR2023_P01302025.csv, row ")


def test_the_only_csv_of_a_zip_is_taken_whatever_its_name(site: Site) -> None:
    build_index([site.file(packed({"payments.CSV": as_csv([payment()])}), "payments.zip")], site.index)
    assert site.ties().total_cents == 10_000


def broken_zip() -> bytes:
    body = packed({"a.csv": as_csv([payment()] * 500)}, zipfile.ZIP_STORED)
    return body.replace(b"Consulting", b"Insulting!", 1)


def unknown_compression() -> bytes:
    body = bytearray(packed({"a.csv": as_csv([payment()])}))
    body[8:10] = b"\x09\x00"  # Deflate64, as Windows uses for large files
    directory = body.index(b"PK\x01\x02")
    body[directory + 10 : directory + 12] = b"\x09\x00"
    return bytes(body)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (as_csv([PAYMENT], OLD_COLUMNS), "layout from before program year 2021: without Covered_Recipient_NPI"),
        (
            as_csv([PAYMENT], COLUMNS[:30]),
            "is no general-payments file: it lacks Dispute_Status_for_Publication, .* Take OP_DTL_GNRL",
        ),
        ("", "is no general-payments file: it lacks Covered_Recipient_NPI"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000, "is no general-payments file"),
        (as_csv([PAYMENT]).encode("utf-16"), "is UTF-16: it was saved anew. Take the file as CMS published it"),
        (gzip.compress(as_csv([PAYMENT] * 500).encode())[:-20], "is damaged or not complete .* Download it again"),
        (b"\x1f\x8b\x08" + b"\xff" * 100, "is damaged or not complete"),
        (b"PK\x03\x04" + b"half a zip", "is damaged or not complete"),
        (broken_zip(), "is damaged or not complete .*CRC"),
        (unknown_compression(), "cannot be unpacked here .* Unpack it and give the CSV"),
        (packed({"readme.txt": ""}), "holds no OP_DTL_GNRL_....csv. Take the zip of a program year"),
        (packed({"a.csv": as_csv([PAYMENT]), "b.csv": ""}), "holds no OP_DTL_GNRL"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_remedy(site: Site, content: str | bytes, says: str) -> None:
    site.build(payment())
    before = site.index.read_bytes()
    with pytest.raises(UnreadableInput, match=says) as raised:
        build_index([site.file(content, "given.csv")], site.index)
    assert str(raised.value).startswith("given.csv ")
    assert site.index.read_bytes() == before
    assert site.files() == [site.index.name, f"{site.index.name}.lock"]


def test_files_must_be_there(site: Site) -> None:
    with pytest.raises(UnreadableInput, match="No Open Payments file is given"):
        build_index([], site.index)
    with pytest.raises(UnreadableInput, match=r"missing.csv cannot be opened \(No such file"):
        build_index([site.folder / "missing.csv"], site.index)
    with pytest.raises(UnreadableInput, match=r"cannot be opened \(Is a directory\)"):
        build_index([site.folder], site.index)


def test_the_same_payments_are_never_counted_twice(site: Site) -> None:
    plain = site.file(as_csv([payment(), payment()]))
    copy = site.file(gzip.compress(plain.read_bytes()), "copy.gz")
    with pytest.raises(UnreadableInput, match=r"begin alike: they would count twice. Give one of them"):
        build_index([plain, copy], site.index)
    newer = site.file(as_csv([payment(amount="7.00", Payment_Publication_Date="06/30/2025")]), "newer.csv")
    with pytest.raises(UnreadableInput, match=r"two publications \(2025-01-30, 2025-06-30\) of program year 2023"):
        build_index([newer, plain], site.index)
    assert not site.index.exists()


# ---- the index is whole, or is not there


def test_no_name_is_in_the_index(site: Site) -> None:
    site.build(payment(), payment(npi="Exemplar"))
    content = site.index.read_bytes()
    assert FEE.encode() in content
    assert not any(name in content for name in (b"Synthia", b"Exemplar", b"Example Street", b"100000000001"))


def test_an_index_is_kept_until_its_files_are_newer_or_others(site: Site) -> None:
    path = site.file(as_csv([payment()]))
    build_index([path], site.index)
    made = site.index.stat()
    build_index([path], site.index)
    assert site.index.stat().st_ino == made.st_ino
    path.write_text(as_csv([payment(amount="200.00")]))
    build_index([path], site.index)
    assert site.ties().total_cents == 20_000
    other = site.file(as_csv([payment(amount="300.00")]), "other.csv")
    build_index([other], site.index)
    assert site.ties().total_cents == 30_000
    os.utime(other, ns=(1, 1))
    made = site.index.stat()
    build_index([other], site.index)
    assert site.index.stat().st_ino != made.st_ino


def test_files_that_change_while_they_are_read_make_no_index(site: Site) -> None:
    path = site.file(long_csv())
    with pytest.raises(UnreadableInput, match=r"changed while they were read. Build again once they stay"):
        build_index([path], site.index, lambda read, total: os.utime(path, ns=(1, 1)))
    assert not site.index.exists()


def test_progress_is_told_in_bytes_to_the_end(site: Site) -> None:
    files = [site.file(gzip.compress(long_csv().encode()), "a.gz"), site.file(long_csv(year="2022"), "b.csv")]
    total = sum(path.stat().st_size for path in files)
    told: list[tuple[int, int]] = []
    build_index(files, site.index, lambda read, total: told.append((read, total)))
    assert [of for _, of in told] == [total] * 3
    assert 0 < told[0][0] < told[1][0] < told[2][0] == total


def test_a_build_that_is_called_off_leaves_the_old_index(site: Site) -> None:
    site.build(payment())

    def call_off(read: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index([site.file(long_csv(), "other.csv")], site.index, call_off)
    assert site.ties().total_cents == 10_000
    assert site.files() == [site.index.name, f"{site.index.name}.lock"]


SLOW_BUILD = """
import sys, time
from open_payments.index import build_index
def pause(read, total):
    print("building", flush=True)
    time.sleep(float(sys.argv[3]))
build_index(sys.argv[1:2], sys.argv[2], pause)
"""


def slow_build(source: Path, index: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SLOW_BUILD, str(source), str(index), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])


def test_a_killed_build_leaves_no_half_index_and_the_next_one_cleans_up(site: Site) -> None:
    site.build(payment())
    source = site.file(long_csv(amount="1.00"), "other.csv")
    with slow_build(source, site.index, 60) as builder:
        assert builder.stdout
        assert builder.stdout.readline() == b"building\n"
        builder.send_signal(signal.SIGKILL)
    assert len(site.files()) == 4  # two half ones, under other names
    assert site.ties().total_cents == 10_000
    build_index([source], site.index)
    assert site.ties().total_cents == 6_600_000
    assert site.files() == [site.index.name, f"{site.index.name}.lock"]


def test_of_two_builders_at_once_one_builds_and_the_other_waits(site: Site) -> None:
    source = site.file(long_csv())
    with slow_build(source, site.index, 0.5) as builder:
        assert builder.stdout
        assert builder.stdout.readline() == b"building\n"
        told: list[int] = []
        build_index([source], site.index, lambda read, total: told.append(read))
        assert told == []
        assert site.ties().payments == 66_000
    assert builder.returncode == 0


def test_many_builders_in_threads_agree(site: Site) -> None:
    source = site.file(as_csv([payment()] * 1000))
    with ThreadPoolExecutor(8) as pool:
        summaries = list(pool.map(lambda _: build_index([source], site.index), range(8)))
    assert {summary.total_cents for summary in summaries} == {10_000_000}
    assert site.files() == [site.index.name, f"{site.index.name}.lock"]


def test_readers_see_the_old_index_or_the_new_one_and_nothing_between(site: Site) -> None:
    site.build(payment())
    seen: list[int] = []
    over = Event()

    def read(_: int) -> None:
        while not over.is_set():
            seen.append(site.ties().total_cents)

    with ThreadPoolExecutor(4) as pool:
        readers = pool.map(read, range(4))
        for amount in ("200.00", "100.00") * 20:
            site.build(payment(amount=amount))
            before, until = len(seen), monotonic() + 60
            while len(seen) < before + 8 and monotonic() < until:  # four may have begun before
                sleep(0.001)
        over.set()
        assert list(readers) == [None] * 4
    assert set(seen) == {10_000, 20_000}


def test_an_index_that_cannot_be_written_says_where(site: Site) -> None:
    with pytest.raises(SecondOpinionError, match=r"cannot be written .* Make room or choose another folder"):
        build_index([site.file(as_csv([payment()]))], site.folder / "missing" / "index.sqlite")


# ---- looking up


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)


def of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as index:
        index.execute("PRAGMA user_version = 99")
    index.close()


def without_summary(path: Path) -> None:
    with sqlite3.connect(path) as index:
        index.execute("DELETE FROM about")
    index.close()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (Path.unlink, "There is no Open Payments index at"),
        (lambda path: path.write_bytes(b""), "is no Open Payments index of this version"),
        (lambda path: path.write_text("name,amount\n" * 100), r"cannot be read \(file is not a database\)"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "cannot be read"),
        (damaged, "cannot be read"),
        (of_another_version, "is no Open Payments index of this version"),
        (without_summary, "cannot be read"),
    ],
)
def test_an_index_that_cannot_be_read_is_no_empty_one_and_is_built_again(
    site: Site, harm: Callable[[Path], object], says: str
) -> None:
    site.build(payment())
    harm(site.index)
    with pytest.raises(SecondOpinionError, match=f"{says}.* Build it again from the CMS Open Payments files"):
        ties_of(site.index, NPI)
    site.build(payment())
    assert site.ties().total_cents == 10_000


@pytest.mark.parametrize("npi", ["", "Exemplar", "1234567890", "12345678931", "0000000000", "\u0661234567893"])
def test_what_is_no_npi_cannot_be_looked_up(site: Site, npi: str) -> None:
    site.build(payment())
    with pytest.raises(UnreadableInput, match="Not an NPI: it needs ten digits"):
        ties_of(site.index, npi)


@given(stem=st.integers(100_000_000, 299_999_999))
def test_one_check_digit_of_ten_makes_an_npi(stem: int) -> None:
    valid = [f"{stem}{digit}" for digit in range(10) if is_npi(f"{stem}{digit}")]
    (npi,) = valid
    digits = [int(digit) for digit in reversed(f"80840{npi}")]
    assert sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def test_an_index_is_found_below_any_name(site: Site) -> None:
    site.index = site.folder / "50% of #payments? [a] ü.sqlite"
    site.build(payment())
    assert site.ties().total_cents == 10_000
    assert summary_of(str(site.index)).clinicians == 1


# ---- the line


def test_the_line_says_total_years_nature_source_and_what_it_does_not_mean(site: Site) -> None:
    site.build(
        payment(amount="1200.00", year="2022", Payment_Publication_Date="06/28/2024"),
        payment(amount="34.50", nature=MEAL),
    )
    assert neutral_line(site.ties()) == (
        "CMS Open Payments lists $1,234.50 in payments and other transfers of value that companies reported for "
        "NPI 1234567893 in 2022-2023: Consulting Fee $1,200.00; Food and Beverage $34.50. "
        "Source: OP_DTL_GNRL_PGYR2023_P01302025.csv, general payments, published 2025-01-30; disputed payments are "
        "left out. "
        "Such payments are public and legal. No study confirmed here shows that they change care, and this says "
        "nothing about this patient's care."
    )


def test_beyond_three_natures_the_others_are_one_sum(site: Site) -> None:
    site.build(*(payment(nature=f"Nature {number}", amount=f"{number}.00") for number in range(1, 6)))
    line = neutral_line(site.ties())
    assert "in 2023: Nature 5 $5.00; Nature 4 $4.00; Nature 3 $3.00; other kinds $3.00. Source" in line


def test_the_benchmark_reports() -> None:
    assert "ties_of" in report(rows=500)
