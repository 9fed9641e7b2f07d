"""Orders that come again after they were signed: they had their card, and get no second one."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

_MOST = 2_000


class CardsShown:
    """Who has just been shown a card by this process, for which orders, as keyed hashes: the journal learns later."""

    def __init__(self) -> None:
        self._shown: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = Lock()

    def among(self, user: str, orders: Iterable[str]) -> set[str]:
        return {order for order in orders if (user, order) in self._shown}

    def remember(self, user: str, orders: Iterable[str]) -> None:
        with self._lock:
            self._shown.update(dict.fromkeys((user, order) for order in orders))
            while len(self._shown) > _MOST:
                self._shown.popitem(last=False)
