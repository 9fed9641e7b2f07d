"""Gets the EHR's own look from where its launch says (smart_style_url): from that EHR and nowhere else."""

from threading import Lock
from time import monotonic
from urllib.parse import urlsplit

from cachetools import TTLCache, cached

from ehr.trust import Trust
from ehr.wire import NoAnswer, Wire
from smart_app.launches import Launch

_SECONDS = 2.0
_BYTES_MOST = 64 * 1024
_KEPT_SECONDS = 600
_STYLES = 20


class EhrStyles:
    """An address stands for one style, as SMART says: it is asked for again only after a while."""

    def __init__(self, trust: Trust) -> None:
        self._trust, self._wire = trust, Wire(2)
        self._get = cached(TTLCache(_STYLES, _KEPT_SECONDS, monotonic), lock=Lock())(self._asked)

    def of(self, launch: Launch) -> bytes:
        """What stands there; b'' for an address that is not the EHR's, or where nothing is to be had."""
        ehr = self._trust.smart_ehr(launch.iss)
        own = {_origin(each) for each in (launch.iss, *(ehr.frame_ancestors if ehr else ()))}
        return self._get(launch.style_url) if _origin(launch.style_url) in own else b""

    def close(self) -> None:
        self._wire.close()

    def _asked(self, url: str) -> bytes:
        try:
            answer = self._wire.get(url, {"Accept": "application/json"}, monotonic() + _SECONDS, _BYTES_MOST)
        except NoAnswer:
            return b""
        return answer.body if answer.status == 200 else b""


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()
