"""One JSON line an event on standard error, whoever logs; words of other libraries are shown without what they fill in.

Those could hold a URL with a patient's id, or a line of SQL. Exceptions show their kind and place, never their text.
"""

import logging
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from msgspec import json
from structlog.dev import ConsoleRenderer
from structlog.stdlib import ProcessorFormatter

_OUR_PACKAGES = ("second_opinion", "cds_hooks", "ehr", "journal", "plugin", "open_payments", "sandbox", "smart_app")
Event = MutableMapping[str, Any]
_encode = json.Encoder(enc_hook=str).encode

# Our own lines go straight to structlog, which is silent until told where to write; logging would cost as much again.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def log_to(stream: TextIO, level: int = logging.INFO) -> None:
    """All that is logged in this process goes to `stream` alone: requests from `level`, all else from WARNING."""
    render = ConsoleRenderer(colors=False) if stream.isatty() else _as_json
    finish = [structlog.processors.TimeStamper(fmt="iso"), render]
    structlog.configure(
        processors=[structlog.processors.add_log_level, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),  # a line in one write: workers share the stream
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, *finish],
            foreign_pre_chain=[_without_what_is_filled_in],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of each call that waits for a thread
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # it would print what it could not log, with all that was to be filled in


def place_of(trace: TracebackType | None) -> str:
    """Where an exception arose: function and line, nothing of what they held."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"


def _without_what_is_filled_in(_: Any, method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    event["event"] = _words(record, event.pop("positional_args"))
    event.update(level=method, logger=record.name, where=f"{record.funcName}:{record.lineno}")
    kind, _error, trace = event.pop("exc_info", None) or (None, None, None)
    event.pop("stack_info", None)
    if kind:
        event.update(error=kind.__name__, error_in=place_of(trace))
    return event


def _words(record: logging.LogRecord, filled_in: Any) -> str:
    """The message with its numbers; without anything to fill in, only we are known to write words that may be shown."""
    if not filled_in:
        return str(record.msg) if record.name.partition(".")[0] in _OUR_PACKAGES else "(words not shown)"
    try:
        return str(record.msg) % tuple(each if isinstance(each, int | float) else "…" for each in filled_in)
    except (TypeError, ValueError):  # filled in by name, or not meant for %
        return str(record.msg)


def _as_json(_: Any, __: str, event: Event) -> str:
    return _encode(event).decode()
