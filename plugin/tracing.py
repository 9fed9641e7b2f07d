"""OpenTelemetry spans, for sites that configure it: the route, the method and the status of each request, no more.

Import it only then: it needs the packages of the extra `opentelemetry`.
"""

from collections.abc import Sequence

from flask import Flask
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status

_KEPT = ("http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code")


class Tracing:
    """Made before the workers part; `start` and `stop` run in each of them, since the sender is a thread."""

    def __init__(self, app: Flask, service: str) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        FlaskInstrumentor.instrument_app(
            app, tracer_provider=self._provider, excluded_urls="/healthz,/readyz,/metrics", enable_commenter=False
        )

    def start(self) -> None:
        self._provider.add_span_processor(BatchSpanProcessor(_OnlyWhatIsKept(OTLPSpanExporter())))

    def stop(self) -> None:
        """Sends what still waits to be sent."""
        self._provider.shutdown()


class _OnlyWhatIsKept(SpanExporter):
    """Sends spans without paths, queries, addresses, user agents, errors' texts or what callers put in headers."""

    def __init__(self, to: SpanExporter) -> None:
        self._to = to

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._to.export([_kept(span) for span in spans])

    def shutdown(self) -> None:
        self._to.shutdown()


def _kept(span: ReadableSpan) -> ReadableSpan:
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in _KEPT}
    return ReadableSpan(
        name=span.name if "http.route" in attributes else "no such path",  # else it would be the path itself
        context=_plain(span.context),
        parent=_plain(span.parent) if span.parent else None,
        resource=span.resource,
        attributes=attributes,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _plain(context: SpanContext) -> SpanContext:
    """Without the caller's trace state, which is free text."""
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
