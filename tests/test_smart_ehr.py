"""The sandbox's SMART EHR is as strict as the strictest real one, over real HTTP, on a third-party FHIR server."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from smart_ehr import RUTH, VERIFIER, Json, RunningEhr, challenge, query_of, read, smart_ehr
from urllib3 import BaseHTTPResponse

from sandbox.smart.clients import Client

CALLBACK = "http://localhost:9/callback"
PUBLIC = Client("public-app", (CALLBACK,))
SCOPES = "launch openid fhirUser offline_access patient/*.cruds"


@pytest.fixture
def ehr(sekmet: str) -> Iterator[RunningEhr]:
    with smart_ehr(sekmet, lambda port: [PUBLIC]) as running:
        yield running


def asked(ehr: RunningEhr, **changed: str | None) -> dict[str, str]:
    """An authorization request as it should be, but for what is changed; None leaves out."""
    right: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "public-app",
        "redirect_uri": CALLBACK,
        "scope": SCOPES,
        "state": "a-state-of-122-bits",
        "aud": ehr.fhir_base,
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
        "nonce": "n-1",
    }
    if "launch" not in changed:
        right["launch"] = ehr.launch_token(RUTH)
    return {name: value for name, value in (right | changed).items() if value is not None}


def authorize(ehr: RunningEhr, **changed: str | None) -> BaseHTTPResponse:
    return sent_by(ehr, "GET", asked(ehr, **changed))


def sent_by(ehr: RunningEhr, method: str, sent: dict[str, str]) -> BaseHTTPResponse:
    if method == "GET":
        return ehr.http.request("GET", f"{ehr.authorize}?{urlencode(sent)}", redirect=False)
    return ehr.http.request("POST", ehr.authorize, fields=sent, encode_multipart=False, redirect=False)


def code_of(ehr: RunningEhr, **changed: str | None) -> str:
    answer = authorize(ehr, **changed)
    assert answer.status == 302, answer.data
    return query_of(answer.headers["Location"])["code"]


def exchange(ehr: RunningEhr, code: str, **changed: str) -> BaseHTTPResponse:
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "public-app",
    } | changed
    return ehr.http.request("POST", ehr.token, fields=sent, encode_multipart=False)


def tokens(ehr: RunningEhr, **changed: str | None) -> Json:
    answer = exchange(ehr, code_of(ehr, **changed))
    assert answer.status == 200, answer.data
    return read(answer)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_launch_ends_in_a_token_with_the_patient_that_reads_the_chart(ehr: RunningEhr, method: str) -> None:
    answer = sent_by(ehr, method, asked(ehr))
    said = query_of(answer.headers["Location"])
    assert (said["state"], said["iss"]) == ("a-state-of-122-bits", ehr.fhir_base)
    token = read(exchange(ehr, said["code"]))
    assert token["patient"] == RUTH
    chart = read(ehr.fhir("GET", f"Procedure?patient={RUTH}", token["access_token"]))
    assert len(chart["entry"]) == 12
    assert all(entry["fullUrl"].startswith(ehr.fhir_base) for entry in chart["entry"])
