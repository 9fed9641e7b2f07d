"""JSON as it arrives: byte-order marks, empty files, and what to say when it is none."""

from second_opinion.errors import UnreadableInput

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def plain_json(body: bytes) -> bytes:
    """The body without a byte-order mark. Raises UnreadableInput if nothing is left."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body.strip():
        raise UnreadableInput("it is empty")
    return body


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
