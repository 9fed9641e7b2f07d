"""Reads the trust file (TOML) strictly: what is not understood stops the start, with file, line and remedy."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ehr.jwks import ALGORITHMS, PublicKey, read_jwks
from ehr.trust import CdsClient, SmartEhr, Trust
from ehr.urls import one_spelling, origin, same_place
from second_opinion.errors import KnowledgeError
from second_opinion.toml_files import fault, read_toml

_GUIDE = "docs/trust.md"
_Words = Annotated[str, Meta(min_length=1)]
_Fault = Callable[[str, str], KnowledgeError]  # the place, and what is wrong there


class _Client(Struct, forbid_unknown_fields=True):
    iss: _Words
    jku: str | None = None
    jwks_file: _Words | None = None
    algorithms: tuple[str, ...] = ("ES384", "RS384")
    tenants: tuple[_Words, ...] = ()
    fhir_servers: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class _Ehr(Struct, forbid_unknown_fields=True):
    iss: _Words
    client_id: _Words
    auth: Literal["private_key_jwt", "client_secret", "public"]
    frame_ancestors: tuple[str, ...] = ()


class _File(Struct, forbid_unknown_fields=True):
    base_url: str
    cds_client: list[_Client] = []
    smart_ehr: list[_Ehr] = []


def read_trust(path: Path) -> Trust:
    """Raises KnowledgeError naming file, line and remedy for anything in it that is not understood."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path} cannot be read ({error}). {_GUIDE} shows how to write a trust file.") from None
    given = read_toml(text, str(path), _File, _GUIDE)

    def wrong(place: str, message: str) -> KnowledgeError:
        return fault(text, str(path), place, message)

    if not given.cds_client and not given.smart_ehr:
        raise wrong("", f"nobody is trusted. Add a [[cds_client]] or a [[smart_ehr]]; {_GUIDE} shows both")
    _check_twins(given, wrong)
    clients = [_client(each, f"cds_client[{n}]", path.parent, wrong) for n, each in enumerate(given.cds_client)]
    ehrs = [_ehr(each, f"smart_ehr[{n}]", wrong) for n, each in enumerate(given.smart_ehr)]
    return Trust(_spelled(one_spelling, given.base_url, "base_url", wrong), tuple(clients), tuple(ehrs))


def _check_twins(given: _File, wrong: _Fault) -> None:
    """A token must lead to one client: those of one iss each name tenants, none of them twice."""
    for number, client in enumerate(given.cds_client):
        for other in given.cds_client[:number]:
            shared = set(client.tenants) & set(other.tenants)
            if client.iss == other.iss and (shared or not client.tenants or not other.tenants):
                which = f"tenant {min(shared)}" if shared else "any tenant"
                message = f"{client.iss} is listed twice for {which}. Keep one, or give each tenants of its own"
                raise wrong(f"cds_client[{number}].iss", message)
    for number, ehr in enumerate(given.smart_ehr):
        if any(same_place(ehr.iss, other.iss) for other in given.smart_ehr[:number]):
            raise wrong(f"smart_ehr[{number}].iss", f"{ehr.iss} is listed twice. Keep one")


def _client(given: _Client, place: str, folder: Path, wrong: _Fault) -> CdsClient:
    for name in given.algorithms:
        if name not in ALGORITHMS:
            why = f"{name} is no algorithm we take: only those with a key pair. Choose from {', '.join(ALGORITHMS)}"
            raise wrong(f"{place}.algorithms", why)
    if not given.algorithms:
        raise wrong(f"{place}.algorithms", 'no algorithm is listed. Write ["ES384", "RS384"], or leave it out')
    if (given.jku is None) == (given.jwks_file is None):
        raise wrong(place, f"{given.iss} needs one of jku (keys fetched there) and jwks_file (keys pinned), not both")
    return CdsClient(
        iss=given.iss,
        algorithms=given.algorithms,
        jku=given.jku and _spelled(_kept, given.jku, f"{place}.jku", wrong),
        jwks_file=given.jwks_file and str(folder / given.jwks_file),
        pinned=_pinned(given, place, folder / given.jwks_file, wrong) if given.jwks_file else (),
        tenants=given.tenants,
        fhir_servers=tuple(_each(one_spelling, given.fhir_servers, f"{place}.fhir_servers", wrong)),
        origins=tuple(_each(origin, given.origins, f"{place}.origins", wrong)),
    )


def _pinned(given: _Client, place: str, file: Path, wrong: _Fault) -> tuple[PublicKey, ...]:
    place = f"{place}.jwks_file"
    try:
        read = read_jwks(file.read_bytes())
    except (OSError, ValueError) as problem:
        raise wrong(place, f"{file} cannot be used: {problem}. Put the EHR's JSON Web Key Set there") from None
    if read.secrets:
        raise wrong(place, f"{file} holds a secret key. Keep only public keys in it, and have that key changed")
    usable = tuple(key for key in read.keys if set(key.algorithms) & set(given.algorithms))
    if not usable:
        why = "; ".join(read.left_out) or "no key in it fits the algorithms"
        raise wrong(place, f"{file} has no key we can use ({why}). Put the EHR's public keys there")
    return usable


def _ehr(given: _Ehr, place: str, wrong: _Fault) -> SmartEhr:
    return SmartEhr(
        iss=_spelled(one_spelling, given.iss, f"{place}.iss", wrong),
        client_id=given.client_id,
        auth=given.auth,
        frame_ancestors=tuple(_each(origin, given.frame_ancestors, f"{place}.frame_ancestors", wrong)),
    )


def _each(spell: Callable[[str], str], urls: Iterable[str], place: str, wrong: _Fault) -> Iterator[str]:
    return (_spelled(spell, url, place, wrong) for url in urls)


def _spelled(spell: Callable[[str], str], url: str, place: str, wrong: _Fault) -> str:
    try:
        return spell(url)
    except ValueError as problem:
        raise wrong(place, str(problem)) from None


def _kept(jku: str) -> str:
    """Tokens name a jku as the EHR spells it, so it stays as it is."""
    one_spelling(jku, query=True)
    return jku
