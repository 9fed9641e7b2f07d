"""What the review page shows of a chart: each part, before any HTML."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace
from review_cases import LAUNCH, TODAY, case_from, case_of
from review_charts import ORDER, PATIENT, bundle, everything, of_size, procedure, request, score

from fixtures.teaching import PATIENTS
from second_opinion.limits import Limits
from second_opinion.record import Event
from second_opinion.rules.repeat_surgery import PAGE
from second_opinion.scores import improved, meaningful_change
from second_opinion.site import Site
from second_opinion.value_sets import meanings_of
from smart_app.review.banner import banner_of, frame_of
from smart_app.review.chart import chart_of
from smart_app.review.scores import scores_of_case
from smart_app.review.strip import strip_of
from smart_app.review.timeline import timeline_of
from smart_app.review.treatments import tried
from smart_app.review.why import why as reasons_of

CPT = "http://www.ama-assn.org/go/cpt"


def states_of(name: str) -> dict[str, str]:
    return {chip.rule: chip.state for chip in strip_of(case_of(name)).chips}


def test_the_app_says_of_each_rule_what_the_assessment_says() -> None:
    for name in PATIENTS:
        case = case_of(name)
        told = {chip.rule: chip.says for chip in strip_of(case).chips}
        found = {finding.rule: finding.says for finding in case.assessment.findings}
        assert told == {rule: says for rule, says in found.items() if rule != "financial_ties"}
        assert {rule.chip.rule: rule.chip.says for rule in reasons_of(case).rules} == told


def test_found_not_found_and_could_not_be_checked_are_three_different_chips() -> None:
    assert states_of("failed-fusion")["repeat_surgery"] == "concern"
    assert states_of("no-therapy-found")["nonsurgical_care"] == "missing"
    assert states_of("chart-unreadable")["nonsurgical_care"] == "unread"
    assert states_of("enough-therapy")["nonsurgical_care"] == "met"


def test_what_could_not_be_read_is_named_with_its_reason() -> None:
    assert strip_of(case_of("chart-unreadable")).unread == (("procedures and diagnoses", "the EHR answered 403"),)
    assert strip_of(case_of("failed-fusion")).unread == ()


def test_only_what_raises_a_card_could_not_be_read_or_was_asked_for_is_said_in_short() -> None:
    short = {chip.rule for chip in strip_of(case_of("failed-fusion")).in_short}
    assert short == {"repeat_surgery", "indication"}
    asked = strip_of(case_of("failed-fusion", replace(LAUNCH, findings=("nonsurgical_care",))))
    assert "nonsurgical_care" in {chip.rule for chip in asked.in_short}


def test_a_rule_that_the_site_runs_silently_or_not_at_all_is_on_no_page() -> None:
    site = Site(modes={"repeat_surgery": "silent", "nonsurgical_care": "off"})
    case = case_of("failed-fusion", site=site)
    shown = {chip.rule for chip in strip_of(case).chips}
    assert not shown & {"repeat_surgery", "nonsurgical_care"}
    assert tried(case).bars is None


def test_a_silenced_case_says_why() -> None:
    assert "emergency" in strip_of(case_of("cauda-equina")).silence
    assert "already been asked" in strip_of(case_of("second-opinion-done")).silence


def test_without_a_planned_operation_not_found_and_not_looked_are_different() -> None:
    found_none = strip_of(case_of("knee"))
    assert found_none.none.startswith("No planned spine operation was found")
    assert found_none.chips == ()
    chart = bundle(PATIENT, procedure("pt-1", "97110", "Therapeutic exercise", "2026-10-01"))
    unread = strip_of(case_from(chart, ("service_requests",)))
    assert unread.none == "Whether a spine operation is planned could not be checked."
    assert "orders and referrals: the EHR answered 403" in unread.none_more
    assert len(timeline_of(case_from(chart, ("service_requests",))).marks) == 1


def test_an_operation_whose_order_has_no_date_is_shown_all_the_same() -> None:
    strip = strip_of(case_from(bundle(PATIENT, {**ORDER, "authoredOn": None})))
    assert (strip.label, strip.ordered) == ("Lumbar fusion L4-S1", "")


def test_the_patients_goal_is_quoted_with_its_date() -> None:
    goal = strip_of(case_from(everything())).goal
    assert goal is not None
    assert goal.quote == "Patient wants to avoid another back surgery if possible."
    assert (goal.when, goal.from_text) == ("28 Oct 2026", True)


def test_no_goal_found_is_not_the_same_as_goals_unread() -> None:
    none, unread = strip_of(case_of("failed-fusion")).goal, strip_of(case_of("chart-unreadable")).goal
    assert none and unread
    assert "was found" in none.words
    assert "could not be checked" in unread.words


# ---- timeline


def test_the_timeline_keeps_received_ordered_reported_declined_and_unplaced_apart() -> None:
    marks = timeline_of(case_from(everything())).marks
    states = {mark.sources[0]: mark.state for mark in marks}
    assert states["Procedure/pt-0"] == "received"
    assert states["ServiceRequest/refer-pt"] == "ordered"
    assert states["Procedure/acu-1"] == "reported"
    assert states["Procedure/esi-3"] == "declined"
    assert states["Procedure/undated"] == "aside"
    assert states["Goal/goal-1"] == "recorded"
    assert states["ServiceRequest/ct-1"] == "ordered"
    assert {mark.lane for mark in marks} == {"surgery", "care", "injection", "medication", "imaging", "wishes"}


def test_the_planned_operation_is_a_marker_and_no_treatment() -> None:
    timeline = timeline_of(case_from(everything()))
    assert timeline.planned == date(2026, 11, 20)
    assert "ServiceRequest/order-1" not in {source for mark in timeline.marks for source in mark.sources}
    assert timeline.last_operation == date(2024, 9, 17)


def test_visits_close_together_become_one_bar_that_counts_them_and_names_all_their_sources() -> None:
    (course,) = [mark for mark in timeline_of(case_from(everything())).marks if mark.kind == "Physical therapy"][1:]
    assert (course.count, len(course.sources)) == (6, 6)
    assert (course.first, course.last) == (date(2025, 11, 4), date(2025, 12, 18))
    assert course.by == "Sam Birch, physical therapist"


def test_visits_far_apart_stay_apart() -> None:
    visits = [procedure(f"pt-{day}", "97110", "Exercise", day) for day in ("2026-01-05", "2026-03-05")]
    assert [mark.count for mark in timeline_of(case_from(bundle(PATIENT, *visits))).marks] == [1, 1]


def test_a_course_of_many_names_says_two_of_them_and_how_many_more() -> None:
    named = [("97110", "Exercise"), ("97140", "Manual therapy"), ("97530", "Activities")]
    visits = [procedure(f"pt-{code}", code, words, "2026-01-05") for code, words in named]
    (mark,) = timeline_of(case_from(bundle(PATIENT, *visits))).marks
    assert mark.label == "Exercise, Manual therapy and 1 more"


def test_five_thousand_resources_become_a_timeline_that_can_be_read() -> None:
    timeline = timeline_of(case_from(of_size(5000)))
    assert len(timeline.marks) <= 300
    assert sum(mark.count for mark in timeline.marks) == 5000


def test_even_operations_are_merged_before_there_are_too_many_of_them() -> None:
    days = [f"{year}-0{month}-05" for year in range(1980, 2020) for month in range(1, 10)]
    operations = [procedure(f"op-{day}", "63030", "Discectomy", day) for day in days]
    marks = timeline_of(case_from(bundle(PATIENT, *operations))).marks
    assert len(marks) <= 300
    assert sum(mark.count for mark in marks) == 360
    few = timeline_of(case_from(bundle(PATIENT, *operations[:9]))).marks
    assert [mark.count for mark in few] == [1] * 9


def test_too_many_kinds_of_care_share_the_rows_of_their_lane() -> None:
    codes = ("97110", "97010", "97124", "98940", "97810", "90834", "62323", "64493", "27096", "20552", "72148", "72131")
    visits = [procedure(f"care-{code}", code, f"Care {code}", "2026-01-05") for code in (*codes, "72110", "63030")]
    drugs = [
        {**_drug(code), "id": f"drug-{code}"} for code in ("5640", "25480", "72625", "161", "7804", "21949")
    ]  # fmt: skip
    rows = timeline_of(case_from(bundle(PATIENT, *visits, *drugs))).rows
    assert [row.name for row in rows] == ["Surgery", "Nonsurgical care", "Injections", "Medication", "Imaging"]


def _drug(code: str) -> dict[str, Any]:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code, "display": f"Medicine {code}"}
    return {
        "resourceType": "MedicationRequest", "status": "completed", "intent": "order", "authoredOn": "2026-01-05",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"coding": [coding]},
    }  # fmt: skip


def test_what_is_said_of_a_mark_names_date_status_and_source() -> None:
    case = case_from(everything())
    chart = chart_of(timeline_of(case), scores_of_case(case), TODAY.isoformat())
    (course,) = [mark for mark in chart["marks"] if mark["count"] == 6]
    assert course["says"] == [
        "Therapeutic exercise",
        "4 Nov 2025 to 18 Dec 2025: received, 6 times",
        "Sam Birch, physical therapist",
        "Procedure/pt-0, Procedure/pt-1, Procedure/pt-2 and 3 more",
    ]


def test_an_operation_that_cannot_be_placed_is_shown_as_such() -> None:
    undated = {**procedure("op-1", "63030", "Discectomy", ""), "performedDateTime": None}
    revoked = request("goal-1", ORDER["code"], "2026-01-02", status="revoked", reasonCode=[SECOND_OPINION])
    marks = timeline_of(case_from(bundle(PATIENT, undated, revoked))).marks
    assert [(mark.lane, mark.state) for mark in marks] == [("surgery", "aside"), ("wishes", "declined")]


SECOND_OPINION = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0336", "code": "S"}]}


NOT_WANTED = {"coding": [{"system": "http://snomed.info/sct", "code": "416432009"}], "text": "Epidural injection"}


def test_what_was_declined_is_called_declined_and_no_wish_against_surgery() -> None:
    refusal = {
        "resourceType": "Observation", "id": "wish-1", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": NOT_WANTED, "effectiveDateTime": "2026-10-01",
    }  # fmt: skip
    case = case_from(bundle(PATIENT, ORDER, refusal))
    goal = strip_of(case).goal
    assert goal and (goal.words, goal.quote) == ("Declined a treatment or an operation", "Epidural injection")
    assert [mark.kind for mark in timeline_of(case).marks] == ["Declined a treatment or an operation"]


def test_a_wish_against_surgery_is_told_as_one() -> None:
    goal = strip_of(case_of("own-words")).goal
    assert goal and goal.words == "Would rather avoid or put off surgery"


def test_what_raises_the_card_is_read_first_then_what_could_not_be_checked() -> None:
    raised = [(chip.rule, chip.state) for chip in strip_of(case_of("no-therapy-found")).chips][:2]
    assert raised == [("nonsurgical_care", "missing"), ("indication", "concern")]
    assert [chips[0].state for chips in strip_of(case_of("chart-unreadable")).groups] == ["unread", "missing", "met"]


def test_findings_of_one_answer_stand_together() -> None:
    groups = strip_of(case_of("failed-fusion")).groups
    assert [(chips[0].heading, len(chips)) for chips in groups] == [
        ("to consider", 2),
        ("not found in the record", 2),
        ("documented", 1),
    ]


def test_a_result_that_is_missing_is_not_headed_as_an_operation_that_is() -> None:
    order = {name: value for name, value in ORDER.items() if name != "reasonCode"}
    earlier = {
        "resourceType": "Procedure", "id": "earlier", "status": "completed", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": CPT, "code": "63047"}]}, "performedDateTime": "2024-05-02",
    }  # fmt: skip
    headings = {chip.rule: chip.heading for chip in strip_of(case_from(bundle(PATIENT, order, earlier))).told}
    assert headings["repeat_surgery"] == "its result was not found in the record"
    assert headings["options_discussed"] == "not found in the record"


def test_a_second_opinion_asked_for_and_a_talk_about_options_stand_among_the_wishes() -> None:
    consent = {
        "resourceType": "Consent", "id": "consent-1", "status": "active", "patient": {"reference": "Patient/p1"},
        "dateTime": "2026-10-01", "scope": {"coding": [{"code": "treatment"}]},
        "category": [{"text": "Informed consent for lumbar fusion"}],
    }  # fmt: skip
    told = bundle(PATIENT, request("r1", ORDER["code"], "2026-09-01", reasonCode=[SECOND_OPINION]), consent)
    kinds = {mark.kind for mark in timeline_of(case_from(told)).marks}
    assert kinds == {"Referral for a second opinion", "Options discussed"}


def test_an_operation_not_done_is_no_operation_and_one_on_hold_is_neither() -> None:
    refused = procedure("op-1", "63030", "Discectomy", "2024-01-05", status="not-done")
    held = procedure("op-2", "63030", "Discectomy", "2024-02-05", status="on-hold")
    marks = timeline_of(case_from(bundle(PATIENT, refused, held))).marks
    assert [(mark.sources, mark.state) for mark in marks] == [(("Procedure/op-1",), "declined")]


# ---- treatments


def test_treatments_stand_by_form_with_those_that_never_count_last() -> None:
    names = [treatment.name for treatment in tried(case_from(everything())).treatments]
    assert names[0] == "Physical therapy and exercise"
    assert names[-1] == "Opioids (shown, never counted)"


def test_what_was_only_ordered_was_not_found_as_received() -> None:
    by_form = {treatment.modality: treatment for treatment in tried(case_from(everything())).treatments}
    assert by_form["psychological"].received == ()
    assert by_form["psychological"].times == 0
    assert by_form["psychological"].how_long == ""
    assert by_form["injection"].declined[0].note == "Patient declined"
    assert (by_form["physical_therapy"].how_long, by_form["physical_therapy"].times) == ("6 weeks", 6)


@pytest.mark.parametrize(
    ("code", "result"), [("385669000", "successful"), ("385670004", "partly"), ("385671000", "unsuccessful")]
)
def test_whether_a_treatment_helped_is_shown_if_it_is_recorded(code: str, result: str) -> None:
    outcome = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    visit = procedure("pt-1", "97110", "Exercise", "2026-01-05", outcome=outcome)
    (mark,) = timeline_of(case_from(bundle(PATIENT, visit))).marks
    assert mark.outcome == result


def test_education_that_took_place_is_shown_as_received_and_counts_for_nothing() -> None:
    lesson = {"system": "http://snomed.info/sct", "code": "311401005", "display": "Patient education"}
    taught = {**procedure("lesson", "97110", "", "2026-01-05"), "code": {"coding": [lesson]}}
    treatments = tried(case_from(bundle(PATIENT, taught, ORDER))).treatments
    found = {treatment.modality: treatment for treatment in treatments}
    assert found[""].received and not found[""].counts


def test_the_bars_are_those_of_the_rule_and_reached_when_it_says_so() -> None:
    for name in ("failed-fusion", "no-therapy-found", "enough-therapy"):
        case = case_of(name)
        (finding,) = [each for each in case.assessment.findings if each.rule == "nonsurgical_care"]
        bars = tried(case).bars
        assert bars
        assert (bars.reached and bars.forms_reached) == (finding.outcome == "met")
        assert bars.share == 100 if bars.reached else bars.share < 100


def test_no_planned_operation_has_no_bar() -> None:
    assert tried(case_of("knee")).bars is None


# ---- scores


def test_scores_stand_before_and_after_each_operation_and_the_rule_says_what_is_better() -> None:
    series = {each.key: each for each in scores_of_case(case_from(everything()))}
    first, second = series["ODI"].around
    assert first.before and first.before.value == 46
    assert [(after.point.value, after.verdict) for after in first.after] == [(18, "better"), (54, "unchanged")]
    assert [(after.change, after.verdict) for after in second.after] == [
        ("\N{MINUS SIGN}14", "better"),
        ("\N{MINUS SIGN}2", "unchanged"),
    ]
    assert [after.verdict for after in series["PROMIS-PF"].around[1].after] == ["unjudged", "unjudged"]
    assert series["PROMIS-PF"].band is None
    assert not series["PROMIS-PF"].lower_is_better


def test_the_band_begins_at_the_last_score_before_the_latest_operation() -> None:
    band = scores_of_case(case_from(everything()))[0].band
    assert band and (band.start, band.better, band.before_operation) == (54, 44, True)


def test_without_an_operation_the_band_begins_at_the_first_score() -> None:
    chart = bundle(
        PATIENT, score("s1", "97909-6", "ODI", "2026-01-05", 60), score("s2", "97909-6", "ODI", "2026-05-05", 20)
    )
    (series,) = scores_of_case(case_from(chart))
    assert series.band and (series.band.start, series.band.better, series.band.before_operation) == (60, 50, False)


def test_a_single_score_has_nothing_to_be_compared_with() -> None:
    (series,) = scores_of_case(case_from(bundle(PATIENT, score("s1", "97909-6", "ODI", "2026-01-05", 60))))
    assert series.band is None


def test_no_score_found_is_no_series_and_never_a_zero() -> None:
    assert scores_of_case(case_from(bundle(PATIENT, ORDER))) == ()


def test_a_score_soon_after_the_operation_is_too_early_to_tell_and_one_without_a_before_tells_nothing() -> None:
    operation = procedure("op", "22612", "Lumbar fusion", "2026-01-05")
    before, after = ("2026-01-02", "2026-02-02")
    soon = bundle(PATIENT, operation, *(score(day, "97909-6", "ODI", day, 50) for day in (before, after)))
    ((early,),) = [around.after for around in scores_of_case(case_from(soon))[0].around]
    assert (early.verdict, early.change) == ("early", "no change")
    alone = bundle(PATIENT, operation, score("s2", "97909-6", "ODI", "2026-06-02", 50))
    (around,) = scores_of_case(case_from(alone))[0].around
    assert around.before is None and around.after[0].verdict == ""


def test_a_score_without_a_date_is_listed_and_drawn_nowhere() -> None:
    undated = {**score("s1", "97909-6", "ODI", "", 50), "effectiveDateTime": None}
    (series,) = scores_of_case(case_from(bundle(PATIENT, undated)))
    assert (len(series.points), len(series.undated), series.band) == (0, 1, None)
    case = case_from(bundle(PATIENT, undated))
    assert chart_of(timeline_of(case), scores_of_case(case), "2026-11-22")["series"] == []


@pytest.mark.parametrize(
    ("code", "key", "most"), [("97909-6", "ODI", 100), ("82237-9", "NDI", 100), ("72514-3", "NRS", 10)]
)
def test_the_meaningful_change_is_the_least_fall_that_the_rule_calls_better(code: str, key: str, most: int) -> None:
    limits: Limits = PAGE.limits_on(TODAY)
    meanings = meanings_of("http://loinc.org", code)
    for start in range(most + 1):
        before = Event(source="a", meanings=meanings, value=float(start), unit="%")
        change = meaningful_change(key, before, limits)
        for fall, is_better in ((change, True), (change - 0.01, False)):
            after = Event(source="b", meanings=meanings, value=start - fall, unit="%")
            assert improved(key, before, after, limits) is is_better


# ---- why and banner


def test_each_rule_names_its_limits_with_citation_and_what_was_searched() -> None:
    rule = reasons_of(case_of("chart-unreadable")).rules[1]
    assert {limit.says for limit in rule.limits} >= {"fewest forms of care"}
    assert all(limit.citation for limit in rule.limits)
    assert {lane.name: lane.words for lane in rule.searched}["procedures"] == "could not be read"
    assert rule.draft


def test_a_limit_of_the_site_is_told_as_the_sites() -> None:
    site = Site(changed_limits={"nonsurgical_care": {"least_modalities": 3}})
    (limit,) = [each for each in reasons_of(case_of("failed-fusion", site=site)).rules[1].limits if each.of_site]
    assert (limit.says, limit.value) == ("fewest forms of care", "3")


def test_money_is_no_chip_and_no_rule_among_the_others() -> None:
    site = Site(payments=lambda npi: f"A public register lists payments to {npi}.")
    requester = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}}
    case = case_from(bundle(PATIENT, {**ORDER, "requester": requester}), site=site)
    assert "financial_ties" in {finding.rule for finding in case.assessment.findings}
    assert "financial_ties" not in {chip.rule for chip in strip_of(case).chips}
    assert "financial_ties" not in {rule.chip.rule for rule in reasons_of(case).rules}


def test_marks_that_turn_the_direction_and_control_characters_do_not_reach_the_banner() -> None:
    patient = {
        "name": [{"given": ["Ruth\u202e"], "family": "\u2066Kel\0ler\x1b"}], "birthDate": "1960-04-02\u202e",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "\u200f12345"}],
    }  # fmt: skip
    banner = banner_of(replace(case_from(everything()), patient=patient))
    assert (banner.name, banner.born, banner.mrn) == ("Ruth Kel ler", "2 Apr 1960", "12345")
    joined = replace(case_from(everything()), patient={"name": [{"text": "\u0645\u06cc\u200c\u062e\u0648"}]})
    assert banner_of(joined).name == "\u0645\u06cc\u200c\u062e\u0648"


def test_the_banner_names_the_patient() -> None:
    banner = banner_of(case_from(everything()))
    assert (banner.name, banner.born, banner.age, banner.sex, banner.mrn) == (
        "Ifeoma Okafor", "2 May 1961", "65 y", "female", "MRN-204511"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("patient", "shown"),
    [
        ({}, ("", "", "", "", "")),
        ({"id": "1"}, ("Name not recorded", "", "", "", "")),
        ({"name": 7, "birthDate": 7, "gender": [], "identifier": "x"}, ("Name not recorded", "", "", "", "")),
        ({"name": [3, {"given": 3}], "identifier": [{"type": 3}]}, ("Name not recorded", "", "", "", "")),
        ({"name": [{"use": "maiden", "text": "Old"}, {"text": "New"}]}, ("New", "", "", "", "")),
        ({"name": [{"use": "maiden", "text": "Old"}], "birthDate": "1961"}, ("Old", "1961", "about 65 y", "", "")),
        ({"birthDate": "2126-01-01"}, ("Name not recorded", "1 Jan 2126", "", "", "")),
        ({"birthDate": "about then", "gender": "F"}, ("Name not recorded", "about then", "", "", "")),
    ],
)
def test_a_patient_may_say_anything(patient: dict[str, Any], shown: tuple[str, ...]) -> None:
    banner = banner_of(replace(case_from(everything()), patient=patient))
    assert (banner.name, banner.born, banner.age, banner.sex, banner.mrn) == shown
    assert banner.read is bool(patient)


def test_the_frame_says_when_the_chart_was_read() -> None:
    frame = frame_of(case_from(everything()))
    assert frame.read_at_words == "22 Nov 2026, 09:30 UTC"
