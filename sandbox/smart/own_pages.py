"""What the mock EHR's own pages ask of it: tokens for hook calls, launches, faults."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, request
from msgspec import DecodeError, Struct, ValidationError, json

from sandbox.smart.clients import CHART
from sandbox.smart.ehr import HOOKS_CLIENT, SURGEON, SandboxEhr
from sandbox.smart.faults import FAULTS
from sandbox.smart.store import Launch

Sent = TypeVar("Sent", bound=Struct)


class _HookToken(Struct):
    patient: str
    user: str = SURGEON
    scope: str = CHART
    seconds: float = 300


class _Opening(Struct):
    launch_url: str
    patient: str
    user: str = SURGEON
    encounter: str = ""
    app_context: str = ""
    intent: str = ""
    tenant: str = ""
    fhir_context: tuple[dict[str, Any], ...] = ()
    need_patient_banner: bool | None = None


class _Switch(Struct):
    name: str
    on: bool
    patient: str = ""


class _Parameters(Struct, rename="camel"):
    patient: str = ""
    encounter: str = ""
    app_context: str = ""
    intent: str = ""


class _PublicLaunch(Struct):
    """As the public CDS Hooks sandbox sends it."""

    launch_url: str
    parameters: _Parameters


def add_routes(door: Blueprint, ehr: SandboxEhr, only_ours: Callable[[], object]) -> None:
    @door.post("/ehr/hook-token")
    def hook_token() -> Response:
        """A fhirAuthorization, ready for a hook call."""
        only_ours()
        wanted = _read(_HookToken)
        token = ehr.token_for(wanted.patient, wanted.user, wanted.scope, wanted.seconds)
        return jsonify(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": int(wanted.seconds),
                "scope": wanted.scope,
                "subject": HOOKS_CLIENT,
                "patient": wanted.patient,
            }
        )

    @door.post("/ehr/launch")
    def launch() -> Response:
        only_ours()
        opening = _read(_Opening)
        said = {name: getattr(opening, name) for name in opening.__struct_fields__ if name != "launch_url"}
        return jsonify(url=ehr.launch_url(_known(ehr, opening.launch_url), Launch(**said)))

    @door.route("/ehr/faults", methods=["GET", "POST"])
    def faults() -> Response:
        only_ours()
        if request.method == "POST":
            switch = _read(_Switch)
            if switch.name not in FAULTS:
                abort(400, f"There is no fault {switch.name!r}. There are: {', '.join(FAULTS)}.")
            ehr.faults.set(switch.name, switch.on, switch.patient)
        listed = [{"name": each.name, "label": each.label, "does": each.does} for each in FAULTS.values()]
        return jsonify(faults=listed, on=ehr.faults.are_on())

    @door.post("/fhir/_services/smart/Launch")
    def public_launch() -> Response:
        """Open to all, as the public sandbox expects: a launch opens nothing but a registered app."""
        wanted = _read(_PublicLaunch)
        _known(ehr, wanted.launch_url)
        given = wanted.parameters
        context = Launch(
            patient=given.patient, user=SURGEON, encounter=given.encounter,
            app_context=given.app_context, intent=given.intent,
        )  # fmt: skip
        return jsonify(launch_id=ehr.store.add_launch(context))


def _read(kind: type[Sent]) -> Sent:
    try:
        return json.decode(request.get_data(), type=kind)
    except (DecodeError, ValidationError) as error:
        abort(400, f"{error}. Send JSON with {', '.join(kind.__struct_fields__)}.")


def _known(ehr: SandboxEhr, address: str) -> str:
    """Raises 400 for an address at no registered app's server."""
    origins = {urlsplit(uri)[:2] for client in ehr.clients.values() for uri in client.redirect_uris}
    if urlsplit(address)[:2] not in origins:
        abort(400, "No app is registered at this launch address. Register it with the sandbox first.")
    return address
