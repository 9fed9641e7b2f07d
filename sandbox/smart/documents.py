"""What the FHIR server says about itself for SMART: where to go, and what it can do."""

from typing import Any

from sandbox.smart.client_assertions import ALGORITHMS

Json = dict[str, Any]


def smart_configuration(fhir_base: str, auth_base: str) -> Json:
    return {
        "issuer": fhir_base,
        "jwks_uri": f"{auth_base}/jwks.json",
        "authorization_endpoint": f"{auth_base}/authorize",
        "token_endpoint": f"{auth_base}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": [
            "openid", "fhirUser", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
            "patient/*.cruds", "user/*.cruds",
        ],
        "capabilities": [
            "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
            "client-confidential-asymmetric", "sso-openid-connect", "context-ehr-patient", "context-ehr-encounter",
            "context-standalone-patient", "context-banner", "context-style", "permission-offline", "permission-online",
            "permission-patient", "permission-user", "permission-v1", "permission-v2",
        ],
    }  # fmt: skip


def openid_configuration(fhir_base: str, auth_base: str) -> Json:
    shown = ("issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "response_types_supported")
    document = smart_configuration(fhir_base, auth_base)
    signing = {"subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]}
    return {name: document[name] for name in shown} | signing
