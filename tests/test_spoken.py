"""What was said and talked over: forms of Goals, messages, documents, consents and answers that vignettes leave out.

Whose words they are, where they stand and whether they still hold; what a title says is in discussions.py.
"""

from datetime import date
from typing import Any

import pytest
from msgspec import json

from second_opinion.discussions import discussed
from second_opinion.from_fhir import read_bundle
from second_opinion.options_discussion import URL as OPTIONS_DISCUSSION
from second_opinion.record import Lane

AS_OF = date(2026, 11, 22)
SUBJECT = {"reference": "Patient/p"}
AGAINST = "Patient does not want surgery."
FUSION = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "22612"}], "text": "Lumbar fusion"}
COLONOSCOPY = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "45378"}], "text": "Colonoscopy"}
CONSENT = "http://terminology.hl7.org/CodeSystem/consentscope"

Json = dict[str, Any]


def lane(name: str, kind: str, **elements: Any) -> Lane:
    """The lane of one resource; an element that is None is left out."""
    about = "patient" if kind == "Consent" else "subject"
    one = {"resourceType": kind, "id": "1", about: SUBJECT, **elements}
    one = {key: value for key, value in one.items() if value is not None}
    entries = [{"resource": {"resourceType": "Patient", "id": "p"}}, {"resource": one}]
    return read_bundle(json.encode({"resourceType": "Bundle", "entry": entries}), AS_OF)[name]


def kinds(lane: Lane) -> list[tuple[str, str]]:
    """(value set, role or kind) of all that counts."""
    return [(m.value_set, m.role or m.kind) for event in lane.events for m in event.meanings]


# ---- preferences


def test_a_preference_has_the_instant_it_was_recorded() -> None:
    preference = {"coding": [{"system": "http://loinc.org", "code": "75773-2"}]}
    found = lane("observations", "Observation", status="final", code=preference, valueString=AGAINST,
                 effectiveInstant="2026-11-05T09:00:00Z")  # fmt: skip
    assert ("2026-11-05", AGAINST) in [(str(event.on), event.label) for event in found.events]


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ASSERTION"}]}, True),
        ({"text": "assertion"}, True),
        (None, True),
        (FUSION, True),
        (COLONOSCOPY, False),
        ({"text": "Colonoscopy"}, False),
    ],
)
def test_a_refusal_as_a_value_counts_where_its_code_names_no_other_procedure(code: Json | None, counts: bool) -> None:
    declined = {"coding": [{"system": "http://snomed.info/sct", "code": "1296859006"}], "text": "Procedure declined"}
    found = lane("observations", "Observation", status="final", effectiveDateTime="2026-10-01", code=code,
                 valueCodeableConcept=declined)  # fmt: skip
    assert any(event.means("patient_statements") for event in found.events) is counts


# ---- where it stands

ASKED = {"coding": [{"system": "http://snomed.info/sct", "code": "310343007"}], "text": "Further opinion sought"}
NOTE = [{"text": AGAINST}]


@pytest.mark.parametrize(
    ("name", "kind", "elements", "label", "by"),
    [
        ("goals", "Goal", {"startDate": "2026-10-01", "description": {"text": AGAINST}}, AGAINST, "text"),
        ("goals", "Goal", {"startDate": "2026-10-01", "note": NOTE}, AGAINST, "text"),
        ("care_plans", "CarePlan", {"status": "active", "created": "2026-10-01", "note": NOTE}, AGAINST, "text"),
        (
            "observations",
            "Observation",
            {
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "95541-9"}]},
                "effectiveDateTime": "2026-10-01",
                "note": NOTE,
            },
            AGAINST,
            "text",
        ),
        *[
            (
                "communications",
                "Communication",
                {"status": "completed", "sent": "2026-10-01", "sender": SUBJECT, **told},
                label,
                by,
            )
            for told, label, by in (
                ({"topic": {"text": AGAINST}}, AGAINST, "text"),
                ({"note": NOTE}, AGAINST, "text"),
                ({"topic": {"text": "Decision aid"}}, "Decision aid", "text"),
                ({"reasonCode": [ASKED]}, "Further opinion sought", "code"),
            )
        ],
        (
            "documents",
            "DocumentReference",
            {"status": "current", "date": "2026-10-01", "type": {"text": "Decision aid"}},
            "Decision aid",
            "text",
        ),
        (
            "consents",
            "Consent",
            {"status": "active", "dateTime": "2026-10-01", "category": [{"text": "Informed consent"}]},
            "Informed consent",
            "text",
        ),
        (
            "questionnaire_responses",
            "QuestionnaireResponse",
            {"questionnaire": OPTIONS_DISCUSSION, "status": "completed", "authored": "2026-10-01"},
            "Options discussed (options discussion)",
            "code",
        ),
    ],
)
def test_what_was_said_can_be_found_again_in_the_chart(
    name: str, kind: str, elements: Json, label: str, by: str
) -> None:
    (event,) = (each for each in lane(name, kind, **elements).events if each.label == label)
    assert (event.source, event.resource, event.by) == (f"{kind}/1", kind, by)
    assert event.on == event.until == date(2026, 10, 1)


# ---- goals and notes


def goal(**changes: Any) -> Lane:
    usual = {"lifecycleStatus": "active", "description": {"text": AGAINST}, "startDate": "2026-10-01"}
    return lane("goals", "Goal", **usual | changes)


def test_a_goal_is_a_statement_of_the_day_it_was_last_changed() -> None:
    assert [str(event.on) for event in goal().events] == ["2026-10-01"]
    assert [str(event.on) for event in goal(statusDate="2026-11-01").events] == ["2026-11-01"]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "rejected"])
def test_a_goal_that_was_given_up_says_nothing(status: str) -> None:
    found = goal(lifecycleStatus=status)
    assert not found.events and not found.aside


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"startDate": None}, "no date"), ({"lifecycleStatus": "wished"}, "status 'wished' is unknown")],
)
def test_a_goal_that_cannot_be_placed_is_set_aside(changes: Json, why: str) -> None:
    found = goal(**changes)
    assert not found.events
    assert [event.aside for event in found.aside] == [why]


def test_a_goal_without_a_lifecycle_status_still_speaks() -> None:
    assert [event.label for event in goal(lifecycleStatus=None).events] == [AGAINST]


def test_a_note_has_its_own_day_or_that_of_what_it_stands_on() -> None:
    notes = [{"text": AGAINST, "time": "2026-11-05T09:00:00Z"}, {"text": "Patient wants surgery."}, {}]
    found = goal(description=None, note=notes)
    assert [(str(event.on), event.label) for event in found.events] == [
        ("2026-10-01", "Patient wants surgery."),
        ("2026-11-05", AGAINST),
    ]


def test_a_note_on_the_progress_of_a_plan_is_read_and_has_no_day_but_its_own() -> None:
    progress = [{"text": AGAINST, "time": "2026-11-05"}, {"text": "Patient wants surgery."}]
    plan = {"status": "active", "created": "2026-09-01", "activity": [{"progress": progress}]}
    found = lane("care_plans", "CarePlan", **plan)
    assert [(str(event.on), event.label) for event in found.events] == [("2026-11-05", AGAINST)]
    assert [(event.on, event.aside) for event in found.aside] == [(None, "no date")]


def test_a_note_of_a_plan_has_the_day_the_plan_was_made_or_began() -> None:
    usual = {"status": "active", "period": {"start": "2026-09-01", "end": "2026-11-01"}, "note": [{"text": AGAINST}]}
    assert [str(event.on) for event in lane("care_plans", "CarePlan", **usual).events] == ["2026-09-01"]
    made = lane("care_plans", "CarePlan", created="2026-08-20", **usual)
    assert [str(event.on) for event in made.events] == ["2026-08-20"]


# ---- messages


def message(**changes: Any) -> Lane:
    usual = {
        "status": "completed", "sent": "2026-10-01", "sender": SUBJECT, "payload": [{"contentString": AGAINST}, {}],
    }  # fmt: skip
    return lane("communications", "Communication", **usual | changes)


def test_a_message_of_the_patient_is_a_statement_of_theirs() -> None:
    assert kinds(message()) == [("patient_statements", "against_surgery")]
    assert kinds(message(payload=None, topic={"text": AGAINST})) == [("patient_statements", "against_surgery")]
    assert kinds(message(payload=None, note=[{"text": AGAINST}])) == [("patient_statements", "against_surgery")]


@pytest.mark.parametrize("sender", [None, {}, {"reference": "Practitioner/5"}, {"reference": "RelatedPerson/3"}])
def test_a_message_of_somebody_else_is_no_statement_of_the_patient(sender: Json | None) -> None:
    assert kinds(message(sender=sender, topic={"text": AGAINST}, note=[{"text": AGAINST}])) == []


@pytest.mark.parametrize("status", ["entered-in-error", "not-done", "preparation", "on-hold"])
def test_a_message_that_was_not_sent_says_nothing(status: str) -> None:
    found = message(status=status, topic={"text": "Informed consent"})
    assert not found.events and not found.aside


@pytest.mark.parametrize(
    ("changes", "on", "aside"),
    [
        ({"sent": None, "received": "2026-10-02"}, "2026-10-02", []),
        ({"sent": None}, None, ["no date"]),
        ({"status": None}, None, ["no status"]),
        ({"status": "unknown"}, None, ["status 'unknown' is unknown"]),
    ],
)
def test_a_message_that_cannot_be_placed_is_set_aside(changes: Json, on: str | None, aside: list[str]) -> None:
    found = message(**changes)
    assert [str(event.on) for event in found.events] == ([on] if on else [])
    assert [event.aside for event in found.aside] == aside


def test_a_reason_of_a_message_counts_whoever_sent_it_if_it_is_a_statement() -> None:
    asked = {"coding": [{"system": "http://snomed.info/sct", "code": "310343007"}], "text": "Further opinion sought"}
    found = message(sender=None, payload=None, reasonCode=[{"text": "pain"}, asked])
    assert kinds(found) == [("patient_statements", "concern")]
    undated = message(sender=None, payload=None, reasonCode=[asked], sent=None)
    assert [event.aside for event in undated.aside] == ["no date"]


@pytest.mark.parametrize("element", ["topic", "category"])
def test_a_message_about_the_options_is_a_talk_about_them_whoever_sent_it(element: str) -> None:
    title = {"text": "Shared decision-making"}
    found = message(sender=None, payload=None, **{element: title if element == "topic" else [title]})
    assert kinds(found) == [("options_discussed", "communication")]


# ---- documents


def document(**changes: Any) -> Lane:
    return lane("documents", "DocumentReference", **{"status": "current", "date": "2026-10-01"} | changes)


@pytest.mark.parametrize(
    "elements",
    [
        {"type": {"text": "Informed consent"}},
        {"description": "INFORMED-CONSENT"},
        {"category": [{"text": "Notes"}, {"text": "Decision aids"}]},
        {"content": [{"attachment": {}}, {}, {"attachment": {"title": "Shared decision making"}}]},
    ],
)
def test_a_document_may_say_it_by_type_category_description_or_title(elements: Json) -> None:
    assert kinds(document(**elements)) == [("options_discussed", "documentreference")]


@pytest.mark.parametrize("gone", [{"status": "entered-in-error"}, {"docStatus": "entered-in-error"}])
def test_a_document_entered_in_error_says_nothing(gone: Json) -> None:
    found = document(type={"text": "Informed consent"}, **gone)
    assert not found.events and not found.aside


def test_a_document_without_a_date_is_set_aside() -> None:
    found = document(type={"text": "Informed consent"}, date=None)
    assert [event.aside for event in found.aside] == ["no date"]


# ---- consents


def consent(**changes: Any) -> Lane:
    usual = {"status": "active", "dateTime": "2026-10-01", "category": [{"text": "Consent form"}]}
    return lane("consents", "Consent", **usual | changes)


def scope(code: str) -> Json:
    return {"coding": [{"system": CONSENT, "code": code}]}


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({"scope": scope("treatment")}, True),
        ({"scope": scope("treatment"), "provision": {"code": [FUSION]}}, True),
        ({"provision": {"code": [FUSION]}}, True),
        ({"provision": {"code": [COLONOSCOPY, FUSION]}}, True),
        ({"scope": scope("treatment"), "provision": {"code": [COLONOSCOPY]}}, False),
        ({"scope": scope("treatment"), "provision": {}}, True),
        ({"scope": scope("patient-privacy"), "provision": {"code": [FUSION]}}, False),
        ({"scope": scope("research"), "category": [{"text": "Informed consent"}]}, False),
        ({"scope": {"text": "treatment"}}, False),
        ({}, False),
        ({"category": [{"text": "Informed consent"}]}, True),
        ({"scope": scope("treatment"), "category": [{"text": "Consent to MRI"}]}, False),
        ({"scope": scope("treatment"), "category": None}, False),
    ],
)
def test_a_consent_counts_if_it_is_to_this_treatment(elements: Json, counts: bool) -> None:
    assert bool(consent(**elements).events) is counts


# ---- our own questionnaire


def response(*items: Any, **changes: Any) -> Lane:
    usual = {"questionnaire": OPTIONS_DISCUSSION, "status": "completed", "authored": "2026-10-01", "item": [*items]}
    return lane("questionnaire_responses", "QuestionnaireResponse", **usual | changes)


def item(link: str, **answer: Any) -> Json:
    return {"linkId": link, "answer": [answer]}


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (item("preference", valueCoding={"code": "surgery"}), ["for_surgery"]),
        (item("preference", valueCoding={"code": "other-treatment"}), ["against_surgery"]),
        (item("preference", valueCoding={"code": "no-surgery"}), ["against_surgery"]),
        (item("preference", valueCoding={"code": "undecided"}), []),
        (item("preference", valueCoding={}), []),
        (item("preference", valueString="no-surgery"), []),
        (item("concern", valueBoolean=True), ["concern"]),
        (item("concern", valueBoolean=False), []),
        (item("concern", valueCoding={"code": "no-surgery"}), []),
        (item("other", valueBoolean=True), []),
        ({"linkId": "group", "item": [item("concern", valueBoolean=True)]}, ["concern"]),
        ({"linkId": "preference"}, []),
    ],
)
def test_an_answer_means_what_its_item_asks(answered: Json, said: list[str]) -> None:
    found = kinds(response(answered))
    assert ("options_discussed", "record") in found
    assert [role for value_set, role in found if value_set == "patient_statements"] == said


def test_another_questionnaire_is_not_ours_and_a_version_of_ours_is() -> None:
    assert kinds(response(questionnaire="https://example.org/phq9")) == []
    assert kinds(response(questionnaire=None)) == []
    assert kinds(response(questionnaire=f"{OPTIONS_DISCUSSION}|2", item=None)) == [("options_discussed", "record")]


@pytest.mark.parametrize(
    ("changes", "why"), [({"authored": None}, "no date"), ({"status": "draft"}, "status 'draft' is unknown")]
)
def test_answers_that_cannot_be_placed_are_set_aside(changes: Json, why: str) -> None:
    found = response(item("concern", valueBoolean=True), **changes)
    assert not found.events
    assert {event.aside for event in found.aside} == {why}


# ---- titles


@pytest.mark.parametrize(
    "title",
    [
        "Informed consent",
        "INFORMED-CONSENTS",
        "Shared decision-making note",
        "Shared decision: back pain",
        "Decision aid",
        "Informed consent for lumbar fusion",
        "Informed consent for ACDF",
        "Informed consent for surgery",
        "Informed consent regarding the planned operation",
        "Informed consent for back surgery",
    ],
)
def test_a_title_says_that_options_were_discussed(title: str) -> None:
    assert discussed(["", title]) == title


@pytest.mark.parametrize(
    "titles",
    [
        [],
        ["", ""],
        ["Consent form"],
        ["Decision"],
        ["Informed consent for colonoscopy"],
        ["Informed consent", "Consent for colonoscopy"],
        ["Informed consent not obtained"],
        ["Informed consent", "Patient declined"],
        ["Informed consent - pending"],
        ["Uninformed consent"],
    ],
    ids=str,
)
def test_a_title_that_does_not_say_it_or_names_another_procedure_does_not_count(titles: list[str]) -> None:
    assert discussed(titles) == ""


@pytest.mark.parametrize(
    "title",
    [
        "Informed consent: colonoscopy",
        "Colonoscopy informed consent",
        "Decision aid: knee osteoarthritis",
        "Informed consent - anesthesia",
    ],
)
def test_another_procedure_is_seen_wherever_the_title_names_it(title: str) -> None:
    assert discussed([title]) == ""


def test_a_consent_to_treatment_needs_no_such_title() -> None:
    assert discussed(["", "Consent form"], is_consent=True) == "Consent form"
    assert discussed([""], is_consent=True) == ""
    assert discussed(["Consent to MRI"], is_consent=True) == ""
