"""The files CMS publishes, plain, .gz or .zip: the lines of the general-payments CSVs in them."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import BufferedReader, RawIOBase
from operator import methodcaller
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from zipfile import BadZipFile, ZipFile

from second_opinion.errors import UnreadableInput

_READ_BYTES = 1 << 20
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
# Latin-1 takes every byte, and all that we read but one text is ASCII: a name in odd bytes stops nothing.
_ENCODING = "latin-1"
_UTF8_MARK, _UTF16_MARKS = "\xef\xbb\xbf", ("\xff\xfe", "\xfe\xff")  # byte order marks, read as Latin-1


class Csv(NamedTuple):
    """One CSV, and how many bytes of the file it is in have been read."""

    name: str
    lines: Iterator[str]
    bytes_read: Callable[[], int]


def csvs_in(path: Path) -> Iterator[Csv]:
    """The first bytes, not the name, say how a file is packed."""
    try:
        file = path.open("rb", buffering=_READ_BYTES)
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be opened ({error.strerror}). Check its name and rights.") from None
    name = path.name
    with file, _remedy(name):
        start = file.read(len(_ZIP))
        file.seek(0)
        if start.startswith(_ZIP):
            archive = ZipFile(file)
            for member in _general_payments(archive.namelist(), name):
                yield Csv(f"{name}/{member}", _lines(_buffered(archive.open(member)), name), file.tell)
        else:
            unpacked = _buffered(GzipFile(fileobj=file)) if start.startswith(_GZIP) else file
            yield Csv(name, _lines(unpacked, name), file.tell)


def _general_payments(members: list[str], name: str) -> list[str]:
    csvs = [member for member in members if member.lower().endswith(".csv")]
    chosen = [member for member in csvs if "OP_DTL_GNRL" in member.upper()] or csvs[: len(csvs) == 1]
    if not chosen:
        raise UnreadableInput(f"{name} holds no OP_DTL_GNRL_....csv. Take the zip of a program year, as CMS made it.")
    return chosen


def _buffered(unpacking: object) -> BinaryIO:
    # Both unpackers read lines in Python; a buffer does it in C.
    return BufferedReader(cast(RawIOBase, unpacking), _READ_BYTES)


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    with _remedy(name):
        first = file.readline(_READ_BYTES).decode(_ENCODING)
        if first.startswith(_UTF16_MARKS):
            raise UnreadableInput(f"{name} is UTF-16: it was saved anew. Take the file as CMS published it.")
        yield first.removeprefix(_UTF8_MARK)
        yield from map(methodcaller("decode", _ENCODING), file)


@contextmanager
def _remedy(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, BadZipFile) as error:
        raise UnreadableInput(f"{name} is damaged or not complete ({error}). Download it again.") from None
    except RuntimeError as error:  # encrypted, or a compression that Python cannot unpack, such as Deflate64
        raise UnreadableInput(f"{name} cannot be unpacked here ({error}). Unpack it and give the CSV.") from None
