"""A patient's chart on an EHR's server, as one hook call may read it; and a chart that may not be read, with why."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from second_opinion.from_fhir import Fetched


class Access(Struct, frozen=True):
    """What a call brings along: which hook asks, as whom, about whom, and where with which token."""

    server: str
    token: str
    user: str
    patient: str
    hook: str

    def __repr__(self) -> str:
        return f"Access({self.hook!r}, ...)"  # a token must end in no log


class LookedUp(Struct, frozen=True):
    """What was done for a call: lanes asked for, lanes still warm from a hook before, and the time it took."""

    lanes: int = 0
    warm: int = 0
    milliseconds: float = 0


class Chart(Protocol):
    @property
    def looked_up(self) -> LookedUp:
        """What was done so far."""

    def lanes(self, missing: Mapping[str, str]) -> dict[str, Fetched]:
        """Whole lanes (''), or what follows from a next page's address on."""

    def orders(self, references: Iterable[str]) -> dict[str, Fetched]:
        """Single orders, such as 'ServiceRequest/9'."""


OpenChart = Callable[[Access], Chart]


class ClosedChart:
    """Nothing can be had, and nobody is asked."""

    looked_up = LookedUp()

    def __init__(self, why: str) -> None:
        self._none = Fetched((), why)

    def lanes(self, missing: Mapping[str, str]) -> dict[str, Fetched]:
        return dict.fromkeys(missing, self._none)

    def orders(self, references: Iterable[str]) -> dict[str, Fetched]:
        return dict.fromkeys(references, self._none)
