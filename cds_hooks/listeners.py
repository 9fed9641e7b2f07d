"""Who is told what happens at this door (journal, metrics, logs): the door knows none of them by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.calls import Call
from second_opinion.assess import Assessment

Assessed = Callable[[Call, Assessment, Sequence[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Each is called in the request's own thread, in order; it must be quick, and must not raise."""

    assessed: tuple[Assessed, ...] = ()  # a call was judged: the call, the assessment, the cards shown
    looked_up: tuple[Callable[[float], None], ...] = ()  # the FHIR server was asked: seconds it took
    fed_back: tuple[Callable[[str, str], None], ...] = ()  # an answer to a card: its outcome, its reason's code or ''
    refused: tuple[Callable[[str, str], None], ...] = ()  # a 401: why, in a word of ours; a listed iss, or ''

    def and_also(self, others: "Listeners") -> "Listeners":
        """These first, then the others."""
        return Listeners(
            self.assessed + others.assessed,
            self.looked_up + others.looked_up,
            self.fed_back + others.fed_back,
            self.refused + others.refused,
        )


NOBODY = Listeners()
