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


def only_one(bundle: Json, kind: str) -> Json | None:
    """The resource of this kind that a search found, if it found just one."""
    entries = bundle.get("entry")
    resources = (
        [each.get("resource") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    )
    found = [
        each for each in resources if isinstance(each, dict) and each.get("resourceType") == kind and each.get("id")
    ]
    return found[0] if len(found) == 1 else None


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
