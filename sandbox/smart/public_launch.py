"""How the public CDS Hooks sandbox and the CRD request generator open an app from a card here."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, request
from msgspec import DecodeError, Struct, ValidationError, json

from sandbox.smart.ehr import SURGEON, SandboxEhr
from sandbox.smart.store import Launch


class _Parameters(Struct, rename="camel"):
    patient: str = ""
    encounter: str = ""
    app_context: str = ""
    intent: str = ""


class _Wanted(Struct):
    launch_url: str
    parameters: _Parameters


def add_routes(door: Blueprint, ehr: SandboxEhr) -> None:
    """Open to all: a launch opens nothing but a registered app."""

    @door.post("/fhir/_services/smart/Launch")
    def public_launch() -> Response:
        wanted = _read()
        _check_known(ehr, wanted.launch_url)
        given = wanted.parameters
        context = Launch(
            patient=given.patient.removeprefix("Patient/"), user=SURGEON, encounter=given.encounter,
            app_context=given.app_context, intent=given.intent,
        )  # fmt: skip
        return jsonify(launch_id=ehr.store.add_launch(context))


def _read() -> _Wanted:
    try:
        return json.decode(request.get_data(), type=_Wanted)
    except (DecodeError, ValidationError) as error:
        abort(400, f"{error}. Send JSON with launch_url and parameters.")


def _check_known(ehr: SandboxEhr, address: str) -> None:
    """Aborts with 400 for an address at no registered app's server."""
    origins = {urlsplit(uri)[:2] for client in ehr.clients.values() for uri in client.redirect_uris}
    if urlsplit(address)[:2] not in origins:
        abort(400, "No app is registered at this launch address. Register it with the sandbox first.")
