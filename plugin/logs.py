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

OURS = "second_opinion"
_OUR_PACKAGES = (OURS, "cds_hooks", "ehr", "journal", "plugin", "open_payments", "sandbox")
Event = MutableMapping[str, Any]


def log_to(stream: TextIO, level: int = logging.INFO) -> None:
    """Everything that is logged in this process goes to `stream` alone: our own from `level`, others' from WARNING."""
    handler = logging.StreamHandler(stream)
    render = ConsoleRenderer(colors=False) if stream.isatty() else _as_json
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.TimeStamper(fmt="iso"), render],
            foreign_pre_chain=[_without_what_is_filled_in],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)
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
    """The message with its numbers; without anything to fill in, only we are known to write constant words."""
    if not filled_in:
        return str(record.msg) if record.name.partition(".")[0] in _OUR_PACKAGES else "(words not shown)"
    try:
        return str(record.msg) % tuple(each if isinstance(each, int | float) else "…" for each in filled_in)
    except (TypeError, ValueError):  # filled in by name, or not meant for %
        return str(record.msg)


def _as_json(_: Any, __: str, event: Event) -> str:
    return json.encode(event, enc_hook=str).decode()
