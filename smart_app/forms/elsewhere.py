"""Care done elsewhere: from the form to a Procedure that says on whose word it stands.

Rules read it as care received, marked as reported. What a patient says of an operation's result stays in words: the
code 'unsuccessful' would be a strong sign, and that is a clinician's to give.
"""

from second_opinion.from_fhir import REPORTED_CARE
from smart_app.acts.previews import Act, Json
from smart_app.forms.discussion import context_of
from smart_app.forms.elsewhere_form import ELSEWHERE, is_operation, note_of_care, what_in_words
from smart_app.forms.filled import Filled
from smart_app.launches import Launch

_SYSTEMS = {"SNOMED": "http://snomed.info/sct"}


def act_of_care(care: Filled, launch: Launch) -> Act:
    """By its identifiers' system we know the Procedure as reported care when it comes back."""
    return Act(
        action="statement", title="Care done elsewhere", resources=(procedure_of(care, launch),),
        note=note_of_care(care), system=REPORTED_CARE,
    )  # fmt: skip


def procedure_of(care: Filled, launch: Launch) -> Json:
    """The Procedure: nobody is named as performer, and `asserter` says whose word it is."""
    patient = {"reference": f"Patient/{launch.patient}"}
    written: Json = {
        "resourceType": "Procedure",
        "status": "in-progress" if care["ongoing"] else "completed",
        "code": _code(care),
        "subject": patient,
        **_performed(care),
        **context_of(launch, "recorder"),
    }
    asserter = patient if care["says"] == "patient" else written.get("recorder")
    notes = [f"Sessions: {care['sessions']}"] if care["sessions"] else []
    notes += [care["note"]] if care["note"] else []
    more = {"asserter": asserter, "outcome": _outcome(care), "note": [{"text": words} for words in notes]}
    # The encounter of today is where it was written down, not where it was done.
    return {key: value for key, value in (written | more).items() if value and key != "encounter"}


def _performed(care: Filled) -> Json:
    """One day, if no end is known: an open period would say that it goes on."""
    first, last = care["from"], care["until"]
    if not last and not care["ongoing"]:
        return {"performedDateTime": first}
    return {"performedPeriod": {"start": first} | ({"end": last} if last else {})}


def _code(care: Filled) -> Json:
    written = _coded(care)
    return {"coding": [_coding(written)], "text": what_in_words(care)} if written else {"text": what_in_words(care)}


def _coded(care: Filled) -> str:
    name = care["what"].partition(".")[2]
    if is_operation(care):
        return str(ELSEWHERE["region_codes"].get(f"{name} {care['region']}", ""))
    return str(ELSEWHERE["care"][name].get("code", ""))


def _coding(written: str) -> Json:
    system, code, display = written.split(" ", 2)
    return {"system": _SYSTEMS[system], "code": code, "display": display}


def _outcome(care: Filled) -> Json:
    if not care["helped"]:
        return {}
    result = ELSEWHERE["helped"][care["helped"]]
    if is_operation(care) and care["says"] == "patient":
        return {"text": f"{result['says']}, the patient reports"}
    return {"coding": [_coding(result["code"])], "text": result["says"]}
