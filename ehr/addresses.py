"""Which addresses are a FHIR server's own: a next page is followed below its server's address and nowhere else."""

from functools import lru_cache
from urllib.parse import unquote, urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from ehr.urls import one_spelling

_PORTS = {"http": 80, "https": 443}


_LONGEST = 2048


def server_address(written: str) -> str:
    """A FHIR server's address in the spelling that servers are listed in; '' for what is none."""
    return _spelled(written) if len(written) <= _LONGEST else ""


@lru_cache(maxsize=256)  # a hospital's few servers, in every call
def _spelled(written: str) -> str:
    try:
        return one_spelling(written)
    except ValueError:
        return ""


def below(base: str, written: str) -> str:
    """The address of a page, absolute or relative to its server's; '' if it is anywhere else."""
    try:
        joined = urljoin(f"{base}/", written)
    except ValueError:  # brackets that are no IPv6 address
        return ""
    home, url = _parsed(base), _parsed(joined)
    if home is None or url is None or _origin(url) != _origin(home):
        return ""
    path, root = unquote(url.path or ""), unquote((home.path or "").rstrip("/"))
    # Some servers page at their very address: .../fhir?_getpages=...
    is_below = path == root or path.startswith(f"{root}/")
    return url.url if is_below and ".." not in path.split("/") else ""


def _parsed(written: str) -> Url | None:
    try:
        url = parse_url(written)
    except LocationParseError:
        return None
    return url if url.scheme in _PORTS and url.host and url.auth is None else None


def _origin(url: Url) -> tuple[str | None, str | None, int]:
    return url.scheme, url.host, url.port or _PORTS[url.scheme or ""]
