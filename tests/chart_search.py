"""Answers the service's own prefetch templates from a chart in memory, as an EHR would; knows FHIR search."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from sandbox.outcomes import outcome

Json = dict[str, Any]

FHIR_BASE = "https://mock-ehr.example/fhir"  # only a name in fullUrl: nothing answers there
TOKEN = re.compile(r"\{\{context\.(\w+)\}\}")


def fill(
    templates: Mapping[str, str],
    chart: Json,
    context: Mapping[str, Any],
    unreadable: Mapping[str, Json] | None = None,
) -> Json:
    """Prefetch key to answer. A template whose token the context cannot fill is left out, as the specification says."""
    resources = [entry["resource"] for entry in chart["entry"]]
    prefetch: Json = {}
    for key, template in templates.items():
        if refusal := (unreadable or {}).get(key):
            prefetch[key] = outcome("forbidden", f"{refusal['status']}: {refusal['text']}")
        elif all(name in context for name in TOKEN.findall(template)):
            query = TOKEN.sub(lambda match: str(context[match[1]]), template)
            prefetch[key] = search(query, resources) if "?" in query else read(query, resources)
    return prefetch


def read(reference: str, resources: list[Json]) -> Json | None:
    return next((resource for resource in resources if address(resource) == reference), None)


def search(query: str, resources: list[Json]) -> Json:
    """A searchset Bundle; a parameter we do not know is an error, never ignored: it would show too much."""
    kind, _, parameters = query.partition("?")
    wanted = {name: values[-1] for name, values in parse_qs(parameters).items()}
    if unknown := wanted.keys() - FILTERS.keys() - {"_count", "_include"}:
        return outcome("not-supported", f"The mock EHR cannot search {kind} by {', '.join(sorted(unknown))}.")
    tests = [(FILTERS[name], value) for name, value in wanted.items() if name in FILTERS]
    found = [
        resource
        for resource in resources
        if resource["resourceType"] == kind and all(test(resource, value) for test, value in tests)
    ]
    page = found[: int(wanted.get("_count", len(found)))]
    links = [{"relation": "self", "url": f"{FHIR_BASE}/{query}"}]
    if len(page) < len(found):
        links.append({"relation": "next", "url": f"{FHIR_BASE}/{query}&page=2"})
    included = included_with(page, wanted.get("_include"), resources)
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": links,
        "entry": [entry(match, "match") for match in page] + [entry(extra, "include") for extra in included],
    }


def included_with(page: list[Json], include: str | None, resources: list[Json]) -> list[Json]:
    """The medications that the requests on this page point to."""
    if include != "MedicationRequest:medication":
        return []
    wanted = {request.get("medicationReference", {}).get("reference") for request in page}
    return [resource for resource in resources if address(resource) in wanted]


def address(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def entry(resource: Json, mode: str) -> Json:
    return {"fullUrl": f"{FHIR_BASE}/{address(resource)}", "resource": resource, "search": {"mode": mode}}


def is_about(resource: Json, patient: str) -> bool:
    references = [resource.get("subject", {}), *(who.get("actor", {}) for who in resource.get("participant", []))]
    return any(reference.get("reference") == f"Patient/{patient}" for reference in references)


def is_coded(resource: Json, tokens: str) -> bool:
    """Token search: a comma list of `system|code`, or of a bare `code`."""
    wanted = set(tokens.split(","))
    return any(not wanted.isdisjoint(spellings) for spellings in codings(resource))


def codings(resource: Json) -> Iterator[tuple[str, str]]:
    for coding in resource.get("code", {}).get("coding", []):
        yield f"{coding.get('system', '')}|{coding.get('code', '')}", str(coding.get("code", ""))


FILTERS = {"patient": is_about, "code": is_coded}
