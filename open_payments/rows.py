"""One row of a general-payments CSV: the columns we read, whether it counts, and if not, why not."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from second_opinion.errors import UnreadableInput

_KIND = (
    "Change_Type",
    "Dispute_Status_for_Publication",
    "Program_Year",
    "Nature_of_Payment_or_Transfer_of_Value",
    "Applicable_Manufacturer_or_Applicable_GPO_Making_Payment_ID",
    "Payment_Publication_Date",
)
_NPI = "Covered_Recipient_NPI"
_AMOUNT = "Total_Amount_of_Payment_USDollars"
_PAYMENTS = "Number_of_Payments_Included_in_Total_Amount"
_DELETED = ("DELETED", "REMOVED")
_LUHN_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")
_LUHN_80840 = 24  # what the prefix of every US NPI adds
_DOLLARS = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,2})0*)?")  # ten digits: more than all companies pay in a year
_WHOLE = re.compile(r"[0-9]{1,9}")
_YEAR = re.compile(r"20[0-9]{2}")
_DAY = re.compile(r"(?P<month>\d\d?)/(?P<day>\d\d?)/(?P<year>\d{4})|(\d{4})-(\d\d)-(\d\d)")


class Columns(NamedTuple):
    """Where in a row we look."""

    width: int
    kind: Callable[[Sequence[str]], tuple[str, ...]]
    npi: int
    amount: int
    payments: int


class Kind(NamedTuple):
    """What many payments have in common."""

    year: int
    nature: str
    payer: str


class LeftOut(NamedTuple):
    """Why a row does not count; a bad one `says` what is wrong, and quotes nothing: it may be a name."""

    reason: str
    says: str = ""


_NO_AMOUNT = LeftOut("bad", "the amount is not a number of dollars and cents")
_NO_NUMBER = LeftOut("bad", "the number of payments is not a whole number")


def columns_of(header: list[str], name: str) -> Columns:
    """Raises UnreadableInput for a file of another layout, saying which to take."""
    at = {column.strip().casefold(): number for number, column in enumerate(header)}
    missing = [column for column in (_NPI, *_KIND, _AMOUNT, _PAYMENTS) if column.casefold() not in at]
    if missing == [_NPI]:
        raise UnreadableInput(
            f"{name} has the layout from before program year 2021: without {_NPI} no payment can be tied to a "
            "clinician. Take program year 2021 or later."
        )
    if missing:
        raise UnreadableInput(
            f"{name} is no general-payments file: it lacks {', '.join(missing)}. Take OP_DTL_GNRL_PGYR....csv; "
            "research and ownership are other files."
        )
    npi, amount, payments = (at[column.casefold()] for column in (_NPI, _AMOUNT, _PAYMENTS))
    kind = itemgetter(*(at[column.casefold()] for column in _KIND))
    return Columns(len(header), kind, npi, amount, payments)


def kind_of(cells: tuple[str, ...]) -> tuple[Kind, date] | LeftOut:
    """What `Columns.kind` picked, with the day it was published."""
    change, disputed, year, nature, payer, published = (cell.strip() for cell in cells)
    if change.upper() in _DELETED:
        return LeftOut("deleted")
    if disputed.casefold() == "yes":
        return LeftOut("disputed")
    if not _YEAR.fullmatch(year):
        return LeftOut("bad", "the program year is not a year")
    if not nature:
        return LeftOut("bad", "the nature of payment is empty")
    if (day := _day(published)) is None:
        return LeftOut("bad", "the publication date is not a date")
    return Kind(int(year), _as_utf8(nature), payer), day


@lru_cache(maxsize=65536)
def npi_of(text: str) -> int | LeftOut:
    """Whom a row counts for."""
    if is_npi(text):
        return int(text)
    # Teaching hospitals have none, and some clinicians' rows lack it.
    return LeftOut("bad", "the NPI fails its check digit") if text.strip() else LeftOut("without_npi")


def is_npi(text: str) -> bool:
    """Ten digits, 1 or 2 first, that pass the Luhn check behind the prefix 80840."""
    if len(text) != 10 or not (text.isascii() and text.isdecimal()) or text[0] not in "12":
        return False
    digits = text.encode()
    check = _LUHN_80840 + sum(digits[0::2].translate(_LUHN_DOUBLED)) + sum(digits[1::2]) - 10 * ord("0")
    return check % 10 == 0


@lru_cache(maxsize=65536)
def cents_of(dollars: str) -> int | LeftOut:
    """Exact: an amount never becomes a float."""
    found = _DOLLARS.fullmatch(dollars.strip())
    return int(found[1] + (found[2] or "").ljust(2, "0")) if found else _NO_AMOUNT


@lru_cache(maxsize=1024)
def whole_of(number: str) -> int | LeftOut:
    """The number of payments that one row stands for."""
    return int(number) if _WHOLE.fullmatch(number.strip()) else _NO_NUMBER


def _day(written: str) -> date | None:
    found = _DAY.fullmatch(written)
    if not found:
        return None
    year, month, day = found.group("year", "month", "day") if found["year"] else found.groups()[3:]
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _as_utf8(latin_1: str) -> str:
    try:
        return latin_1.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return latin_1
