"""Our service beside its peers over HTTP on this machine: all started once, then called in turns, round by round."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product

import orjson

from benchmarks.cells import Cell, Round
from benchmarks.load import Answers, Job, client
from benchmarks.pool import body
from benchmarks.servers import DICTS, FLOOR, MODELS, OURS, PEERS_ARE_READY, Running, Service, running
from benchmarks.targets import SIZE
from benchmarks.usage import usage_of

MOST = 20_000  # calls in one job, whatever its time
Send = Callable[[Job], Answers]


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float  # for one service under one load in one round
    sizes: tuple[int, ...] = (20_000, SIZE, 1_700_000)
    connections: tuple[int, ...] = (1, 8)


FULL = Plan(rounds=5, seconds=2.0)
QUICK = Plan(rounds=1, seconds=0.4)


def services() -> tuple[Service, ...]:
    if PEERS_ARE_READY.exists():
        return (OURS, FLOOR, DICTS, MODELS)
    return (OURS, FLOOR)


def compare(services: Sequence[Service], plan: Plan) -> list[Cell]:
    """Every service under every load in every round; who comes first changes from round to round."""
    rounds: dict[tuple[int, int, str], list[Round]] = defaultdict(list)
    memory: dict[tuple[int, int, str], float] = {}
    with ExitStack() as stack:
        send = stack.enter_context(client())
        up = [stack.enter_context(running(service)) for service in services]
        for size, server in product(plan.sizes, up):
            send(_job(server, size, 1, plan.seconds / 4))  # warm, and every answer is looked at
        for number, size, connections in product(range(plan.rounds), plan.sizes, plan.connections):
            parsing = parsing_ms(size)
            first = number % len(up)
            for server in up[first:] + up[:first]:
                before = usage_of(server.group)
                answers = send(_job(server, size, connections, plan.seconds))
                after = usage_of(server.group)
                load = (size, connections, server.service.name)
                rounds[load].append(Round(tuple(answers.milliseconds), after.cpu_ms - before.cpu_ms, parsing))
                memory[load] = after.memory_mb
    return [
        Cell(name, size, connections, tuple(rounds[size, connections, name]), memory[size, connections, name])
        for size, connections, name in product(plan.sizes, plan.connections, (service.name for service in services))
    ]


def parsing_ms(size: int) -> float:
    """CPU of orjson.loads of such a body; to be measured in a process as settled as our server."""
    bodies = [body(size, number) for number in range(max(5, 20_000_000 // size))]
    start = time.process_time()
    for one in bodies:
        orjson.loads(one)
    return (time.process_time() - start) / len(bodies) * 1000


def memory_of_ours(steps: Sequence[int]) -> list[tuple[int, float]]:
    """Calls so far and megabytes, at each step; every call is about another patient."""
    samples: list[tuple[int, float]] = []
    with client() as send, running(OURS) as server:
        done = 0
        for step in steps:
            send(_job(server, SIZE, 8, 600, step - done))
            done = step
            samples.append((done, usage_of(server.group).memory_mb))
    return samples


def _job(server: Running, size: int, connections: int, seconds: float, most: int = MOST) -> Job:
    return Job(server.port, server.service.path, size, connections, seconds, most)
