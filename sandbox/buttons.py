"""What the mock EHR's buttons do: calls, tokens, created resources, launches, faults, and a look into the journal."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from msgspec import DecodeError, Struct, ValidationError, json

from sandbox.calling import Choices, prepared_call
from sandbox.ehr import Ehr, answer, refuse, unknown_patient
from sandbox.fhir_words import text_at
from sandbox.hook_calls import HOOKS
from sandbox.people import fhir_id
from sandbox.smart.store import Launch

Json = dict[str, Any]

_SECONDS = 10.0


class _Path(Struct):
    path: str
    visit: str = ""


class _Created(Struct):
    resource: Json


class _Opening(Struct):
    patient: str
    url: str = ""
    appContext: str = ""  # as a card's link spells it


class _Broken(Struct):
    broken: str


def add_routes(pages: Blueprint, ehr: Ehr) -> None:
    @pages.post("/patients/<patient_id>/calls/<hook>")
    def call(patient_id: str, hook: str) -> Response:
        patient = ehr.find(patient_id)
        if not patient:
            return unknown_patient(patient_id)
        if hook not in HOOKS:
            return refuse(404, "not-found", f"The mock EHR has no hook '{hook}'. It has: {', '.join(HOOKS)}.")
        return read(Choices, lambda made: prepared_call(ehr.behind, ehr.breaking, ehr.signer, patient, hook, made))

    @pages.post("/patients/<patient_id>/created")
    def create(patient_id: str) -> Response:
        patient = ehr.find(patient_id)
        return read(_Created, lambda body: created(ehr, body.resource)) if patient else unknown_patient(patient_id)

    @pages.post("/tokens")
    def token() -> Response:
        return read(_Path, lambda asked: {"authorization": ehr.signer.authorization(asked.path, asked.visit)})

    @pages.get("/jwks.json")
    def jwks() -> Response:
        return answer(ehr.signer.jwks)

    @pages.post("/launches")
    def launch() -> Response:
        return read(_Opening, lambda opening: opened(ehr, opening))

    @pages.route("/faults", methods=["GET", "PUT"])
    def faults() -> Response:
        if request.method == "PUT":
            return read(_Broken, broken)
        return answer(ehr.breaking.as_json())

    def broken(wanted: _Broken) -> Any:
        if wanted.broken and wanted.broken not in ehr.breaking.faults:
            known = ", ".join(ehr.breaking.faults)
            return refuse(404, "not-found", f"There is no fault '{wanted.broken}'. There is: {known}.")
        ehr.breaking.set(wanted.broken)
        return ehr.breaking.as_json()

    @pages.get("/kept/<hook_instance>")
    def kept(hook_instance: str) -> Response:
        return answer(ehr.kept(hook_instance))

    @pages.post("/down/<path:path>")
    def down(path: str) -> Response:
        """What a gateway says when nobody is behind it."""
        return refuse(503, "transient", "No service answers there.")


def read(kind: type[Any], use: Callable[[Any], Any]) -> Response:
    try:
        body = json.decode(request.get_data(), type=kind)
    except (DecodeError, ValidationError) as error:
        return refuse(400, "invalid", f"{error}. Send JSON with {', '.join(kind.__struct_fields__)}.")
    made = use(body)
    return made if isinstance(made, Response) else answer(made)


def created(ehr: Ehr, resource: Json) -> Any:
    made = ehr.behind.own.create(resource, _SECONDS)
    if not made.is_fine or made.body is None:
        return refuse(502, "exception", f"The FHIR server did not create it: {said(made.status, made.body)}.")
    return {"reference": f"{made.body['resourceType']}/{made.body['id']}", "resource": made.body}


def opened(ehr: Ehr, opening: _Opening) -> Any:
    patient = ehr.find(opening.patient)
    if not patient:
        return unknown_patient(opening.patient)
    url = opening.url or ehr.app
    if not ehr.behind.launch or urlsplit(url)[:2] != urlsplit(ehr.app)[:2]:
        return refuse(400, "not-supported", f"No app of this EHR is at {url}. Its app is at {ehr.app or 'no address'}.")
    encounter = text_at(patient.order, "encounter", "reference").partition("/")[2]
    on_screen = Launch(fhir_id(patient), patient.user["id"], encounter, opening.appContext)
    return {"url": ehr.behind.launch(url, on_screen)}


def said(status: int, body: Any) -> str:
    return text_at(body, "issue", 0, "diagnostics").rstrip(".") or f"it answered {status or 'nothing'}"
