"""Orders that come again after they were signed: they had their card, and get no second one."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

_MOST = 2_000


class CardsShown:
    """The orders, as keyed hashes, for which this process has just shown a card: the journal learns of it later."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def among(self, orders: Iterable[str]) -> set[str]:
        return {order for order in orders if order in self._shown}

    def remember(self, orders: Iterable[str]) -> None:
        with self._lock:
            self._shown.update(dict.fromkeys(orders))
            while len(self._shown) > _MOST:
                self._shown.popitem(last=False)
