"""What `serve` and `demo` put together: logs, metrics, the application, traces if configured, and the server."""

import logging
import os
import sys
from collections.abc import Callable, Mapping

from flask import Flask

from cds_hooks.client_trust import Gate
from cds_hooks.spent_tokens import SpentTokens
from plugin.logs import log_to
from plugin.server import Step, bracketed, run, shared_metrics
from plugin.settings import Production, trace_as
from second_opinion.errors import SecondOpinionError
from second_opinion.site import Site


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
    with shared_metrics():
        from plugin.app import create_app  # only now: its metrics meet in the folder

        gate = Gate(production.trust, SpentTokens().spend) if production else None
        base_url = production.trust.base_url if production else url
        app = create_app(base_url, site=site, with_sandbox=production is None, gate=gate)
        at_start, at_stop = tracing_of(app)
        run(app, host, port, workers, lambda: ready(url), at_start, at_stop)


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
