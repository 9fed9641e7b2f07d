"""HealthChain's CDS Hooks service with that rule; reading prefetch as dicts, or as models of fhir.resources."""

import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import uvicorn
from healthchain.fhir import convert_prefetch_to_fhir_objects
from healthchain.fhir.version import set_default_version
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models.responses.cdsresponse import CDSResponse

from benchmarks.peers.spine_rule import Fact, facts_in_dicts, facts_in_models, summary_of

Facts = tuple[list[Fact], list[Fact]]


def from_dicts(prefetch: dict[str, Any]) -> Facts:
    return list(facts_in_dicts(prefetch["service_requests"])), list(facts_in_dicts(prefetch["procedures"]))


def from_models(prefetch: dict[str, Any]) -> Facts:
    """All of prefetch becomes models, as HealthChain's own CdsFhirAdapter reads a request."""
    models = convert_prefetch_to_fhir_objects(prefetch)
    if any(isinstance(model, dict) for model in models.values()):
        raise ValueError("a lane stayed a dict: it was not converted, and must not be measured as if it were")
    return list(facts_in_models(models["service_requests"])), list(facts_in_models(models["procedures"]))


def answer(read: Callable[[dict[str, Any]], Facts], as_of: date, request: Any) -> Any:
    summary = summary_of(*read(request.prefetch), as_of)
    card = {"summary": summary, "indicator": "warning", "source": {"label": "Second opinion"}}
    return CDSResponse(cards=[card] if summary else [])


def main(reading: str, as_of: str, port: str) -> None:
    set_default_version("R4B")
    read = {"dicts": from_dicts, "fhir.resources": from_models}[reading]
    service = CDSHooksService()
    service.hook("order-sign", id="second-opinion")(partial(answer, read, date.fromisoformat(as_of)))
    app = HealthChainAPI()
    app.register_service(service)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
