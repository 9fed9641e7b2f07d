"""Why an EHR's server did not write what it was asked to, in words for whoever asked; alone knows what each means."""

from typing import Literal

from msgspec import DecodeError, Struct, ValidationError, json

from second_opinion.errors import SecondOpinionError
from second_opinion.plain_words import plain

Kind = Literal["signed_out", "forbidden", "missing", "changed", "refused", "busy", "broken", "no_answer", "unknown"]
_LONGEST = 300


class Refused(SecondOpinionError):
    """`may_be_written`: nobody knows whether it was. Asking again with the same identifier does no harm."""

    def __init__(self, kind: Kind, says: str, may_be_written: bool = False, status: int = 0) -> None:
        super().__init__(says)
        self.kind, self.may_be_written, self.status = kind, may_be_written, status


_KINDS: dict[int, tuple[Kind, str]] = {
    401: ("signed_out", "The EHR takes this sign-in no longer. Open the app from the chart again."),
    403: ("forbidden", "The EHR does not let you, or this app, {do}. Copy the text to your note instead."),
    404: ("missing", "The EHR's server knows no such place: it could not {do}."),
    405: ("missing", "The EHR's server does not let apps {do}. Copy the text to your note instead."),
    409: ("changed", "Somebody changed it at the same time. Look at it in the EHR, then try again."),
    410: ("missing", "It has been deleted in the EHR."),
    412: ("changed", "It has changed in the EHR, or is there more than once. Look at it there first."),
    413: ("refused", "It is larger than the EHR takes."),
    429: ("busy", "The EHR is busy. Try again in a moment."),
}
_UNKNOWN_OUTCOME = (
    "It may or may not have been written: look in the EHR. To try again here is safe: it is written once."
)
_NOTHING_WRITTEN = "Nothing was written. Try again in a moment."


def refusal(status: int, body: bytes, do: str, writes: bool = True) -> Refused:
    """What an answer means that is no success; `do`: what it was asked to do, such as 'write a ServiceRequest'."""
    said = _said(body)
    if status in _KINDS:
        kind, words = _KINDS[status]
        return Refused(kind, f"{words.format(do=do)} ({status}){said}", status=status)
    if 300 <= status < 400:
        return Refused(
            "refused", f"The EHR's server sent us elsewhere ({status}); that is not followed.", status=status
        )
    if 400 <= status < 500:
        return Refused("refused", f"The EHR's server refused to {do} ({status}){said}", status=status)
    if 200 <= status < 300:
        return Refused("broken", f"The EHR's server was asked to {do} and answered with something else.", status=status)
    outcome = _UNKNOWN_OUTCOME if writes else _NOTHING_WRITTEN
    return Refused("broken", f"The EHR's server failed ({status}){said} {outcome}", writes, status)


def late(why: str, may_be_written: bool) -> Refused:
    """No whole answer came."""
    outcome = _UNKNOWN_OUTCOME if may_be_written else _NOTHING_WRITTEN
    return Refused("no_answer", f"The EHR's server could not be asked: {why}. {outcome}", may_be_written)


class _Text(Struct, frozen=True):
    text: str = ""


class _Issue(Struct, frozen=True):
    diagnostics: str = ""
    details: _Text = _Text()


class _Outcome(Struct, frozen=True):
    issue: list[_Issue] = []


def _said(body: bytes) -> str:
    """The server's own words, made harmless and short; '.' if there are none."""
    try:
        issues = json.decode(body, type=_Outcome).issue
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
        issues = []
    words = "; ".join(said for issue in issues if (said := issue.diagnostics or issue.details.text))
    return f": {plain(words, _LONGEST)}" if words else "."
