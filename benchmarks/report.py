"""The tables that a run prints."""

import os
import platform
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.cells import Cell
from benchmarks.servers import OURS
from benchmarks.targets import Target


def table(cells: Sequence[Cell]) -> str:
    """One block a load, ours first; times as multiples of ours, CPU as multiples of parsing, are what to trust."""
    head = (
        f"{'':<28}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'p50/ours':>10}{'CPU/ours':>10}{'CPU/orjson':>12}"
        f"{'memory MB':>11}{'calls':>8}"
    )
    loads = sorted({(cell.size, cell.connections) for cell in cells})
    return "\n".join([head, *(line for load in loads for line in _block(cells, *load))])


def _block(cells: Iterable[Cell], size: int, connections: int) -> Iterator[str]:
    block = [cell for cell in cells if (cell.size, cell.connections) == (size, connections)]
    ours = next(cell for cell in block if cell.service == OURS.name)
    yield ""
    yield f"{_size(size)}, {connections} connection{'s' * (connections > 1)}"
    for cell in block:
        p50, p99 = cell.slowest_of(50), cell.slowest_of(99)
        yield (
            f"  {cell.service:<26}{p50:>9.2f}{p99:>9.2f}{cell.cpu_ms:>9.2f}{p50 / ours.slowest_of(50):>9.1f}x"
            f"{cell.cpu_ms / ours.cpu_ms:>9.1f}x{cell.cpu_over_parsing:>11.1f}x{cell.memory_mb:>11.0f}{cell.calls:>8}"
        )


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size // 1000} KB"


def memory(samples: Sequence[tuple[int, float]]) -> str:
    return "Memory of our service: " + ", ".join(f"{mb:.1f} MB after {calls:,} calls" for calls, mb in samples)


def verdicts(targets: Iterable[Target]) -> str:
    return "\n".join(["Targets", *map(_verdict, targets)])


def _verdict(target: Target) -> str:
    measured = "" if target.measured is None else f"{target.measured:.2f}, "
    floor = "" if target.floor is None else f" (the floor: {target.floor:.2f})"
    bound = "at least" if target.at_least else "at most"
    return f"  {target.verdict:<13}{measured:>8}{bound} {target.limit:g}: {target.says}{floor}"


def machine() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run, Python {platform.python_version()}"
