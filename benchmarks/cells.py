"""What was measured of one service under one load, round by round."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True)
class Round:
    """`cpu_ms`: of all its calls together; `parsing_ms`: orjson.loads of one such body, measured in the same round."""

    milliseconds: tuple[float, ...]
    cpu_ms: float
    parsing_ms: float

    @property
    def cpu_of_a_call(self) -> float:
        return self.cpu_ms / len(self.milliseconds)


@dataclass(frozen=True)
class Cell:
    service: str
    size: int
    connections: int
    rounds: tuple[Round, ...]
    memory_mb: float

    @property
    def calls(self) -> int:
        return sum(len(a_round.milliseconds) for a_round in self.rounds)

    @property
    def cpu_ms(self) -> float:
        return sum(a_round.cpu_ms for a_round in self.rounds) / self.calls

    @property
    def cpu_over_parsing(self) -> float:
        """Of the rounds the median: a round that somebody disturbed does not count more than others."""
        return median(a_round.cpu_of_a_call / a_round.parsing_ms for a_round in self.rounds)

    def slowest_of(self, hundredths: int) -> float:
        """So many of a hundred calls took at most these milliseconds."""
        return percentile([ms for a_round in self.rounds for ms in a_round.milliseconds], hundredths)


def percentile(values: Iterable[float], hundredths: int) -> float:
    """The nearest rank: always a value that was measured."""
    ranked = sorted(values)
    return ranked[max(0, ceil(len(ranked) * hundredths / 100) - 1)]
