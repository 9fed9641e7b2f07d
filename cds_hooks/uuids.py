"""UUIDs of cards, suggestions, orders, rows and requests: unique, and no secret.

uuid.uuid4 asks the operating system each time and lets other threads run meanwhile: with eight calls at once, taking
turns so often was a fourteenth of the CPU time (seen with Python 3.11, November 2026).
"""

import os
from random import Random
from uuid import UUID

_numbers = Random()  # noqa: S311, seeded by the operating system; nothing depends on its being hard to guess
os.register_at_fork(after_in_child=_numbers.seed)  # else each worker would repeat the others'


def new_uuid() -> str:
    return str(UUID(int=_numbers.getrandbits(128), version=4))
