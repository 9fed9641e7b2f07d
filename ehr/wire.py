"""One request that only reads, to an EHR's server: pooled, verified, never redirected, over by its deadline.

Alone knows how it fails.
"""

import logging
import ssl
from collections.abc import Mapping
from time import monotonic

from msgspec import Struct
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3 import exceptions as failed

from ehr.by_deadline import POOLS

LATE = "the server was late"
NO_ANSWER = "no answer"
_BROKEN_OFF = "the answer broke off"
_UNTRUSTED = "the server's certificate could not be verified"
_TRY_AGAIN = (502, 503, 504)
_PIECE = 1 << 16

# Addresses name the patient, and urllib3 writes them: of every request when debugging, and where headers are odd.
# Filters stay in force whatever levels are configured.
logging.getLogger("urllib3.connection").addFilter(lambda record: False)
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno >= logging.WARNING)


class NoAnswer(Exception):
    """No whole answer came; says why in a few words."""


class _NothingCame(NoAnswer):
    """The connection failed before an answer began: asking once more does no harm."""


class Answer(Struct, frozen=True):
    """A status and a body, as they came."""

    status: int
    body: bytes


class Wire:
    """The connections of one process. Nothing is opened before the first call."""

    def __init__(self, most_connections: int) -> None:
        # One context for all connections: each of its own would read the machine's certificates anew.
        self._pools = PoolManager(maxsize=most_connections, ssl_context=ssl.create_default_context())
        self._pools.pool_classes_by_scheme = POOLS

    def get(self, url: str, headers: Mapping[str, str], deadline: float, most: int, form: str = "") -> Answer:
        """Raises NoAnswer, also for a body of more than `most` bytes. Asks a second time where that does no harm.

        With a `form` it is a search by POST, which changes nothing either.
        """
        if form:
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._get(url, headers, deadline, most, form)
        except _NothingCame:
            return self._get(url, headers, deadline, most, form)
        return self._get(url, headers, deadline, most, form) if answer.status in _TRY_AGAIN else answer

    def _get(self, url: str, headers: Mapping[str, str], deadline: float, most: int, form: str) -> Answer:
        left = deadline - monotonic()
        if left <= 0:
            raise NoAnswer(LATE)
        try:
            response = self._pools.request(
                "POST" if form else "GET", url, body=form or None, headers=headers, timeout=Timeout(total=left),
                preload_content=False, redirect=False, retries=False,  # urllib3's own would begin their time anew
            )  # fmt: skip
        except failed.SSLError:
            raise NoAnswer(_UNTRUSTED) from None
        except failed.HTTPError as error:
            # A connection refused is a kind of timeout to urllib3.
            is_late = isinstance(error, failed.TimeoutError) and not isinstance(error, failed.NewConnectionError)
            raise NoAnswer(LATE) if is_late else _NothingCame(NO_ANSWER) from None
        return Answer(response.status, _body(response, most))

    def close(self) -> None:
        self._pools.clear()


def _body(response: BaseHTTPResponse, most: int) -> bytes:
    """Unpacked piece by piece, so that of what unpacks to too much little is ever held."""
    pieces: list[bytes] = []
    try:
        for piece in response.stream(_PIECE):
            pieces.append(piece)
            most -= len(piece)
            if most < 0:
                response.close()
                raise NoAnswer("it sent more than we take")
    except failed.TimeoutError:
        raise NoAnswer(LATE) from None
    except failed.HTTPError:
        raise NoAnswer(_BROKEN_OFF) from None
    return b"".join(pieces)
