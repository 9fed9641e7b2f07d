"""Errors as FHIR OperationOutcomes, in bytes; the one place that knows which issue code goes with which status."""

from msgspec import json

MEDIA_TYPE = "application/fhir+json"
_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    412: "required",
    413: "too-long",
    415: "not-supported",
    431: "too-long",
    501: "not-supported",
    503: "transient",
}


def operation_outcome(status: int, says: str | None) -> bytes:
    """The body of an error's answer."""
    issue = {"severity": "error", "code": _CODES.get(status, "exception"), "diagnostics": says}
    return json.encode({"resourceType": "OperationOutcome", "issue": [issue]})
