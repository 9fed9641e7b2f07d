"""One request to an EHR's server: pooled, verified, not redirected, over by its deadline; alone knows how it fails."""

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
    """No whole answer came; says why in a few words. `was_sent`: what was asked may have reached the server."""

    def __init__(self, why: str, was_sent: bool = True) -> None:
        super().__init__(why)
        self.was_sent = was_sent


class _NothingCame(NoAnswer):
    """The connection failed before an answer began: reading once more does no harm."""


class Answer(Struct, frozen=True):
    """A status and a body, as they came; where what was written is now, and its version."""

    status: int
    body: bytes
    location: str = ""
    etag: str = ""


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
        return self.ask("POST" if form else "GET", url, headers, deadline, most, form.encode() or None)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], deadline: float, most: int, body: bytes | None = None
    ) -> Answer:
        """Once, whatever comes of it. Raises NoAnswer."""
        left = deadline - monotonic()
        if left <= 0:
            raise NoAnswer(LATE, was_sent=False)
        try:
            response = self._pools.request(
                method, url, headers=headers, body=body, timeout=Timeout(total=left), preload_content=False,
                redirect=False, retries=False,  # urllib3's own retries would each begin their time anew
            )  # fmt: skip
        except failed.SSLError:
            raise NoAnswer(_UNTRUSTED, was_sent=False) from None
        except failed.HTTPError as error:
            raise _failure(error) from None
        said = response.headers
        return Answer(response.status, _body(response, most), said.get("Location", ""), said.get("ETag", ""))

    def close(self) -> None:
        self._pools.clear()


def _failure(error: failed.HTTPError) -> NoAnswer:
    if isinstance(error, failed.NewConnectionError):  # refused: a kind of timeout to urllib3
        return _NothingCame(NO_ANSWER, was_sent=False)
    if isinstance(error, failed.ConnectTimeoutError):
        return NoAnswer(LATE, was_sent=False)
    return NoAnswer(LATE) if isinstance(error, failed.TimeoutError) else _NothingCame(NO_ANSWER)


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
