"""What the doors hand over to be kept. Whoever fills these in hashes the identifiers first (journal/keys.py)."""

from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct


class KeptFinding(Struct, frozen=True):
    rule: str
    outcome: str
    mode: str  # on or silent


class KeptLane(Struct, frozen=True):
    """`why`: the kind of reason, such as 'HTTP 403' or 'timeout', never a reference."""

    state: str
    count: int
    why: str = ""


class AssessmentRow(Struct, frozen=True, kw_only=True):
    """One call, also one that was answered with silence. `id` is a uuid; patient, user and orders are keyed hashes."""

    id: str
    at: datetime
    as_of: date
    client: str
    hook: str
    hook_instance: str
    patient: str
    user: str
    kind: str | None = None
    regions: tuple[str, ...] | None = None
    by: str | None = None
    orders: tuple[str, ...] = ()
    silenced_by: str | None = None
    indicator: str | None = None
    findings: tuple[KeptFinding, ...] = ()
    lanes: Mapping[str, KeptLane] = {}
    versions: Mapping[str, str] = {}
    timing: Mapping[str, float] = {}
    could_not_look: bool = False


class CardRow(Struct, frozen=True, kw_only=True):
    """A card that was shown. `suggestions`: the uuid of each to its kind; `raised`: the rules that raised it."""

    uuid: str
    assessment: str
    client: str
    patient: str
    user: str
    at: datetime
    as_of: date
    orders: tuple[str, ...]
    kind: str
    regions: tuple[str, ...]
    raised: tuple[str, ...]
    suggestions: Mapping[str, str]


class FeedbackRow(Struct, frozen=True, kw_only=True):
    """One answer to one card. `comment` in plain words: it is sealed before it is stored."""

    card: str
    client: str
    outcome: str
    reason: str | None = None
    accepted: tuple[str, ...] = ()
    comment: str = ""
    outcome_at: str
    received_at: datetime


class DecisionRow(Struct, frozen=True, kw_only=True):
    """What an answer means from then on: until that day, the last one included."""

    card: str
    client: str
    reason: str
    since: date
    until: date
