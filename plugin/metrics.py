"""What is counted for Prometheus. Labels are only ever words of ours: never anything that a caller sent.

Calls are noted in memory and written to the workers' shared page later, together: one by one they would cost a tenth
of a call. Where several processes share one page, PROMETHEUS_MULTIPROC_DIR is set before this is imported.
"""

import logging
import os
from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from cds_hooks.calls import Call
from cds_hooks.wording import WORDING
from plugin.request_log import not_complete
from second_opinion.assess import Assessment

_REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.35, 0.5, 1.0, 2.5)
_REASONS = frozenset(WORDING["override_reasons"]["reasons"])
_FEEDBACK = ("accepted", "overridden")

_requests = Histogram(
    "second_opinion_request_seconds", "Time to answer, by route, service and status.", ("route", "service", "status"),
    buckets=_SECONDS, registry=_REGISTRY,
)  # fmt: skip
_look_ups = Histogram(
    "second_opinion_lookup_seconds", "Time spent asking a FHIR server.", buckets=_SECONDS, registry=_REGISTRY
)


def _counter(name: str, says: str, *labels: str) -> Counter:
    return Counter(f"second_opinion_{name}", says, labels, registry=_REGISTRY)


_outcomes = _counter("outcomes", "Answers of the rules.", "rule", "outcome")
_cards = _counter("cards", "Cards shown, by indicator.", "indicator")
_silenced = _counter("silenced", "Planned operations for which no card was shown, by reason.", "reason")
_lanes = _counter("lanes_not_complete", "Lanes asked for and not read in full.", "lane", "state")
_could_not_look = _counter("could_not_look", "Charts opened whose planned orders could not be read.")
_feedback = _counter("feedback", "Answers to cards, by outcome and reason.", "outcome", "reason")
_refused = _counter("refused", "Calls answered with 401, by reason.", "reason")
_launches = _counter("launches", "Launches of the app: opened, or the page that said why not.", "outcome")
_dropped = _counter("journal_dropped", "Entries that the journal's queue had no room for.")
_backlog = Gauge(
    "second_opinion_journal_backlog", "Entries that wait to be written to the journal.",
    multiprocess_mode="livesum", registry=_REGISTRY,
)  # fmt: skip


_Happened = tuple[Counter, tuple[str, ...]]
_noted: Counts[_Happened] = Counts()  # a counter and its labels: how often, not yet written
_times: list[tuple[Histogram, tuple[str, ...], float]] = []
_NOTED_MOST = 1000
_lock = Lock()
_log = logging.getLogger("plugin.metrics")


def observe_request(route: str, service: str, status: int, seconds: float) -> None:
    """`route` is the rule that matched (or 'none'), `service` one of ours (or '')."""
    _times.append((_requests, (route, service, str(status)), seconds))
    if len(_times) >= _NOTED_MOST:  # whoever runs this without a keeper
        write_noted()


def observe_assessment(call: Call, assessment: Assessment, cards: Sequence[dict[str, Any]]) -> None:
    """Outcomes, cards, silence, and which of the lanes asked for were not read in full."""
    happened: list[_Happened] = [(_outcomes, (finding.rule, finding.outcome)) for finding in assessment.findings]
    if cards and assessment.indicator:
        happened.append((_cards, (assessment.indicator,)))
    if assessment.silence:
        happened.append((_silenced, (assessment.silence.reason,)))
    happened += ((_lanes, lane) for lane in not_complete(call, assessment).items())
    if assessment.could_not_look:
        happened.append((_could_not_look, ()))
    _note(*happened)


def _note(*happened: _Happened) -> None:
    with _lock:
        _noted.update(happened)


def write_noted() -> None:
    """Writes what was noted since the last time. Raises nothing."""
    with _lock:
        counts, times = _noted.copy(), _times[:]
        _noted.clear()
        del _times[: len(times)]
    with _whatever_became_of_the_page():
        for (counter, labels), times_noted in counts.items():
            (counter.labels(*labels) if labels else counter).inc(times_noted)
        for histogram, labels, seconds in times:
            (histogram.labels(*labels) if labels else histogram).observe(seconds)


@contextmanager
def _whatever_became_of_the_page() -> Iterator[None]:
    """Its files are temporary ones: should somebody tidy them away, what is counted is lost, but never a card."""
    try:
        yield
    except Exception as error:  # prometheus_client fails in several ways then: OSError, TypeError, ValueError
        _log.error("Metrics could not be written. Start the service anew to have them again.", exc_info=error)


def observe_lookup(seconds: float) -> None:
    _times.append((_look_ups, (), seconds))


def observe_feedback(outcome: str, reason: str) -> None:
    """A reason that is none of ours is counted as 'other'."""
    known = reason if reason in _REASONS else "other" if reason else "none"
    _note((_feedback, (outcome if outcome in _FEEDBACK else "other", known)))


def observe_refusal(reason: str, _client: str) -> None:
    """`reason` is a word of ours ('expired', 'replayed'), never a part of the token."""
    _note((_refused, (reason,)))


def observe_launch(outcome: str) -> None:
    """'opened', or the name of a page of ours."""
    _note((_launches, (outcome,)))


def observe_journal(waiting: int, dropped: int) -> None:
    """How many entries of this process wait now, and how many more were dropped since it last said so."""
    with _whatever_became_of_the_page():
        _backlog.set(waiting)
        _dropped.inc(dropped)


def exposition() -> bytes:
    """The page that Prometheus reads: of all workers where there are several."""
    write_noted()
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(_REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
