"""What `second-opinion trust check` says of a trust file, client by client."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from ehr.jwks import KeySet, PublicKey
from ehr.keys import fetch_jwks
from ehr.trust import CdsClient, SmartEhr, Trust
from plugin.blocks import Block, Heading, Item, Items, Paragraph, Table
from smart_app.sign_in.registration import REGISTRATION

_BY = {
    "private_key_jwt": "private_key_jwt: the key that SECOND_OPINION_SMART_KEY names",
    "client_secret": "client_secret: what SECOND_OPINION_CLIENT_SECRET is set to",
    "public": "public: nothing, so anybody may pretend to be us",
}
_WEAK = ("RS256", "RS512")  # CDS Hooks recommends ES384 and RS384


class ClientReport(Struct, frozen=True):
    """`keys`: those it can use here. `left_out`: the others, with why. `is_unknown`: nobody looked."""

    client: CdsClient
    keys: tuple[PublicKey, ...] = ()
    left_out: tuple[str, ...] = ()
    is_unknown: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(_warnings(self.client, self.keys))


def client_report(client: CdsClient, offline: bool) -> ClientReport:
    """Fetches the keys of its jku, unless offline."""
    if client.jku and offline:
        return ClientReport(client, is_unknown=True)
    try:
        read = fetch_jwks(client.jku) if client.jku else KeySet(client.pinned)
    except ValueError as problem:
        return ClientReport(client, left_out=(f"{client.jku}: {problem}",))
    usable = tuple(key for key in read.keys if _common(key, client))
    unfit = (f"{_name(key)} ({key.kind}): none of {_all(client.algorithms)}" for key in read.keys if key not in usable)
    return ClientReport(client, usable, (*read.left_out, *unfit))


def as_blocks(trust: Trust, reports: Sequence[ClientReport], lacking: str = "") -> Iterator[Block]:
    """`lacking`: what the app has not been given yet to show the EHRs who it is."""
    yield Heading("Who may call", 1)
    yield Paragraph(
        f"We are {trust.base_url}: a token must name the address that it is sent to, such as"
        f" {trust.base_url}/cds-services/second-opinion-order-sign, and works once."
    )
    for report in reports:
        yield from _client_blocks(report)
    if not reports:
        yield Paragraph("No [[cds_client]]: nobody may call the CDS service.")
    if trust.smart_ehrs:
        yield Heading("Who may launch the app", 1)
    for ehr in trust.smart_ehrs:
        yield Heading(ehr.iss)
        yield Items(tuple(_ehr_items(ehr, trust.base_url)))
    if lacking:
        yield Paragraph(f"STILL MISSING: {lacking}", strong=True)


def as_json(trust: Trust, reports: Sequence[ClientReport]) -> dict[str, Any]:
    return {
        "base_url": trust.base_url,
        "cds_clients": [_client_json(report) for report in reports],
        "smart_ehrs": trust.smart_ehrs,
        "origins": trust.origins,
        "frame_ancestors": trust.frame_ancestors,
    }


def _client_blocks(report: ClientReport) -> Iterator[Block]:
    client = report.client
    yield Heading(client.iss)
    yield Items((
        Item(client.jku or client.jwks_file or "", label="Keys fetched from" if client.jku else "Keys pinned in"),
        Item(_all(client.algorithms), label="Signs with"),
        Item(_all(client.tenants, "any"), label="Tenants"),
        Item(_all(client.fhir_servers, "nowhere"), label="Its access tokens may be sent to"),
        Item(_all(client.origins, "none"), label="Browsers may call from"),
    ))  # fmt: skip
    if report.is_unknown:
        yield Paragraph("Its keys were not looked at (--offline).")
    elif report.keys:
        rows = tuple((_name(key), key.kind, _all(_common(key, client))) for key in report.keys)
        yield Table(("Key (kid)", "Kind", "For"), rows)
    else:
        yield Paragraph("WRONG: it has no key that we can use, so every call is refused.", strong=True)
    if report.left_out:
        yield Items(tuple(Item(why, label="Of no use") for why in report.left_out))
    if report.warnings:
        yield Items(tuple(Item(warning, label="Warning") for warning in report.warnings))


def _client_json(report: ClientReport) -> dict[str, Any]:
    client = report.client
    given = ("iss", "jku", "jwks_file", "algorithms", "tenants", "fhir_servers", "origins")
    keys = [{"kid": key.kid, "kind": key.kind, "algorithms": _common(key, client)} for key in report.keys]
    return {name: getattr(client, name) for name in given} | {
        "keys": None if report.is_unknown else keys,
        "left_out": report.left_out,
        "warnings": report.warnings,
    }


def _warnings(client: CdsClient, keys: Iterable[PublicKey]) -> Iterator[str]:
    if (client.jku or "").startswith("http:"):
        yield "its keys come over plain http. That will do on this machine only."
    if not client.tenants:
        yield "calls of any tenant are taken. If it serves several organisations, list yours as tenants."
    if weak := [name for name in client.algorithms if name in _WEAK]:
        yield f"{_all(weak)} is allowed; CDS Hooks recommends ES384 and RS384. Keep it only if the EHR has no other."
    if not client.fhir_servers:
        yield "no fhir_servers: what prefetch leaves out cannot be looked up, and is shown as not read."
    if any(key.kid is None for key in keys):
        yield "a key has no kid, so only tokens without one can use it. Give it the kid that the EHR's tokens name."


def _ehr_items(ehr: SmartEhr, base_url: str) -> Iterator[Item]:
    paths = REGISTRATION.paths
    yield Item(ehr.client_id, label="We are registered there as")
    yield Item(_BY[ehr.auth], label="We show who we are by")
    yield Item(base_url + paths.launch, label="To register there: launch address")
    yield Item(base_url + paths.redirect, label="To register there: redirect address")
    if ehr.auth == "private_key_jwt":
        yield Item(base_url + paths.jwks, label="To register there: address of our public keys")
    yield Item(_all(ehr.frame_ancestors, "nobody"), label="The app may be framed by")


def _common(key: PublicKey, client: CdsClient) -> tuple[str, ...]:
    return tuple(name for name in key.algorithms if name in client.algorithms)


def _name(key: PublicKey) -> str:
    return key.kid or "(no kid)"


def _all(names: Sequence[str], otherwise: str = "") -> str:
    return ", ".join(names) or otherwise
