"""Which web addresses we accept (https, no user, no query), in one spelling, so that they can be compared whole."""

import re
from ipaddress import ip_address

_FORM = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[\w.~!$&'()*+,;=:@%-]*)*)(?P<query>\?[\w.~!$&'()*+,;=:@%/?-]*)?",
    re.IGNORECASE | re.ASCII,
)
_PORTS = {"https": 443, "http": 80}


def one_spelling(url: str, query: bool = False) -> str:
    """Scheme and host in lower case, no default port, no slash at the end. Raises ValueError with the remedy."""
    parts = _FORM.fullmatch(url)
    if parts is None or (parts["query"] and not query):
        raise ValueError(f"{url!r} is no address we take. Write it like 'https://ehr.example/fhir/r4'")
    scheme, host, port = parts["scheme"].lower(), parts["host"].lower(), int(parts["port"] or 0)
    if port > 65535 or (host.startswith("[") and not _is_ip(host[1:-1])):
        raise ValueError(f"{url!r} names no host and port that there can be")
    if scheme == "http" and not is_loopback(host):
        raise ValueError(f"{url!r} could be read and changed on its way. Use https; http is for this machine only")
    where = host if port in (0, _PORTS[scheme]) else f"{host}:{port}"
    return f"{scheme}://{where}{parts['path'].rstrip('/')}{parts['query'] or ''}"


def origin(url: str) -> str:
    """As browsers spell it. Raises ValueError with the remedy."""
    spelled = one_spelling(url)
    if spelled.count("/") > 2:
        raise ValueError(f"{url!r} is more than an origin. Write it without a path, like 'https://ehr.example'")
    return spelled


def same_place(one: str, other: str) -> bool:
    """Whether two addresses are one place; what we do not take is the same as nothing."""
    try:
        return one_spelling(one) == one_spelling(other)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    plain = host.strip("[]")
    return plain == "localhost" or (_is_ip(plain) and ip_address(plain).is_loopback)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
