"""What `serve` and `demo` put together: logs, metrics, journal, application, traces if configured, and the server."""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from importlib.util import find_spec
from secrets import token_hex

from flask import Flask

import smart_app.door
from cds_hooks.client_trust import Gate
from ehr.look_up import LookUp
from journal.journal import Journal, open_journal
from plugin.logs import log_to
from plugin.server import THREADS, Step, bracketed, check_port, run
from plugin.settings import Production, trace_as
from plugin.shared_folder import shared_folder
from second_opinion.errors import SecondOpinionError
from second_opinion.site import Site
from smart_app.chart.reading import MOST_PAGES, SECONDS

_HERE = "127.0.0.1"
_DEMO_THREADS = 160  # the EHR's own server answers from here, too, and one of its faults is to take six seconds
_DRAIN_SECONDS = 8.0  # for what the journal has not written when a worker ends


def serve_site(
    site: Site,
    host: str,
    port: int,
    ready: Callable[[str], None],
    workers: int,
    production: Production,
    level: int = logging.INFO,
) -> None:
    """Until stopped; `ready` is told the address. Raises SecondOpinionError, with the remedy, if it cannot start."""
    log_to(sys.stderr, level)
    with shared_folder():
        from plugin.app import create_app, note_launch  # only now: its metrics meet in the folder

        journal = open_journal(production.database_url, production.secret_key, redis_url=production.redis_url)
        gate = Gate(production.trust, journal.tokens.spend)
        look_up, whole_charts = LookUp(site.look_up_seconds), LookUp(SECONDS, most_pages=MOST_PAGES)
        pages = smart_app.door.create_blueprint(
            production.trust, journal, whole_charts, production.credentials, site=site, launched=note_launch
        )
        app = create_app(
            production.trust.base_url, site=site, gate=gate, journal=journal, look_up=look_up, pages=[pages]
        )
        address = f"http://{bracketed(host)}:{port}"
        _run(app, host, port, lambda: ready(address), workers, journal, (look_up, whole_charts))


def serve_demo(
    site: Site,
    port: int,
    ready: Callable[[str], None],
    level: int,
    fhir_server: str = "",
    token: str = "",
    is_open: bool = False,
) -> None:
    """The same on loopback, with an EHR beside it that leaves nothing behind; `fhir_server`: an external one for it.

    `is_open`: its own FHIR server asks nobody for a token.
    """
    log_to(sys.stderr, level)
    check_packages()
    check_port(_HERE, port)
    with shared_folder() as folder:
        from plugin.app import create_app, note_launch
        from plugin.demo import demo_on

        with demo_on(port, fhir_server, token, is_open=is_open) as demo:
            journal = open_journal(f"sqlite:///{folder / 'journal.sqlite3'}", token_hex(32))
            gate = Gate(demo.trust, journal.tokens.spend)
            look_up, whole_charts = LookUp(site.look_up_seconds), LookUp(SECONDS, most_pages=MOST_PAGES)
            pages = smart_app.door.create_blueprint(demo.trust, journal, whole_charts, site=site, launched=note_launch)
            app = create_app(
                demo.base_url, site=site, gate=gate, journal=journal, look_up=look_up, pages=[pages],
                demo=demo.pages(date.today, journal),
            )  # fmt: skip
            _run(app, _HERE, port, lambda: ready(demo.url), 1, journal, (look_up, whole_charts), _DEMO_THREADS)


def check_packages(needed: Iterable[str] = ("authlib", "sekmet")) -> None:
    """Raises SecondOpinionError where the mock EHR's own packages, which serving does without, are not installed."""
    if not all(map(find_spec, needed)):
        raise SecondOpinionError(
            "The demo needs packages that serving does not (Authlib, sekmet-fhir). Install them: "
            "pip install --require-hashes -r requirements/demo.txt"
        )


def _run(
    app: Flask,
    host: str,
    port: int,
    ready: Step,
    workers: int,
    journal: Journal,
    look_ups: Sequence[LookUp],
    threads: int = THREADS,
) -> None:
    from plugin.metrics_keeper import MetricsKeeper

    keeper = MetricsKeeper(lambda: (journal.writer.backlog, journal.writer.dropped))
    at_start, at_stop = tracing_of(app)
    at_stop = [partial(_drain, journal), keeper.stop, *(each.close for each in look_ups), *at_stop]
    run(app, host, port, workers, ready, [keeper.start, *at_start], at_stop, threads)


def _drain(journal: Journal) -> None:
    journal.close(_DRAIN_SECONDS)


def tracing_of(app: Flask, environment: Mapping[str, str] = os.environ) -> tuple[list[Step], list[Step]]:
    """What begins and ends tracing in a worker: nothing where it is not configured, and then nothing is imported."""
    service = trace_as(environment)
    if not service:
        return [], []
    try:
        from plugin.tracing import Tracing
    except ImportError:
        raise SecondOpinionError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed. Install it "
            "(pip install 'second-opinion[opentelemetry]'), or unset the variable."
        ) from None
    tracing = Tracing(app, service)
    return [tracing.start], [tracing.stop]
