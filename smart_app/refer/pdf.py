"""The packet as a PDF, by Typst: data and template apart, fonts from the package, the same packet the same bytes.

Letters that those fonts lack are taken from the machine's.
"""

from functools import cache
from importlib.resources import files

import typst
from msgspec import json
from msgspec.structs import replace

from smart_app.refer.packet import Packet
from smart_app.refer.wording import WORDING


def pdf_of(packet: Packet) -> bytes:
    titles = WORDING["sections"]
    words = {"questions": titles["questions"]["title"], "unread": titles["unread"]["title"]}
    words["unread_none"] = titles["unread"]["none"]
    return typst.compile(
        _template(),
        format="pdf",
        ignore_system_fonts=False,  # a name may be in a script that the package's fonts lack
        sys_inputs={"packet": json.encode(_in_words(packet)).decode(), "words": json.encode(words).decode()},
    )


def _in_words(packet: Packet) -> Packet:
    """What is printed: the events behind it stay out."""
    sections = [replace(each, lines=tuple(replace(line, events=()) for line in each.lines)) for each in packet.sections]
    return replace(packet, sections=tuple(sections))


@cache
def _template() -> bytes:
    return files("smart_app.refer").joinpath("packet.typ").read_bytes()
