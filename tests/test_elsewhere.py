"""Care done elsewhere: what is written says on whose word, and the rules read it again as care received."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_beside_an_ehr import Beside, beside, field_value, previewed
from msgspec.structs import replace
from review_cases import TODAY

from second_opinion.findings import Outcome
from second_opinion.from_fhir import REPORTED_CARE
from second_opinion.nonsurgical import modalities
from second_opinion.record import Event
from smart_app.forms.elsewhere_form import ELSEWHERE, whats
from smart_app.forms.filled import day_in_words

THERAPY = {"what": "care.physical-therapy", "from": "2026-06", "until": "2026-10", "says": "patient"}
OPERATION = {"what": "operation.fusion", "region": "lumbar", "from": "2019", "says": "patient"}
MODALITY = {
    "physical-therapy": "physical_therapy", "exercise": "physical_therapy", "manipulation": "manipulation",
    "acupuncture": "acupuncture", "massage": "massage", "psychological": "psychological",
    "pain-programme": "interdisciplinary_rehab", "epidural": "injection", "facet": "injection", "brace": "orthosis",
}  # fmt: skip
KIND = {"disc-replacement": "disc_arthroplasty"}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Beside]:
    with beside(tmp_path) as running:
        yield running


def read_again(app: Beside) -> Event:
    (event,) = app.assessed().record.procedures.events
    return event


@pytest.mark.parametrize("name", ELSEWHERE["care"])
def test_every_form_of_care_that_can_be_added_is_read_again_as_that_form(app: Beside, name: str) -> None:
    app.write("elsewhere", THERAPY | {"what": f"care.{name}"})
    assert modalities([read_again(app)]) == (MODALITY[name],)


@pytest.mark.parametrize("region", ELSEWHERE["regions"])
@pytest.mark.parametrize("name", ELSEWHERE["operations"])
def test_every_operation_that_can_be_added_is_read_again_with_its_region(app: Beside, name: str, region: str) -> None:
    app.write("elsewhere", OPERATION | {"what": f"operation.{name}", "region": region})
    event = read_again(app)
    meaning = event.means("spine_surgery")
    assert meaning and meaning.kind == KIND.get(name, name)
    assert event.regions == {region}


def test_care_reported_by_the_patient_is_received_care_marked_as_reported(app: Beside) -> None:
    assert app.finding("nonsurgical_care").outcome is Outcome.NOT_DOCUMENTED
    assert app.write("elsewhere", THERAPY).status_code == 303
    finding = app.finding("nonsurgical_care")
    assert finding.outcome is Outcome.CONCERN  # one form of care of two
    assert finding.evidence[0].shows == "Physical therapy (reported by the patient)"
    app.write("elsewhere", THERAPY | {"what": "care.acupuncture"})
    assert app.finding("nonsurgical_care").outcome is Outcome.MET


def test_what_is_written_says_on_whose_word(app: Beside) -> None:
    more = {"sessions": "12", "helped": "partly", "note": "City clinic"}
    (shown,) = previewed(app.post("elsewhere", THERAPY | more).text)
    assert not app.store.of("Procedure")
    app.write("elsewhere", THERAPY | more)
    (written,) = app.store.of("Procedure")
    assert json.loads(shown).items() <= written.items()
    assert written["asserter"] == written["subject"] == {"reference": "Patient/p1"}
    assert written["recorder"] == {"reference": "Practitioner/7"}
    assert not {"performer", "category", "encounter"} & written.keys()
    assert written["performedPeriod"] == {"start": "2026-06", "end": "2026-10"}
    assert [note["text"] for note in written["note"]] == ["Sessions: 12", "City clinic"]
    assert written["outcome"]["coding"][0]["code"] == "385670004"
    assert written["identifier"][0]["system"] == REPORTED_CARE


def test_what_a_clinician_vouches_for_is_marked_as_done_elsewhere(app: Beside) -> None:
    app.write("elsewhere", THERAPY | {"says": "clinician"})
    (written,) = app.store.of("Procedure")
    assert written["asserter"] == {"reference": "Practitioner/7"}
    assert (read_again(app).reported, read_again(app).label) == (
        "clinician",
        "Physical therapy (done elsewhere, recorded by a clinician)",
    )


def test_nobody_is_made_up_where_the_launch_names_no_user(app: Beside) -> None:
    app.launch = replace(app.launch, user="")
    app.write("elsewhere", THERAPY | {"says": "clinician"})
    assert not {"asserter", "recorder"} & app.store.of("Procedure")[0].keys()
    assert read_again(app).reported == "clinician"


def test_care_without_an_end_is_one_day_and_care_that_goes_on_runs_until_today(app: Beside) -> None:
    app.write("elsewhere", THERAPY | {"until": ""})
    assert app.store.of("Procedure")[0]["performedDateTime"] == "2026-06"
    assert read_again(app).on == read_again(app).until
    app.store.kept.popitem()
    app.write("elsewhere", THERAPY | {"until": "", "ongoing": "yes"})
    assert app.store.of("Procedure")[0]["status"] == "in-progress"
    assert read_again(app).until == TODAY


@pytest.mark.parametrize(("says", "outcome"), [("patient", Outcome.NOT_DOCUMENTED), ("clinician", Outcome.CONCERN)])
def test_a_patients_word_alone_is_no_strong_sign_that_an_operation_failed(
    app: Beside, says: str, outcome: Outcome
) -> None:
    app.write("elsewhere", OPERATION | {"says": says, "helped": "not-helped"})
    (written,) = app.store.of("Procedure")
    assert ("coding" in written["outcome"]) is (says == "clinician")
    assert app.finding("repeat_surgery").outcome is outcome


@pytest.mark.parametrize(
    ("written", "said"), [("2026-03-14", "14 Mar 2026"), ("2026-03", "Mar 2026"), ("2026", "2026"), ("", "")]
)
def test_a_date_is_shown_as_people_say_it_and_no_more_exactly_than_it_was_given(written: str, said: str) -> None:
    assert day_in_words(written) == said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"what": ""}, "Choose what was done"),
        ({"what": "care.prayer"}, "Choose what was done"),
        ({"what": "operation.fusion"}, "Choose where on the spine"),
        ({"region": "knee"}, "Choose one of the answers"),
        ({"helped": "very"}, "Choose one of the answers"),
        ({"says": ""}, "Choose who says so"),
        ({"says": "neighbour"}, "Choose one of the answers"),
        ({"from": ""}, "Say when"),
        ({"from": "last spring"}, "Not a date"),
        ({"from": "2027"}, "yet to come"),
        ({"until": "2026-13"}, "Not a date"),
        ({"until": "2026-05"}, "before it began"),
        ({"until": "2025"}, "before it began"),
        ({"ongoing": "yes"}, "Clear one of the two"),
        ({"sessions": "a few"}, "Not a number of sessions"),
        ({"sessions": "0"}, "Not a number of sessions"),
        ({"sessions": "501"}, "Not a number of sessions"),
        ({"note": "x" * 4001}, "4001 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_the_rest_is_still_there(
    app: Beside, changes: dict[str, str], says: str
) -> None:
    answer = app.post("elsewhere", THERAPY | {"note": "City clinic"} | changes)
    assert answer.status_code == 422
    assert says in answer.text
    assert "note" in changes or field_value(answer.text, "note") == "City clinic"


@pytest.mark.parametrize("until", ["2026", "2026-06", "2026-06-30"])
def test_an_end_in_the_month_or_year_it_began_is_none_before(app: Beside, until: str) -> None:
    assert app.post("elsewhere", THERAPY | {"from": "2026-06-14", "until": until}).status_code == 200


def test_the_form_offers_what_can_be_written(app: Beside) -> None:
    page = app.get("elsewhere").text
    assert all(f'value="{what}"' in page for what, _ in whats())
    assert '" checked>' not in page.replace('value="" checked>', "")


def test_without_the_scope_it_can_be_copied_to_a_note(tmp_path: Path) -> None:
    with beside(tmp_path, scopes=("patient/*.rs",)) as app:
        page = app.post("elsewhere", THERAPY | {"sessions": "12", "helped": "helped", "note": HOSTILE}).text
        assert "not granted this app to write Procedure" in page
        assert "Sessions: 12" in page and "It helped" in page
        assert HOSTILE not in page and "&lt;img" in page


def test_undoing_takes_it_out_of_the_rules_again(app: Beside) -> None:
    app.undo(app.write("elsewhere", THERAPY))
    assert app.finding("nonsurgical_care").outcome is Outcome.NOT_DOCUMENTED


def test_an_undone_statement_of_a_server_that_deletes_nothing_is_entered_in_error(tmp_path: Path) -> None:
    with beside(tmp_path, scopes=("patient/Procedure.cru",)) as app:
        app.undo(app.write("elsewhere", THERAPY))
        assert app.store.of("Procedure")[0]["status"] == "entered-in-error"
        assert app.finding("nonsurgical_care").outcome is Outcome.NOT_DOCUMENTED
