"""Authorize and token: nobody signs in, but somebody may have to choose a patient, or say yes."""

import re
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Blueprint, Response, jsonify, render_template, request

from sandbox.smart.ehr import SURGEON, SandboxEhr
from sandbox.smart.store import Launch

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_OURS = ("sandbox_patient", "sandbox_answer")


def add_routes(door: Blueprint, ehr: SandboxEhr) -> None:
    @door.route("/auth/authorize", methods=["GET", "POST"])
    def authorize() -> Response:
        return _naming(_authorized(ehr), ehr.fhir_base)

    @door.post("/auth/token")
    def token() -> Response:
        response: Response = ehr.server.create_token_response()
        return response

    @door.get("/auth/jwks.json")
    def jwks() -> Response:
        response = jsonify(ehr.identity.jwks)
        response.cache_control.max_age = 300
        return response


def _authorized(ehr: SandboxEhr) -> Response:
    response: Response
    try:
        grant = ehr.server.get_consent_grant()
    except OAuth2Error as error:
        response = ehr.server.handle_error_response(None, error)
        return response
    scopes = grant.request.scope.split()
    launch = _launch(ehr, "launch/patient" in scopes)
    if launch is None:
        return _page(ehr, grant.redirect_uri, patients=_patients(ehr))
    answer = request.form.get("sandbox_answer")
    if ehr.asks_first and answer not in ("yes", "no"):
        return _page(ehr, grant.redirect_uri, client=grant.client.name, scopes=scopes, chosen=launch.patient)
    response = ehr.server.create_authorization_response(grant_user=None if answer == "no" else launch, grant=grant)
    return response


def _launch(ehr: SandboxEhr, wants_patient: bool) -> Launch | None:
    """None if a patient must be chosen first."""
    if "launch" in request.values:
        return ehr.store.launch(request.values["launch"])
    chosen = request.form.get("sandbox_patient", "")
    if not wants_patient:
        return Launch(user=SURGEON)
    known = _ID.fullmatch(chosen) and ehr.upstream.get(f"Patient/{chosen}").status == 200
    return Launch(patient=chosen, user=SURGEON) if known else None


def _patients(ehr: SandboxEhr) -> list[tuple[str, str]]:
    found = ehr.upstream.get("Patient", {"_count": "100"}).resource.get("entry", [])
    return [(entry["resource"]["id"], _name(entry["resource"])) for entry in found]


def _name(patient: dict[str, object]) -> str:
    match patient.get("name"):
        case [{"text": str(text)}, *_]:
            return text
        case [{"family": str(family), "given": [*given]}, *_]:
            return " ".join([*map(str, given), family])
    return str(patient["id"])


def _page(ehr: SandboxEhr, redirect_uri: str, **shown: object) -> Response:
    again = [(name, value) for name, value in request.values.items(multi=True) if name not in _OURS]
    html = render_template("sandbox/sign-in.html", again=again, action=f"{ehr.auth_base}/authorize", **shown)
    # Browsers hold a form to where it is sent on to, too.
    parts = urlsplit(redirect_uri)
    csp = (
        f"default-src 'self'; base-uri 'none'; frame-ancestors 'self'; "
        f"form-action {ehr.origin} {parts.scheme}://{parts.netloc}"
    )
    return Response(html, headers={"Content-Security-Policy": csp, "Cache-Control": "no-store"})


def _naming(response: Response, issuer: str) -> Response:
    """An app that talks to several servers can tell from which an answer comes (RFC 9207)."""
    if response.location:
        response.location = add_params_to_uri(response.location, {"iss": issuer})
    return response
