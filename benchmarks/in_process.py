"""What a hook call costs, as a multiple of what it costs merely to parse its JSON (CPU time, one process)."""

import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from statistics import median
from typing import Any

import orjson
from werkzeug.test import EnvironBuilder

from benchmarks.bodies import TODAY, order_sign
from cds_hooks.calls import read_call
from plugin.app import create_app
from second_opinion.rules import RULES

SIZES = (50_000, 200_000, 1_000_000)
ROUNDS = 30


def cpu(work: Callable[[], object], times: int) -> float:
    """CPU milliseconds a run."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1000


def request_to(app: Any, path: str, body: bytes) -> Callable[[], bytes]:
    """One whole request through the WSGI application, as a server would call it."""
    environ = EnvironBuilder(path=path, method="POST", data=body, content_type="application/json").get_environ()

    def call() -> bytes:
        statuses: list[str] = []
        environ["wsgi.input"] = BytesIO(body)
        answer = b"".join(app(dict(environ), lambda status, headers, error=None: statuses.append(status)))
        if statuses != ["200 OK"]:
            raise SystemExit(f"{path} answered {statuses}: {answer[:300]!r}")
        return answer

    return call


def rules_alone(rounds: int) -> float:
    """Every rule once, on a record already read (CPU ms, the least of some rounds)."""
    call = read_call(order_sign(200_000, TODAY), TODAY)
    limits = {name: rule.PAGE.limits_on(TODAY) for name, rule in RULES.items()}

    def judge() -> None:
        for name, rule in RULES.items():
            rule.evaluate(call.record, call.surgery, limits[name])

    return min(cpu(judge, 200) for _ in range(rounds // 3))


def report(rounds: int = ROUNDS) -> str:
    app = create_app("http://127.0.0.1:8000", today=lambda: TODAY)
    lines = [
        "A whole order-sign request, and orjson.loads of the same body (CPU ms, median of interleaved rounds)\n",
        f"{'body':>9}  {'request':>8}  {'orjson':>8}  {'ratio':>6}   card",
    ]
    for size in SIZES:
        body = order_sign(size, TODAY)
        call = request_to(app, "/cds-services/second-opinion-order-sign", body)
        summary = orjson.loads(call())["cards"][0]["summary"]
        times = max(5, 10_000_000 // len(body))
        pairs = [(cpu(call, times), cpu(partial(orjson.loads, body), times)) for _ in range(rounds)]
        ratio = median(ours / parsing for ours, parsing in pairs)
        ours, parsing = (median(column) for column in zip(*pairs, strict=True))
        lines.append(f"{len(body) // 1000:>6} KB  {ours:>8.2f}  {parsing:>8.2f}  {ratio:>5.1f}x   {summary[:60]}…")
    return "\n".join([*lines, f"\nAll rules on the chart of 200 KB: {rules_alone(rounds):.3f} ms"])
