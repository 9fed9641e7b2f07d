"""`second-opinion trust check`: says in plain words what a trust file allows, and whether its keys can be had."""

import shutil
import sys
from pathlib import Path

import click
from msgspec import json

from ehr.trust import Trust
from ehr.trust_file import read_trust
from plugin.rules_text import as_terminal_text
from plugin.settings import credentials
from plugin.trust_report import as_blocks, as_json, client_report
from second_opinion.errors import SecondOpinionError

_WRONG_FILE = 2


@click.group()
def trust() -> None:
    """The trust file: who may call, with which keys, and where their tokens may be sent."""


@trust.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--offline", is_flag=True, help="Fetch no keys.")
@click.option("--json", "is_json", is_flag=True, help="JSON instead of text.")
def check(file: Path, offline: bool, is_json: bool) -> None:
    """Explains a trust FILE, and fetches the keys of each jku in it.

    The exit code is 2 if the file is wrong, 1 if some client has no key that we can use. Such a file, with one EHR:

    \b
      base_url = "https://second-opinion.example"       # ours, as EHRs call it

    \b
      [[cds_client]]                                    # who may call the CDS service
      iss = "https://ehr.example"                       # as its tokens say
      jku = "https://ehr.example/.well-known/jwks.json" # or: jwks_file = "ehr.jwks.json"
      fhir_servers = ["https://ehr.example/fhir/r4"]    # where its access tokens may be sent
      origins = ["https://ehr.example"]                 # if browsers call us directly

    \b
      [[smart_ehr]]                                     # which EHR may launch the app
      iss = "https://ehr.example/fhir/r4"
      client_id = "second-opinion"
      auth = "private_key_jwt"                          # or client_secret, or public
      frame_ancestors = ["https://ehr.example"]

    docs/trust.md explains every line.
    """
    try:
        read = read_trust(file)
    except SecondOpinionError as problem:
        click.echo(f"Error: {problem}", err=True)
        sys.exit(_WRONG_FILE)
    reports = [client_report(client, offline) for client in read.cds_clients]
    if is_json:
        click.echo(json.format(json.encode(as_json(read, reports)), indent=2))
    else:
        blocks = as_blocks(read, reports, _lacking(read))
        click.echo(as_terminal_text(blocks, shutil.get_terminal_size().columns))
    sys.exit(0 if all(report.keys or report.is_unknown for report in reports) else 1)


def _lacking(read: Trust) -> str:
    try:
        credentials(read)
    except SecondOpinionError as problem:
        return str(problem)
    return ""
