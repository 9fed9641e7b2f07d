"""The sandbox EHR's web addresses: its FHIR server, its authorization server, and a way in for its own pages."""

from dataclasses import replace
from secrets import compare_digest

from flask import Blueprint, Response, jsonify, request
from flask_cors import CORS

from sandbox.smart import documents, public_launch, signing_in
from sandbox.smart.access import within
from sandbox.smart.asked import Asked, pairs
from sandbox.smart.ehr import SandboxEhr, Seen
from sandbox.smart.faults import EXPIRED
from sandbox.smart.upstream import FHIR_JSON, Answer

KEY_HEADER = "X-Sandbox-Ehr"
_VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_SAID = ["ETag", "Last-Modified", "Location", "Content-Location", "WWW-Authenticate"]


def create_blueprint(ehr: SandboxEhr) -> Blueprint:
    door = Blueprint(
        "sandbox_smart", __name__, url_prefix="/sandbox",
        static_folder="../static", static_url_path="/auth/static", template_folder="../templates",
    )  # fmt: skip

    @door.get("/fhir/.well-known/smart-configuration")
    def smart_configuration() -> Response:
        return jsonify(documents.smart_configuration(ehr.fhir_base, ehr.auth_base))

    @door.get("/fhir/.well-known/openid-configuration")
    def openid_configuration() -> Response:
        return jsonify(documents.openid_configuration(ehr.fhir_base, ehr.auth_base))

    @door.route("/fhir", defaults={"path": ""}, methods=_VERBS)
    @door.route("/fhir/", defaults={"path": ""}, methods=_VERBS)
    @door.route("/fhir/<path:path>", methods=_VERBS)
    def fhir(path: str) -> Response:
        return _response(_answer(ehr, path))

    signing_in.add_routes(door, ehr)
    public_launch.add_routes(door, ehr)
    CORS(door, origins="*", methods=_VERBS, expose_headers=_SAID, send_wildcard=True)

    if tell := ehr.on_request:

        @door.after_request
        def note(response: Response) -> Response:
            tell(_seen(response))
            return response

    return door


def _answer(ehr: SandboxEhr, path: str) -> Answer:
    form = pairs(request.get_data(as_text=True)) if path.endswith("/_search") and request.method == "POST" else ()
    query = tuple((name, value) for name, value in request.args.items(multi=True) if name != "_format")
    body = b"" if form else request.get_data()
    method = "GET" if request.method == "HEAD" else request.method  # its answer is judged, then left out
    asked = Asked(method, path.strip("/"), query, form, body, dict(request.headers), by_app=not _is_own(ehr))
    if asked.path == "metadata" or not asked.by_app:
        return ehr.faults.answer(asked, lambda: ehr.upstream.send(asked))
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not kind and ehr.for_all:
        return ehr.faults.answer(asked, lambda: within(ehr.for_all, asked, ehr.upstream.send))
    access = ehr.store.access(token.strip()) if kind.lower() == "bearer" else None
    if access is None:
        return EXPIRED
    theirs = replace(asked, patient=access.granted.launch.patient)
    return ehr.faults.answer(theirs, lambda: within(access.scope, theirs, ehr.upstream.send))


def _is_own(ehr: SandboxEhr) -> bool:
    return compare_digest(request.headers.get(KEY_HEADER, "").encode(), ehr.key.encode())


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, mimetype=FHIR_JSON)


def _seen(response: Response) -> Seen:
    part = request.path.removeprefix("/sandbox/").split("/")
    kind = "fhir" if part[0] == "fhir" else part[-1] if part[-1] in ("authorize", "token") else "other"
    query, form = tuple(request.args.items(multi=True)), tuple(request.form.items(multi=True))
    return Seen(
        kind, request.method, request.path, query, form, dict(request.headers), response.status_code, _body(response)
    )


def _body(response: Response) -> bytes:
    return b"" if response.direct_passthrough else response.get_data()
