"""JSON as it arrives: byte-order marks, halves of characters, empty files, and what to say when it is none."""

import re

from second_opinion.errors import UnreadableInput

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# A pair of surrogates, or half of one, after backslashes that only stand for themselves.
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*)(?:(\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|\\ud[89a-f][0-9a-f]{2})", re.IGNORECASE
)


def plain_json(body: bytes) -> bytes:
    """The body without a byte-order mark. Raises UnreadableInput if nothing is left, or if it is not UTF-8."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body.strip():
        raise UnreadableInput("it is empty")
    if body.startswith(_UTF_16) or b"\0" in body[:4]:
        raise UnreadableInput("it is not valid JSON: UTF-16 or UTF-32, where FHIR has UTF-8; save it as UTF-8")
    return body


def whole(body: bytes) -> bytes | None:
    """The body with halves of characters replaced; None if it has none. For a body that could not be decoded.

    A text cut off in the middle of a character ends in half an escape; the chart is not to be lost for it. To look for
    them before anything is wrong would take as long as decoding.
    """
    mended = _SURROGATES.sub(lambda found: found[0] if found[2] else found[1] + rb"\ufffd", body)
    return mended if mended != body else None


def not_json(error: Exception) -> UnreadableInput:
    """What to tell the reader about a decoding error."""
    if isinstance(error, RecursionError):
        return UnreadableInput("it is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return UnreadableInput("it is not valid JSON: not UTF-8")
    said = str(error).removeprefix("JSON is malformed: ")
    if said.startswith("trailing characters"):
        said += "; one JSON value is read, so lines of NDJSON must be put into a Bundle"
    return UnreadableInput(f"it is not valid JSON: {said}")
