"""What a token answer says beside the token: patient, launch context, id_token."""

from typing import Any

from sandbox.smart.identity import Identity
from sandbox.smart.store import Granted, Launch

Json = dict[str, Any]


def beside_the_token(granted: Granted, scope: str, identity: Identity) -> Json:
    said = launch_context(granted.launch)
    if "openid" in scope.split():
        said["id_token"] = identity.id_token(granted)
    return said


def launch_context(launch: Launch) -> Json:
    said: Json = {
        "patient": launch.patient,
        "encounter": launch.encounter,
        "appContext": launch.app_context,
        "intent": launch.intent,
        "tenant": launch.tenant,
        "fhirContext": list(launch.fhir_context),
        "smart_style_url": launch.smart_style_url,
    }
    said = {name: value for name, value in said.items() if value}
    if launch.need_patient_banner is not None:
        said["need_patient_banner"] = launch.need_patient_banner
    return said
