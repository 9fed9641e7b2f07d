"""What was promised of the service's speed and memory, and whether a run held it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.cells import Cell
from benchmarks.servers import FLOOR, MODELS, OURS, Service

SIZE = 200_000  # the promises are about a body of this size where they name one
OVER_PARSING, FASTER, SPREAD, GROWTH = 2.0, 15.0, 5.0, 1.05


@dataclass(frozen=True)
class Target:
    """`measured` is None if this run did not; `floor` is the same of a service that only decodes the body."""

    says: str
    limit: float
    measured: float | None
    floor: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        held = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "held" if held else "MISSED"


def targets(cells: Sequence[Cell], memory_mb: Sequence[float] = ()) -> list[Target]:
    """`memory_mb`: of our service, first once it is warm, last after all calls; empty if that was not measured."""
    alone = {(cell.service, cell.size): cell for cell in cells if cell.connections == 1}
    growth = memory_mb[-1] / memory_mb[0] if memory_mb else None
    return [
        Target(
            "CPU of a call of 200 KB, as a multiple of orjson.loads of its body",
            OVER_PARSING,
            _over_parsing(alone.get((OURS.name, SIZE))),
            _over_parsing(alone.get((FLOOR.name, SIZE))),
        ),
        Target(
            "times faster than HealthChain with fhir.resources (200 KB; by p50 and CPU, at 1 and 8 connections)",
            FASTER,
            _times_faster(cells),
            at_least=True,
        ),
        Target(
            "p99 over p50 at one connection, of all sizes the worst",
            SPREAD,
            _spread(alone, OURS),
            _spread(alone, FLOOR),
        ),
        Target("memory after 20,000 calls over that after 2,000", GROWTH, growth),
    ]


def _over_parsing(cell: Cell | None) -> float | None:
    return cell.cpu_over_parsing if cell else None


def _times_faster(cells: Sequence[Cell]) -> float | None:
    """On a busy machine the slower one waits more often: p50 alone would flatter us."""
    at = {(cell.service, cell.connections): cell for cell in cells if cell.size == SIZE}
    pairs = [(cell, at.get((MODELS.name, cell.connections))) for cell in at.values() if cell.service == OURS.name]
    times = [
        min(other.slowest_of(50) / ours.slowest_of(50), other.cpu_ms / ours.cpu_ms) for ours, other in pairs if other
    ]
    return min(times, default=None)


def _spread(cells: Mapping[tuple[str, int], Cell], service: Service) -> float | None:
    spreads = [cell.slowest_of(99) / cell.slowest_of(50) for (name, _), cell in cells.items() if name == service.name]
    return max(spreads, default=None)
