"""What a FHIR server sends back of something written: the resource, where it is, its version, whether it is ours."""

import re
from typing import Any

from msgspec import DecodeError, Struct, json

from ehr.wire import Answer

Json = dict[str, Any]
_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9\-.]{1,64}")
_SUBJECT = re.compile(r"(.*/)?(?P<patient>Patient/[^/]+)(/_history/[^/]+)?")


class Written(Struct, frozen=True):
    """What stands on the server: 'ServiceRequest/9', its version ('' if the server tells none), and as it was read."""

    reference: str
    version: str
    resource: Json


def resource_in(answer: Answer) -> Json:
    try:
        found = json.decode(answer.body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def reference_of(resource: Json) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def is_same(found: Json, sent: Json) -> bool:
    """Whether what a server shows as written has a name that FHIR allows, and is about whom we wrote about."""
    name = found.get("id")
    return isinstance(name, str) and _ID.fullmatch(name) is not None and _patient(found) == _patient(sent)


def _patient(resource: Json) -> str:
    """Servers write it absolute, or with its version."""
    subject = resource.get("subject")
    said = subject.get("reference") if isinstance(subject, dict) else None
    match = _SUBJECT.fullmatch(said) if isinstance(said, str) else None
    return match["patient"] if match else ""


def ours_in(bundle: Json, kind: str, identifier: Json) -> Json | None:
    """The resource of this kind with our identifier that a search found. Some servers ignore what is searched for."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else []:
        found = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(found, dict) and found.get("resourceType") == kind and found.get("id"):
            if carries(found, identifier):
                return found
    return None


def version_of(answer: Answer, resource: Json) -> str:
    meta = resource.get("meta")
    said = meta.get("versionId") if isinstance(meta, dict) else None
    return str(said or answer.etag.removeprefix("W/").strip('"'))


def knows_no_identifier(answer: Answer) -> bool:
    """Whether a create was refused because the server cannot search this kind by identifier, as If-None-Exist asks.

    sekmet has no such search for QuestionnaireResponse (2026).
    """
    said = answer.body.lower()
    return answer.status in (400, 501) and (b"identifier" in said or b"if-none-exist" in said)


def carries(resource: Json, identifier: Json) -> bool:
    """QuestionnaireResponse has one identifier, most others a list of them."""
    given = resource.get("identifier")
    several = given if isinstance(given, list) else [given]
    return any(
        isinstance(each, dict) and all(each.get(part) == identifier[part] for part in ("system", "value"))
        for each in several
    )
