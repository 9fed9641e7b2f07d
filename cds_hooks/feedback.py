"""What became of our cards: feedback as the specification has it, and as Epic sends it."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, convert, json

from cds_hooks.wording import WORDING
from journal.rows import DecisionRow, FeedbackRow
from second_opinion.answers import ACCEPTED, lasts
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import not_json, plain_json
from second_opinion.limits import Limits

_EPIC = "com.epic.cdshooks.feedback.overrideReason."
_OURS = frozenset(WORDING["override_reasons"]["reasons"])
_OUTCOMES = (ACCEPTED, "overridden")
_LONGEST = 4000  # characters of a comment
_ENTRIES_MOST = 10_000  # in one body
_ID_LONGEST = 200  # characters of a card's or suggestion's id: ours have 36, and PostgreSQL's indexes hold no long ones
_TIME_LONGEST = 64


class _Entry(Struct):
    card: str
    outcome: str
    outcomeTimestamp: Any = ""  # required, kept as it was written; nothing is decided by it
    acceptedSuggestions: Any = None
    overrideReason: Any = None
    overrideReasons: Any = None  # so does Epic's page write it


class _Body(Struct):
    feedback: list[Any]


class Reply(Struct, frozen=True):
    """One answer to one card; `reason` is one of our codes, or '' if none was given that we know."""

    card: str
    outcome: str
    at: str
    reason: str = ""
    comment: str = ""
    accepted: tuple[str, ...] = ()


def read_feedback(body: bytes, mapped: Mapping[str, str]) -> tuple[list[Reply], list[str]]:
    """The answers, and what is wrong with entries that are none. `mapped`: a site's own reason codes to ours.

    Raises UnreadableInput for a body that is not feedback, or in which no entry can be read.
    """
    try:
        entries = json.decode(plain_json(body), type=_Body).feedback
    except ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise UnreadableInput(f"{said.replace('`', '')} (at ${where.rstrip('`')})") from None
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from None
    if len(entries) > _ENTRIES_MOST:
        raise UnreadableInput(f"{len(entries)} answers in one body; send at most {_ENTRIES_MOST} (at $.feedback)")
    replies, faults = [], []
    for number, entry in enumerate(entries):
        try:
            replies.append(_reply(convert(entry, _Entry), mapped))
        except ValidationError as error:
            said, _, where = str(error).partition(" - at `$")
            faults.append(f"{said.replace('`', '')} (at $.feedback[{number}]{where.rstrip('`')})")
    if faults and not replies:
        raise UnreadableInput(faults[0])
    return replies, faults


def _reply(entry: _Entry, mapped: Mapping[str, str]) -> Reply:
    outcome = entry.outcome.strip().lower()
    if outcome not in _OUTCOMES:
        raise ValidationError("outcome must be accepted or overridden - at `$.outcome`")
    if not entry.card.strip():
        raise ValidationError("card is empty - at `$.card`")
    if len(entry.card) > _ID_LONGEST:
        raise ValidationError("card is longer than the uuid of any card - at `$.card`")
    given = [*_objects(entry.overrideReason), *_objects(entry.overrideReasons)] if outcome != ACCEPTED else []
    codes = (mapped.get(code, code) for reason in given for code in _codes(reason))
    comments = (reason.get("userComment") for reason in given)
    return Reply(
        card=entry.card.strip().lower(),  # a uuid, whichever way it is written
        outcome=outcome,
        at=entry.outcomeTimestamp[:_TIME_LONGEST] if isinstance(entry.outcomeTimestamp, str) else "",
        reason=next((code for code in codes if code in _OURS), ""),
        comment=next((words[:_LONGEST] for words in comments if isinstance(words, str)), ""),
        accepted=tuple(str(each["id"])[:_ID_LONGEST] for each in _objects(entry.acceptedSuggestions) if each.get("id")),
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    """One object or several, whichever was sent."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def _codes(reason: dict[str, Any]) -> Iterator[str]:
    """Where a reason's code may stand: in a Coding, in a CodeableConcept, in Epic's extensions. Never in a display."""
    for coding in _objects(reason.get("reason")):
        for each in (coding, *_objects(coding.get("coding"))):
            if isinstance(each.get("code"), str):
                yield each["code"]
    for extension in _objects(reason.get("extension")):
        yield from (str(value) for name, value in extension.items() if name.startswith(_EPIC))


def rows_of(
    replies: list[Reply], client: str, today: date, now: datetime, limits: Limits
) -> tuple[list[FeedbackRow], list[DecisionRow]]:
    """What is stored of answers: as given, and what they mean from today on (`limits`: of the page on silence)."""
    answers = [
        FeedbackRow(
            card=reply.card, client=client, outcome=reply.outcome, reason=reply.reason or None,
            accepted=reply.accepted, comment=reply.comment, outcome_at=reply.at, received_at=now,
        )
        for reply in replies
    ]  # fmt: skip
    decisions = []
    for reply in replies:
        reason = ACCEPTED if reply.outcome == ACCEPTED else reply.reason
        duration = lasts(reason, limits)
        if duration:
            decisions.append(
                DecisionRow(card=reply.card, client=client, reason=reason, since=today, until=duration.after(today))
            )
    return answers, decisions
