"""The server loads everything and then forks: connections, threads and locks are made anew in each child."""

import os
from collections.abc import Callable
from weakref import WeakMethod


def at_fork(in_child: Callable[[], None]) -> None:
    """Has a method called in every child, before anything else runs there, as long as its object is in use."""
    os.register_at_fork(after_in_child=_while_in_use(in_child))


def around_fork(before: Callable[[], None], in_parent: Callable[[], None]) -> None:
    """Has two methods called in the parent, on each side of the fork."""
    os.register_at_fork(before=_while_in_use(before), after_in_parent=_while_in_use(in_parent))


def _while_in_use(method: Callable[[], None]) -> Callable[[], None]:
    found = WeakMethod(method)

    def call() -> None:
        if in_use := found():
            in_use()

    return call
