"""What `serve` and `demo` put together: logs, metrics, journal, application, traces if configured, and the server."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from secrets import token_hex

from flask import Flask

from cds_hooks.client_trust import Gate
from ehr.look_up import LookUp
from journal.journal import Journal, open_journal
from plugin.logs import log_to
from plugin.server import Step, bracketed, run, shared_folder
from plugin.settings import Production, trace_as
from second_opinion.errors import SecondOpinionError
from second_opinion.site import Site

_DRAIN_SECONDS = 8.0  # for what the journal has not written when a worker ends


def serve_site(
    site: Site,
    host: str,
    port: int,
    ready: Callable[[str], None],
    workers: int = 1,
    production: Production | None = None,
    level: int = logging.INFO,
) -> None:
    """Until stopped; `ready` is told the address. Raises SecondOpinionError, with the remedy, if it cannot start.

    Without `production` anybody may call, and the mock EHR is there, too: the demo, on loopback only.
    """
    url = f"http://{bracketed(host)}:{port}"
    log_to(sys.stderr, level)
    with shared_folder() as folder:
        from plugin.app import create_app  # only now: its metrics meet in the folder
        from plugin.metrics_keeper import MetricsKeeper

        journal = _journal(production, folder)
        gate = Gate(production.trust, journal.tokens.spend) if production else None
        base_url = production.trust.base_url if production else url
        look_up = LookUp(site.look_up_seconds) if production else None
        app = create_app(
            base_url, site=site, with_sandbox=production is None, gate=gate, journal=journal, look_up=look_up
        )
        keeper = MetricsKeeper(lambda: (journal.writer.backlog, journal.writer.dropped))
        at_start, at_stop = tracing_of(app)
        at_stop = [partial(_drain, journal), keeper.stop, *([look_up.close] if look_up else []), *at_stop]
        run(app, host, port, workers, lambda: ready(url), [keeper.start, *at_start], at_stop)


def _journal(production: Production | None, folder: Path) -> Journal:
    """The site's; or one for the demo, which leaves nothing behind."""
    if production:
        return open_journal(production.database_url, production.secret_key, redis_url=production.redis_url)
    return open_journal(f"sqlite:///{folder / 'journal.sqlite3'}", token_hex(32))


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
