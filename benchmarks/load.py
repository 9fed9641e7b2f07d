"""The client: a process of its own, so that its work is not counted. Jobs come as lines of JSON, times go out so."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from itertools import count
from time import perf_counter
from typing import Any

from msgspec import MsgspecError, Struct, json

from benchmarks.pool import body, charts
from plugin.server import settle

_PATIENCE = 60.0
_numbers = count()  # one for each call of this process, whatever the job


class Job(Struct, frozen=True):
    """Calls to send to a port of this machine, one after another on each connection, until time or number is up."""

    port: int
    path: str
    size: int
    connections: int
    seconds: float
    most: int


class Answers(Struct, frozen=True):
    """How long each call took; `problem` is what was wrong with an answer, if one was."""

    milliseconds: list[float]
    problem: str = ""


_ENDED = json.encode(Answers([], "the client ended without a word"))


class _Answer(Struct):
    cards: list[dict[str, Any]]


def run(job: Job) -> Answers:
    """Raises nothing: an answer that is not one card ends the job, since silence must not be measured as speed."""
    charts(job.size)
    until = perf_counter() + job.seconds
    shares = [job.most // job.connections + (n < job.most % job.connections) for n in range(job.connections)]
    try:
        with ThreadPoolExecutor(job.connections) as threads:
            taken = threads.map(partial(_call_again_and_again, job, until), shares)
            return Answers([milliseconds for each in taken for milliseconds in each])
    except (OSError, HTTPException, MsgspecError, ValueError) as problem:
        return Answers([], f"{job.path}: {problem}")


def _call_again_and_again(job: Job, until: float, most: int) -> list[float]:
    taken: list[float] = []
    with closing(HTTPConnection("127.0.0.1", job.port, timeout=_PATIENCE)) as connection:
        connection.connect()  # http.client sets TCP_NODELAY
        while len(taken) < most and (perf_counter() < until or not taken):
            sent = body(job.size, next(_numbers))
            start = perf_counter()
            connection.request("POST", job.path, sent, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            taken.append((perf_counter() - start) * 1000)
            _check(response.status, answer)
    return taken


def _check(status: int, answer: bytes) -> None:
    cards = json.decode(answer, type=_Answer).cards if status == 200 else []
    if [card.get("indicator") for card in cards] != ["warning"]:
        raise ValueError(f"one warning was expected, but it answered {status}: {answer[:300]!r}")


@contextmanager
def client() -> Iterator[Callable[[Job], Answers]]:
    """A client that lives until this ends, or until whoever started it does."""
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours

        def send(job: Job) -> Answers:
            assert process.stdin and process.stdout  # noqa: S101 - they are pipes
            process.stdin.write(json.encode(job) + b"\n")
            process.stdin.flush()
            answers = json.decode(process.stdout.readline() or _ENDED, type=Answers)
            if answers.problem:
                raise SystemExit(f"Not measured: {answers.problem}")
            return answers

        yield send


def main() -> None:
    settle()  # or its own pauses would be taken for the service's
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(json.encode(run(json.decode(line, type=Job))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
