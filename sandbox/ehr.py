"""What the mock EHR's pages stand on, and how they answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response

from fixtures.teaching import TeachingPatient
from sandbox.breaking import Breaking
from sandbox.fhir_side import Behind
from sandbox.outcomes import outcome
from sandbox.people import find
from sandbox.signing import Signer

Kept = Callable[[str], Any]  # a call's hookInstance -> what the journal keeps of it, None if nothing


@dataclass(frozen=True)
class Ehr:
    """`app`: the SMART app's launch address, '' if there is none to open."""

    today: Callable[[], date]
    behind: Behind
    signer: Signer
    breaking: Breaking
    app: str = ""
    kept: Kept = lambda hook_instance: None

    def find(self, patient_id: str) -> TeachingPatient | None:
        return find(self.behind, patient_id, self.today())


def answer(body: Any, status: int = 200) -> Response:
    """JSON with its keys in the order we wrote them, since people read it on the page."""
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


def refuse(status: int, code: str, diagnostics: str) -> Response:
    return answer(outcome(code, diagnostics), status)


def unknown_patient(patient_id: str) -> Response:
    return refuse(404, "not-found", f"There is no patient '{patient_id}'. GET /sandbox/patients lists them all.")
