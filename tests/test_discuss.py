"""The options discussion: what is written, that the rules read it again, and that nothing typed is ever lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app_beside_an_ehr import Beside, beside, digest_in, field_value, previewed
from fhir_server import status
from msgspec.structs import replace
from writable_server import Wrote

from ehr.r4 import checked
from second_opinion.findings import Outcome
from second_opinion.options_discussion import OPTIONS_DISCUSSION, PREFERENCES, STATEMENTS, URL
from smart_app.acts.previews import part
from smart_app.forms.questionnaire import questionnaire

TALK = {
    "option.surgery-planned.discussed": "yes",
    "option.surgery-planned.benefits": "Leg pain may ease",
    "option.surgery-planned.risks": "Infection, another operation",
    "option.physical-therapy.discussed": "yes",
    "date": "2026-11-21",
    "present": "Daughter",
}
WORDS = "I would rather avoid another operation."
HOSTILE = "<script>alert('x')</script>\"'&"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Beside]:
    with beside(tmp_path) as running:
        yield running


def links(items: Any) -> Iterator[str]:
    for item in items:
        yield item["linkId"]
        yield from links(item.get("item", ()))


# ---- the questionnaire


def test_the_questionnaire_is_valid_and_served_at_one_place_with_a_version(app: Beside) -> None:
    answer = app.client.get("/fhir/Questionnaire/options-discussion")
    assert answer.mimetype == "application/fhir+json"
    served = checked(json.loads(answer.data))
    assert (served["url"], served["version"]) == (URL, OPTIONS_DISCUSSION["version"])
    asked = list(links(served["item"]))
    assert len(asked) == len(set(asked))


def test_what_the_rules_read_is_asked_in_the_questionnaire() -> None:
    items = {item["linkId"]: item for item in questionnaire()["item"]}
    offered = {option["valueCoding"]["code"] for option in items["preference"]["answerOption"]}
    assert offered == set(PREFERENCES)
    assert all(items[link]["type"] == "boolean" for link in STATEMENTS)


# ---- from the form to the chart and back


def test_an_empty_form_suggests_no_words(app: Beside) -> None:
    page = app.get("discuss").text
    assert 'value="2026-11-22"' in page  # today
    assert field_value(page, "own-words") == field_value(page, "option.injection.risks") == ""
    assert '" checked' not in page


def test_a_discussion_is_shown_to_the_letter_written_and_met(app: Beside) -> None:
    assert app.finding("options_discussed").outcome is Outcome.NOT_DOCUMENTED
    page = app.post("discuss", TALK | {"own-words": WORDS}).text
    (response, preference) = (json.loads(shown) for shown in previewed(page))
    assert not app.store.of("QuestionnaireResponse")
    assert app.post("discuss", TALK | {"own-words": WORDS, "digest": digest_in(page)}, "write").status_code == 303
    (written,), (observed,) = app.store.of("QuestionnaireResponse"), app.store.of("Observation")
    assert response.items() <= written.items()
    assert preference | {"derivedFrom": [{"reference": f"QuestionnaireResponse/{written['id']}"}]} == {
        name: value for name, value in observed.items() if name not in ("id", "meta")
    }
    assert written["questionnaire"] == f"{URL}|{OPTIONS_DISCUSSION['version']}"
    assert (written["author"]["reference"], written["encounter"]["reference"]) == ("Practitioner/7", "Encounter/e1")
    assert set(links(written["item"])) <= set(links(questionnaire()["item"]))
    assert app.finding("options_discussed").outcome is Outcome.MET


@pytest.mark.parametrize(
    ("preference", "outcome"),
    [
        ("no-surgery", Outcome.CONCERN),
        ("other-treatment", Outcome.CONCERN),
        ("surgery", Outcome.MET),
        ("unsure", Outcome.NOT_APPLICABLE),
        ("", Outcome.NOT_APPLICABLE),
    ],
)
def test_the_coded_preference_is_read_as_the_patients_goal(app: Beside, preference: str, outcome: Outcome) -> None:
    app.write("discuss", TALK | {"preference": preference})
    assert app.finding("patient_goals").outcome is outcome


def test_the_patients_own_words_are_read_as_their_goal(app: Beside) -> None:
    app.write("discuss", TALK | {"own-words": WORDS})
    goal = app.finding("patient_goals")
    assert (goal.outcome, WORDS.removesuffix(".") in goal.says) == (Outcome.CONCERN, True)


@pytest.mark.parametrize("said", STATEMENTS)
def test_what_the_patient_asks_for_or_is_uncomfortable_with_is_read_as_a_concern(app: Beside, said: str) -> None:
    app.write("discuss", TALK)
    assert app.finding("patient_concern").outcome is Outcome.NOT_APPLICABLE
    app.write("discuss", TALK | {said: "yes"})
    assert app.finding("patient_concern").outcome is Outcome.CONCERN


def test_confirming_twice_writes_once_and_undoing_takes_it_back(app: Beside) -> None:
    first, second = app.write("discuss", TALK), app.write("discuss", TALK)
    assert first.location == second.location
    assert len(app.store.of("QuestionnaireResponse")) == 1
    assert "The discussion is in the EHR" in app.client.get(first.location).text
    assert app.undo(first).status_code == 303
    assert "It was withdrawn" in app.client.get(first.location).text
    assert app.finding("options_discussed").outcome is Outcome.NOT_DOCUMENTED


def test_a_launch_that_names_neither_user_nor_encounter_writes_neither(app: Beside) -> None:
    app.launch = replace(app.launch, user="", encounter="")
    app.write("discuss", TALK | {"own-words": WORDS})
    (written,), (observed,) = app.store.of("QuestionnaireResponse"), app.store.of("Observation")
    assert not {"author", "encounter"} & (written.keys() | observed.keys())


# ---- nothing is lost


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"option.surgery-planned.discussed": "", "option.physical-therapy.discussed": ""}, "Tick what was discussed"),
        ({"option.injection.risks": "Bleeding"}, "Tick it, or clear the text"),
        ({"date": "2026-11-23"}, "yet to come"),
        ({"date": "21.11.2026"}, "Not a date"),
        ({"date": "2026-11"}, "Not a date"),
        ({"date": "2026-02-30"}, "no such day"),
        ({"date": ""}, "Say when"),
        ({"preference": "nothing-known"}, "Choose one of the answers"),
        ({"matters-most": "x" * 4001}, "4001 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_the_rest_is_still_there(
    app: Beside, changes: dict[str, str], says: str
) -> None:
    answer = app.post("discuss", TALK | {"own-words": WORDS} | changes)
    assert answer.status_code == 422
    assert says in answer.text
    assert field_value(answer.text, "own-words") == WORDS
    assert 'value="Daughter"' in answer.text


def test_going_back_from_the_preview_keeps_what_was_typed(app: Beside) -> None:
    lines = "First line\nsecond   line"
    page = app.post("discuss", TALK | {"own-words": lines.replace("\n", "\r\n")}, "edit").text
    assert field_value(page, "own-words") == lines


def test_a_refusal_of_the_ehr_is_said_and_the_form_can_be_sent_again(app: Beside) -> None:
    app.store.ways["POST QuestionnaireResponse"] = status(403)
    answer = app.write("discuss", TALK | {"own-words": WORDS})
    assert answer.status_code == 409
    assert "It was not written" in answer.text and WORDS in answer.text
    del app.store.ways["POST QuestionnaireResponse"]
    form = TALK | {"own-words": WORDS, "digest": digest_in(answer.text)}
    assert app.post("discuss", form, "write").status_code == 303


def test_what_may_have_been_written_is_not_said_to_be_unwritten(app: Beside) -> None:
    app.store.ways["POST QuestionnaireResponse"] = status(500)
    answer = app.write("discuss", TALK)
    assert "It may have been written" in answer.text and "It was not written" not in answer.text


def test_half_a_write_is_said_and_can_be_undone(app: Beside) -> None:
    app.store.ways["POST Observation"] = status(422)
    answer = app.write("discuss", TALK | {"own-words": WORDS})
    assert "It was written in part" in answer.text and "It was not written" not in answer.text
    assert "What was written, and how to undo it" in answer.text
    deed = digest_in(answer.text)
    assert "It was written in part" in app.get(f"done/{deed}").text
    assert app.post(f"undo/{deed}", {}).status_code == 303
    assert app.finding("options_discussed").outcome is Outcome.NOT_DOCUMENTED


def test_a_form_that_comes_after_the_launch_has_ended_is_given_back_as_text(app: Beside) -> None:
    app.ended = True
    answer = app.post("discuss", TALK | {"own-words": HOSTILE})
    assert answer.status_code == 401
    assert "This session has ended" in answer.text and "own-words: &lt;script&gt;" in answer.text
    assert "own-words" not in app.get("discuss").text
    assert app.launch.form_key not in answer.text


def test_while_the_journal_cannot_be_written_nothing_is_and_the_words_are_still_there(tmp_path: Path) -> None:
    with beside(tmp_path / "missing") as app:
        answer = app.post("discuss", TALK)
        assert "The journal of this app cannot be written now" in answer.text and "Leg pain may ease" in answer.text
        assert app.write("discuss", TALK).status_code == 409
        assert not app.store.requests("POST")


# ---- what the EHR does not allow


def test_without_the_scope_the_words_are_there_to_copy_and_nothing_can_be_confirmed(tmp_path: Path) -> None:
    with beside(tmp_path, scopes=("patient/*.rs",)) as app:
        page = app.post("discuss", TALK | {"own-words": WORDS, "preference": "no-surgery", "concern": "yes"}).text
        assert "cannot be written" in page and "Write it to the EHR" not in page
        assert "Leg pain may ease" in page and "What does the patient prefer: No surgery" in page
        assert not previewed(page)
        assert app.write("discuss", TALK).status_code == 409
        assert not app.store.requests("POST")


@pytest.mark.parametrize(
    ("scope", "kind", "says"),
    [
        ("QuestionnaireResponse", "QuestionnaireResponse", "cannot be written as a preference"),
        ("Observation", "Observation", "Only the patient's own words can be written"),
    ],
)
def test_with_one_scope_of_two_that_part_is_written_and_the_other_is_named(
    tmp_path: Path, scope: str, kind: str, says: str
) -> None:
    with beside(tmp_path, scopes=(f"patient/{scope}.c",)) as app:
        form = TALK | {"own-words": WORDS}
        assert says in app.post("discuss", form).text.replace("&#39;", "'")
        assert app.write("discuss", form).status_code == 303
        assert [wrote.type for wrote in app.store.requests("POST") if isinstance(wrote, Wrote)] == [kind]
        assert app.finding("patient_goals").outcome is Outcome.CONCERN or scope == "QuestionnaireResponse"


# ---- who may, and hostile text


@pytest.mark.parametrize("page", ["discuss", "elsewhere"])
def test_a_form_that_another_page_made_is_refused(app: Beside, page: str) -> None:
    assert app.post(page, TALK | {"form_key": "another"}).status_code == 403
    assert app.post(page, TALK | {"form_key": ""}).status_code == 403


def test_hostile_text_is_shown_and_written_as_text(app: Beside) -> None:
    form = TALK | {"own-words": HOSTILE, "present": HOSTILE, "option.surgery-planned.risks": HOSTILE}
    for step in ("preview", "edit"):
        page = app.post("discuss", form, step).text
        assert "<script>alert" not in page and "<b>K</b>" not in page
    app.write("discuss", form)
    assert app.store.of("Observation")[0]["valueString"] == HOSTILE


def test_words_that_look_like_our_own_references_stay_words(app: Beside) -> None:
    app.write("discuss", TALK | {"own-words": f"{part(0)} and {part(7)}", "matters-most": part(7)})
    assert app.store.of("Observation")[0]["valueString"] == f"{part(0)} and {part(7)}"
    assert part(7) in json.dumps(app.store.of("QuestionnaireResponse"))


def test_control_characters_never_reach_the_chart(app: Beside) -> None:
    app.write("discuss", TALK | {"own-words": "a\x00b\x1b\tc\nd"})
    assert app.store.of("Observation")[0]["valueString"] == "ab\tc\nd"
