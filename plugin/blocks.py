"""What a page is made of, whether it becomes Markdown or terminal text. All words are plain, without markup."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """`link` is a web address, or a path inside this repository; so in Item."""

    text: str
    level: int = 2
    link: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    text: str = ""
    label: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Item, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    text: str


Block = Heading | Paragraph | Items | Table | Verbatim
