"""The `second-opinion` command. What only some commands need (web server, FHIR models) is imported by those."""

import logging
import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import click
from msgspec import json

from plugin import settings
from plugin.as_text import as_text
from plugin.doctor_command import doctor
from plugin.files import assess_document, paths_of, read_file
from plugin.fixtures_command import fixtures
from plugin.journal_commands import journal
from plugin.rules_text import rules
from plugin.trust_text import trust as trust_group
from plugin.valuesets import valuesets
from second_opinion.assess import as_json
from second_opinion.errors import OrdersMissing, SecondOpinionError, UnreadableInput
from second_opinion.knowledge import software
from second_opinion.site import Site

_UNREADABLE = 2
_PORT = click.IntRange(1, 65535)
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(software())
def main() -> None:
    """Suggests a second opinion before spine surgery where good practice says so, with the evidence.

    Try it:  second-opinion demo

    SECOND_OPINION_SITE names a TOML file with what your site changes: limits, rules, local codes (docs/site.md).
    """


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day to answer for (2026-11-22). Default: today.")
@click.option("--json", "json_lines", is_flag=True, help="One JSON line a file instead of text.")
def assess(paths: tuple[str, ...], as_of: datetime | None, json_lines: bool) -> None:
    """Assesses files: a FHIR R4 Bundle of one patient, or a CDS Hooks request.

    PATH is a file, a folder (all JSON files in it), or - for standard input. A file that cannot be read is named on
    standard error, the others are still assessed, and the exit code is 2.

    \b
      second-opinion assess chart.json
      second-opinion assess --json charts/*.json > assessments.jsonl
      curl -s https://fhir.example/Patient/1/\\$everything | second-opinion assess -
    """
    day = as_of.date() if as_of else date.today()
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise click.BadParameter(f"{day} is no day to answer for.", param_hint="--as-of")
    by_site = _site()
    unreadable = False
    for name in paths_of(paths):
        try:
            assessment = assess_document(read_file(name, sys.stdin.buffer), day, by_site)
        except (UnreadableInput, OrdersMissing) as problem:
            unreadable = True
            click.echo(
                f"{_printable(name)}: {problem}. Give a FHIR R4 Bundle of one patient, or a CDS Hooks request.",
                err=True,
            )
            continue
        if json_lines:
            click.echo(json.encode(as_json(assessment, _printable(name))))
        else:
            click.echo(as_text(_printable(name), assessment))
    if unreadable:
        sys.exit(_UNREADABLE)


@main.command()
@click.option("--port", default=8080, show_default=True, type=_PORT, help="Port on 127.0.0.1.")
@click.option("--no-browser", is_flag=True, help="Only print the link.")
@click.option("--fhir", metavar="URL", default="", help="Another FHIR R4 server, instead of teaching patients.")
@click.option(
    "--token", envvar=["SECOND_OPINION_TOKEN", "SECOND_OPINION_FHIR_TOKEN"], default="",
    help="An access token for that server. Better in SECOND_OPINION_TOKEN: what is typed here, others can see.",
)  # fmt: skip
@click.option(
    "--open", "is_open", is_flag=True,
    help="Teaching patients for all: the FHIR server asks for no token, as the public CDS Hooks sandbox needs it.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Log each request.")
def demo(port: int, no_browser: bool, fhir: str, token: str, is_open: bool, verbose: bool) -> None:
    """Starts the service with a mock EHR, a FHIR server and teaching patients, on this machine only.

    \b
      second-opinion demo
      second-opinion demo --port 9000 --no-browser
      second-opinion demo --fhir https://fhir.example/r4
    """

    def ready(url: str) -> None:
        click.echo(f"\n  Mock EHR                         {url}/sandbox/")
        click.echo(f"  CDS Hooks discovery              {url}/cds-services")
        click.echo(
            f"  FHIR R4 server (SMART on FHIR)   {url}/sandbox/fhir{' (open: no token needed)' if is_open else ''}"
        )
        ours = "Synthetic patients; nothing leaves this machine"
        where = f"Charts of {fhir}; what you accept is written there" if fhir else ours
        click.echo(f"\n  {where}. Stop with Ctrl+C.\n")
        if not no_browser and _has_a_screen():
            webbrowser.open(f"{url}/sandbox/")

    from plugin.serving import serve_demo

    with _messages():
        serve_demo(_site(), port, ready, logging.INFO if verbose else logging.WARNING, fhir, token, is_open)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=8000, show_default=True, type=_PORT)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Serves cards (CDS Hooks) and the app (SMART on FHIR) to the EHRs that the trust file lists.

    SECOND_OPINION_TRUST names that file (docs/trust.md); SECOND_OPINION_SECRET_KEY is at least 32 characters that
    nobody else knows. If an EHR launches the app, its key or secret is in SECOND_OPINION_SMART_KEY or
    SECOND_OPINION_CLIENT_SECRET. TLS ends at your proxy: docs/deploy.md.

    \b
      second-opinion trust check trust.toml
      SECOND_OPINION_TRUST=trust.toml second-opinion serve --port 8000 --workers 2
    """
    try:
        given = settings.production(progress=_progress)
    except SecondOpinionError as problem:
        raise click.ClickException(str(problem)) from None

    def ready(url: str) -> None:
        click.echo(f"CDS Hooks discovery: {url}/cds-services (EHRs call {given.trust.base_url}/cds-services)")

    from plugin.serving import serve_site

    with _messages():
        serve_site(given.site, host, port, ready, workers, given)


main.add_command(fixtures)
main.add_command(doctor)
main.add_command(journal)
main.add_command(rules)
main.add_command(valuesets)
main.add_command(trust_group)


def _printable(name: str) -> str:
    """A file name whose bytes are not UTF-8 is shown with marks in their place."""
    return os.fsencode(name).decode("utf-8", "replace")


def _has_a_screen() -> bool:
    """Without one, Linux would open a text browser over the server's own terminal."""
    return sys.platform != "linux" or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@contextmanager
def _messages() -> Iterator[None]:
    """What is wrong is said in one line; nobody needs to see where in our code."""
    try:
        yield
    except SecondOpinionError as problem:
        raise click.ClickException(str(problem)) from None


def _site() -> Site:
    with _messages():
        return settings.site(progress=_progress)


def _progress(done: int, size: int) -> None:
    click.echo(f"\rIndexing CMS Open Payments, once: {100 * done // max(size, 1)} %", err=True, nl=done >= size)
