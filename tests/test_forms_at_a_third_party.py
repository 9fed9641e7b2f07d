"""The app's forms against a third-party FHIR server behind a strict EHR: written there, read again as a chart is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from app_beside_an_ehr import KEY, Forms
from flask import Blueprint, Flask
from journal_examples import opened
from smart_ehr import RUTH, TODAY, Json, RunningEhr, smart_ehr
from test_discuss import TALK, WORDS
from test_elsewhere import THERAPY

from ehr.look_up import LookUp
from ehr.trust import Trust
from second_opinion.findings import Finding, Outcome
from second_opinion.from_fhir import REPORTED_CARE
from second_opinion.site import AS_SHIPPED
from smart_app.acts.acts import Acts
from smart_app.app import App
from smart_app.chart.reading import MOST_PAGES, Reader
from smart_app.forms.discussion import SYSTEM
from smart_app.forms.routes import add_discuss_routes
from smart_app.launches import Launch
from smart_app.refer.routes import add_refer_routes
from smart_app.review.routes import add_review_routes

SCOPES = "patient/*.cruds"


@pytest.fixture
def ehr(sekmet: str) -> Iterator[RunningEhr]:
    with smart_ehr(sekmet, lambda port: []) as running:
        yield running


class AtTheEhr(Forms):
    """The forms, and the chart as the app reads it there."""

    def __init__(self, app: Flask, reader: Reader, launch: Launch) -> None:
        super().__init__(app.test_client())
        self._reader, self._launch = reader, launch

    def outcome(self, rule: str) -> Outcome:
        return self._finding(rule).outcome

    def evidence(self, rule: str) -> list[str]:
        return [each.shows for each in self._finding(rule).evidence]

    def _finding(self, rule: str) -> Finding:
        findings = self._reader.case(self._launch).assessment.findings
        return next(each for each in findings if each.rule == rule)


@pytest.fixture
def forms(ehr: RunningEhr, tmp_path: Path) -> Iterator[AtTheEhr]:
    launch = Launch(
        id="l1", form_key=KEY, iss=ehr.fhir_base, patient=RUTH, user="Practitioner/lena-ortiz",
        scopes=frozenset(SCOPES.split()), access_token=ehr.token_for(RUTH, SCOPES),
    )  # fmt: skip
    trust, served = Trust("http://localhost"), Flask("forms", static_folder=None)
    with (
        opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal,
        closing(LookUp(60.0, most_pages=MOST_PAGES)) as look_up,
    ):
        reader = Reader(look_up, lambda: TODAY, AS_SHIPPED, trust, journal, lambda launch: launch)
        app = App(
            base_url="http://localhost", today=lambda: TODAY, site=AS_SHIPPED, trust=trust, journal=journal,
            launch_of=lambda name: launch, renewed=lambda launch: launch, case_of=lambda name: reader.case(launch),
        )  # fmt: skip
        door = Blueprint("smart_app", "smart_app", template_folder="templates", static_folder="static")
        add_review_routes(door, app)
        acts = Acts(app, written=reader.forget)
        add_refer_routes(door, app, acts)
        add_discuss_routes(door, app, acts)
        served.register_blueprint(door)
        yield AtTheEhr(served, reader, launch)


def ours(ehr: RunningEhr, kind: str, system: str) -> list[Json]:
    """What of this kind the app has written for the patient, past authorization."""
    found = [entry["resource"] for entry in ehr.get(f"{kind}?patient={RUTH}").get("entry", ())]
    return [each for each in found if system in str(each.get("identifier"))]


def test_a_discussion_is_in_the_ehr_read_by_the_rules_and_gone_when_undone(ehr: RunningEhr, forms: AtTheEhr) -> None:
    before = forms.outcome("options_discussed")
    form = TALK | {"own-words": WORDS, "preference": "no-surgery", "asks-second-opinion": "yes"}
    form |= {"date": TODAY.isoformat()}
    answer = forms.write("discuss", form)
    assert answer.status_code == 303
    assert forms.write("discuss", form).location == answer.location
    (written,), (preference,) = (ours(ehr, kind, SYSTEM) for kind in ("QuestionnaireResponse", "Observation"))
    assert written["author"] == {"reference": "Practitioner/lena-ortiz"}
    assert preference["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{written['id']}"}]
    assert forms.outcome("options_discussed") is Outcome.MET
    assert forms.outcome("patient_goals") is forms.outcome("patient_concern") is Outcome.CONCERN
    assert forms.undo(answer).status_code == 303
    assert forms.outcome("options_discussed") is before


def test_care_done_elsewhere_is_in_the_ehr_and_evidence_until_it_is_undone(ehr: RunningEhr, forms: AtTheEhr) -> None:
    answer = forms.write("elsewhere", THERAPY | {"from": "2026-08", "until": "2026-09"})
    (written,) = ours(ehr, "Procedure", REPORTED_CARE)
    assert written["asserter"] == {"reference": f"Patient/{RUTH}"}
    assert "Physical therapy (reported by the patient)" in forms.evidence("nonsurgical_care")
    assert forms.undo(answer).status_code == 303
    assert "Physical therapy (reported by the patient)" not in forms.evidence("nonsurgical_care")
