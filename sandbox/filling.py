"""Answers the service's own prefetch templates from the FHIR server, as an EHR would before it calls."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sandbox.fhir_side import Answered, Server
from sandbox.fhir_words import text_at
from sandbox.outcomes import outcome

Json = dict[str, Any]

SECONDS = 0.8  # an EHR does not wait for its own data forever either
_TOKEN = re.compile(r"\{\{context\.(\w+)\}\}")


@dataclass(frozen=True)
class Lane:
    """One prefetch key: what became of it, in words, with entries, bytes and milliseconds."""

    name: str
    query: str
    state: str
    entries: int | None = None
    size: int = 0
    milliseconds: float = 0


@dataclass(frozen=True)
class Filled:
    prefetch: Json
    lanes: list[Lane]


def fill(templates: Mapping[str, str], context: Mapping[str, Any], server: Server, seconds: float = SECONDS) -> Filled:
    """A template whose token the context cannot fill is left out, and so is what the EHR itself did not get."""
    queries = {name: spelled_out(template, context) for name, template in templates.items()}
    with ThreadPoolExecutor(16) as threads:
        asked = {name: threads.submit(server.get, query, seconds) for name, query in queries.items() if query}
    prefetch: Json = {}
    lanes: list[Lane] = []
    for name, query in queries.items():
        if not query:
            lanes.append(Lane(name, "", "left out: the context cannot fill its template"))
            continue
        answer = asked[name].result()
        given, state = judged(answer, query)
        if not state.startswith("left out"):
            prefetch[name] = given
        lanes.append(Lane(name, query, state, entries_in(given), answer.size, answer.milliseconds))
    return Filled(prefetch, lanes)


def omitted(templates: Mapping[str, str]) -> Filled:
    """No prefetch: the service looks everything up itself."""
    return Filled({}, [Lane(name, "", "left out: for the service to look up") for name in templates])


def spelled_out(template: str, context: Mapping[str, Any]) -> str:
    if not all(name in context for name in _TOKEN.findall(template)):
        return ""
    return _TOKEN.sub(lambda match: quote(str(context[match[1]]), safe=""), template)


def judged(answer: Answered, query: str) -> tuple[Json | None, str]:
    """What is sent for an answer, and that in words."""
    if answer.status == 0:
        return None, "left out: the EHR's own server did not answer in time"
    if answer.status in (404, 410) and "?" not in query:
        return None, "sent: null, it is not there"
    if answer.is_fine:
        return answer.body, "sent, first page" if has_next(answer.body) else "sent"
    if answer.status == 200:
        return None, "left out: what came is no JSON"
    said = text_at(answer.body, "issue", 0, "diagnostics") or "the EHR's own server gave no reason"
    kind = "forbidden" if answer.status == 403 else "exception"
    return outcome(kind, f"{answer.status}: {said}"), f"refused: {answer.status}"


def has_next(bundle: Json | None) -> bool:
    return any(link.get("relation") == "next" for link in (bundle or {}).get("link", []))


def entries_in(given: Json | None) -> int | None:
    if given is None or given.get("resourceType") == "OperationOutcome":
        return None
    return len(given.get("entry", [])) if given.get("resourceType") == "Bundle" else 1
