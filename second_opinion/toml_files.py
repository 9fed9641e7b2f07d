"""Reads a site's TOML files strictly; whatever is wrong names file, line and remedy."""

import re
import tomllib
from typing import Any, TypeVar

from msgspec import ValidationError, convert

from second_opinion.errors import KnowledgeError

Form = TypeVar("Form")


def read_toml(text: str, name: str, form: type[Form], guide: str) -> Form:
    """`guide` is the page that shows what can stand in such a file. Raises KnowledgeError."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{name}: not TOML: {error}.") from None
    return shaped(written, text, name, form, guide)


def shaped(given: Any, text: str, name: str, form: type[Form], guide: str, place: str = "") -> Form:
    """A part of such a file in its form; `place` is where it stands: 'local_codes[2]'. Raises KnowledgeError."""
    try:
        return convert(given, form)
    except ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        field = re.search(r"unknown field `([^`]+)`", said)
        message = f"{said.replace('`', '')}; {guide} shows what can stand here"
        raise fault(text, name, f"{place}{path}.{field[1] if field else ''}", message) from None


def fault(text: str, name: str, place: str, message: str) -> KnowledgeError:
    """Names the line of the last word of a place such as '.limits.indication.imaging', sought word after word.

    '.cds_client[2].jku' is sought below the third [[cds_client]].
    """
    lines = [line.partition("#")[0] for line in text.splitlines()]
    at, table = 0, re.compile("")
    for index, word in re.findall(r"\[(\d+)\]|([^.\[\]`]+)", place):
        if index:
            tables = [number for number, line in enumerate(lines) if table.match(line)]
            at = tables[int(index)] if int(index) < len(tables) else at  # the list may stand in one line
            continue
        mention = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        table = re.compile(rf"\s*\[\[\s*{re.escape(word)}\s*\]\]")
        at = next((number for number in range(at, len(lines)) if mention.search(lines[number])), at)
    return KnowledgeError(f"{name}, line {at + 1}: {message}.")
