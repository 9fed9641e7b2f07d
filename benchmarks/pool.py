"""Bodies that are never the same twice: fifty charts, whose dates differ, and for every call another patient."""

from datetime import timedelta
from functools import cache

from benchmarks.bodies import TODAY, order_sign

CHARTS = 50
_SOMEBODY = "p0000000"


@cache
def charts(size: int) -> tuple[bytes, ...]:
    return tuple(order_sign(size, TODAY - timedelta(days), _SOMEBODY) for days in range(CHARTS))


def body(size: int, number: int) -> bytes:
    """The body of the call of that number: its patient, and the ids of all that is in the chart, are its own."""
    return charts(size)[number % CHARTS].replace(_SOMEBODY.encode(), b"p%07d" % number)
