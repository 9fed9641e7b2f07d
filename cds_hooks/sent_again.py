"""Orders that come again after they were signed: they had their card, and get no second one."""

from collections import OrderedDict
from hashlib import sha256
from threading import Lock

from cds_hooks.calls import Call

_MOST = 10_000


class CardsShown:
    """Remembers, in this process's memory only, for which orders a card was shown. No identifier is kept."""

    def __init__(self) -> None:
        self._shown: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def is_sent_again(self, call: Call) -> bool:
        """Whether these are orders already signed (no longer drafts), and each had its card."""
        if call.hook != "order-sign" or call.surgery is None:
            return False
        signed = all(event.status not in ("draft", "") for event in call.surgery.events)
        keys = _keys(call)
        return signed and len(keys) == len(call.surgery.events) and all(key in self._shown for key in keys)

    def remember(self, call: Call) -> None:
        with self._lock:
            for key in _keys(call):
                self._shown[key] = None
            while len(self._shown) > _MOST:
                self._shown.popitem(last=False)


def _keys(call: Call) -> list[bytes]:
    """One key an order: server, patient, id and code. An order without an id of its own cannot be known again."""
    events = call.surgery.events if call.surgery else ()
    about = f"{call.fhir_server}|{call.record.person.reference}"
    orders = [(e.source, ",".join(sorted({m.code or m.kind for m in e.meanings}))) for e in events]
    return [sha256(f"{about}|{order}|{code}".encode()).digest() for order, code in orders if "[" not in order]
