"""One EHR's FHIR server: what a query finds, page by page, and what each way of failing is called."""

import re
from http import HTTPStatus

from ehr.addresses import below
from ehr.wire import Answer, NoAnswer, Wire
from second_opinion.from_fhir import glance

PAGES_MOST = 10  # of one lane
_BYTES_A_PAGE = 8 * 1024 * 1024 // PAGES_MOST  # on average, unpacked
_REFUSED = (400, 422)
_VISIBLE = re.compile(r"[\x21-\x7e]*")
_ELSEWHERE = "another host's next page was not followed"


class FhirServer:
    """A server as one call may read it, until its deadline. The token is in no repr and in no message."""

    def __init__(self, wire: Wire, base: str, token: str, deadline: float, most_pages: int = PAGES_MOST) -> None:
        self._wire, self._base, self._deadline, self._most_pages = wire, base, deadline, most_pages
        self._headers = {"Accept": "application/fhir+json", "Accept-Encoding": "gzip"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def read(self, query: str, other: str, pages: list[bytes]) -> str:
        """Adds to `pages` what a query finds; '' if that is all there is, else why not.

        `other` is asked instead if the server refuses the query as it is written.
        """
        kind = "Bundle" if "?" in query else query.partition("/")[0]
        return self._read(f"{self._base}/{query}", other and f"{self._base}/{other}", kind, pages)

    def search_by_post(self, query: str, pages: list[bytes]) -> str:
        """The same for 'Type?...' sent as a form, so that no patient stands in an address; further pages by GET."""
        kind, _, form = query.partition("?")
        return self._read(f"{self._base}/{kind}/_search", "", "Bundle", pages, form)

    def capabilities(self, pages: list[bytes]) -> str:
        """What the server says of itself."""
        return self._read(f"{self._base}/metadata", "", "CapabilityStatement", pages)

    def read_on(self, address: str, pages: list[bytes]) -> str:
        """The same, from a next page on."""
        return self._read(below(self._base, address), "", "Bundle", pages)

    def _read(self, url: str, other: str, kind: str, pages: list[bytes], form: str = "") -> str:
        for _ in range(self._most_pages):
            if not url:
                return _ELSEWHERE
            try:
                answer = self._get(url, pages, form)
                if answer.status in _REFUSED and other and not pages:
                    answer = self._get(other, pages)
            except NoAnswer as problem:
                return str(problem)
            if answer.status != HTTPStatus.OK:
                return _reason(answer.status)
            pages.append(answer.body)
            found, following = glance(answer.body)
            if found != kind:
                return f"what came is of type {found}, not {kind}" if found else "what came is not FHIR in JSON"
            if not following:
                return ""
            url, form = below(self._base, following), ""
        return f"there are more than {self._most_pages} pages"

    def _get(self, url: str, pages: list[bytes], form: str = "") -> Answer:
        left = self._most_pages * _BYTES_A_PAGE - sum(map(len, pages))
        return self._wire.get(url, self._headers, self._deadline, left, form)


def sendable(token: str) -> bool:
    """Whether a header can carry this token."""
    return _VISIBLE.fullmatch(token) is not None


def _reason(status: int) -> str:
    return f"{status}, a redirect, was not followed" if 300 <= status < 400 else str(status)
