"""The review page as HTML: what stands on it for whom, and that no text of a chart ever becomes markup."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from review_cases import LAUNCH, app_with, case_from, case_of, fresh_journal
from review_charts import ORDER, PATIENT, bundle, everything, everywhere, marked, of_size, procedure

from fixtures.teaching import PATIENTS
from journal.journal import Journal
from second_opinion.assess import assess
from second_opinion.planned_surgery import CHART_LANES, as_told
from second_opinion.site import Site
from smart_app.chart.case import Case

HOSTILE = "<script>alert('x')</script>\"'&{{7*7}}</script><!--"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    yield from fresh_journal(tmp_path_factory.mktemp("journal"))


def page(case: Case, journal: Journal) -> str:
    app: Flask = app_with({"one": case}, journal)
    answer = app.test_client().get("/review/one/")
    assert answer.status_code == 200
    return answer.text


class Elements(HTMLParser):
    """Every element of a page, its ids, and whatever it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def all_of(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


@pytest.mark.parametrize("name", PATIENTS)
def test_every_teaching_patient_has_a_page_without_inline_script_style_or_handler(name: str, journal: Journal) -> None:
    text = page(case_of(name), journal)
    elements = Elements(text)
    assert not [attribute for attribute, _ in elements.attributes if attribute == "style" or attribute.startswith("on")]
    assert "style" not in elements.names
    assert set(re.findall(r"<script(?! src=)[^>]*>", text)) == {'<script type="application/json" id="timeline-data">'}
    assert not [link for link in (*elements.all_of("src"), *elements.all_of("href")) if link.startswith("//")]


@pytest.mark.parametrize("name", PATIENTS)
def test_ids_are_unique_and_links_within_the_page_lead_somewhere(name: str, journal: Journal) -> None:
    elements = Elements(page(case_of(name), journal))
    ids = elements.all_of("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in elements.all_of("href") if link.startswith("#")} <= set(ids)


def test_the_page_offers_what_can_be_done(journal: Journal) -> None:
    links = Elements(page(case_of("failed-fusion"), journal)).all_of("href")
    paths = {f"/review/one/{path}" for path in ("refer", "elsewhere", "discuss", "leaflet")}
    assert paths <= set(links)
    assert "/review/one/therapy" not in links


def test_physical_therapy_is_offered_where_too_little_care_was_found(journal: Journal) -> None:
    assert "/review/one/therapy" in Elements(page(case_of("no-therapy-found"), journal)).all_of("href")


def test_the_referral_is_urged_only_where_nothing_silences_it(journal: Journal) -> None:
    assert 'class="button primary" href="/review/one/refer"' in page(case_of("failed-fusion"), journal)
    assert 'class="button" href="/review/one/refer"' in page(case_of("cauda-equina"), journal)


def test_the_finding_that_the_card_named_is_marked(journal: Journal) -> None:
    text = page(case_of("failed-fusion", replace(LAUNCH, findings=("repeat_surgery", "no-such-rule"))), journal)
    assert re.search(r'id="finding-repeat_surgery"[^>]*data-focused', text)
    assert "no-such-rule" not in text


def test_a_finding_settled_by_an_earlier_answer_says_so(journal: Journal) -> None:
    case = case_of("failed-fusion")
    settled = replace(case, assessment=replace(case.assessment, settled=frozenset(("indication",))))
    assert "settled by an earlier answer" in page(settled, journal)


def test_an_operation_known_from_the_card_alone_is_said_to_be(journal: Journal) -> None:
    case = case_from(bundle(PATIENT))
    known = assess(case.assessment.record, as_told("fusion", frozenset(("lumbar",))), looked_in=CHART_LANES)
    text = page(replace(case, assessment=known), journal)
    assert "<h1>Lumbar fusion</h1>" in text
    assert "Known from the card: its order was not found in the chart" in text


def test_an_operation_recognised_by_its_text_says_so(journal: Journal) -> None:
    assert "recognised by its text" in page(
        case_from(bundle(PATIENT, {**ORDER, "code": {"text": "Lumbar fusion"}})), journal
    )


def test_the_banner_is_short_where_the_ehr_shows_the_patient_itself(journal: Journal) -> None:
    text = page(case_of("failed-fusion", replace(LAUNCH, need_patient_banner=False)), journal)
    assert "MRN" not in text
    assert "Ruth Keller" in text


def test_a_patient_that_could_not_be_read_is_said_so(journal: Journal) -> None:
    assert "The patient could not be read" in page(replace(case_of("knee"), patient={}), journal)


def test_someone_who_has_died_is_said_to_have(journal: Journal) -> None:
    assert "Deceased" in page(case_from(bundle({**PATIENT, "deceasedBoolean": True}, ORDER)), journal)


def test_an_empty_chart_has_a_page_that_says_so_and_nothing_of_zero(journal: Journal) -> None:
    text = page(case_from(bundle(PATIENT)), journal)
    assert "No planned spine operation was found" in text
    assert "No score was found in what could be read." in text
    assert "It may have happened elsewhere." in text


def test_treatments_name_who_gave_them_or_how_they_are_known_and_no_resources(journal: Journal) -> None:
    text = page(case_of("two-failed-operations"), journal)
    treatments = text[text.index('id="treatments"') : text.index('id="scores"')]
    assert "Dr. Omar Finch, pain medicine" in treatments
    assert "prescribed" in treatments
    assert "MedicationRequest/" not in treatments


def test_a_score_that_is_not_judged_says_why_once(journal: Journal) -> None:
    text = page(case_of("two-failed-operations"), journal)
    assert text.count("Shown, not judged") == 2  # PROMIS function and interference
    assert "Shown, not judged" not in page(case_of("failed-fusion"), journal)


def test_words_of_judgement_about_care_not_found_are_never_used(journal: Journal) -> None:
    for name in PATIENTS:
        text = page(case_of(name), journal).lower()
        assert "never done" not in text
        assert "unnecessary" not in text
        assert text.count("not done") == text.count("means “not done”") + text.count("declined or not done")


def test_five_thousand_resources_make_a_page_of_bounded_size(journal: Journal) -> None:
    text = page(case_from(of_size(5000)), journal)
    assert "Show all" in text
    assert len(text) < 2_000_000


def test_money_is_one_neutral_line_at_the_end(journal: Journal) -> None:
    site = Site(payments=lambda npi: f"A public register lists payments to {npi}.")
    requester = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}}
    text = page(case_from(bundle(PATIENT, {**ORDER, "requester": requester}), site=site), journal)
    assert text.index("A public register lists payments to 1234567893.") > text.index('id="why"')
    assert "Payments by companies" not in page(case_from(everything()), journal)


def test_a_chart_is_read_again_when_asked(journal: Journal) -> None:
    answer = app_with({"one": case_of("knee")}, journal).test_client().get("/review/one/?again=1")
    assert answer.status_code == 200


@pytest.mark.parametrize("chart", [everything(), bundle(PATIENT, ORDER)])
def test_markup_in_any_text_of_a_chart_shows_as_text(chart: dict[str, object], journal: Journal) -> None:
    clean, hostile = (Elements(page(case_from(each), journal)) for each in (chart, marked(chart, HOSTILE)))
    assert hostile.names.count("script") == clean.names.count("script")
    assert "alert('x')" not in str(hostile.attributes)


def test_markup_in_every_string_of_a_chart_codes_and_dates_too_is_no_element(journal: Journal) -> None:
    plain = Elements(page(case_from(everything()), journal))
    hostile = Elements(page(case_from(everywhere(everything(), HOSTILE)), journal))
    assert hostile.names.count("script") == plain.names.count("script")
    assert not [name for name, value in hostile.attributes if name.startswith("on") or "alert(" in value]


def test_the_banner_shows_markup_in_a_name_as_text(journal: Journal) -> None:
    text = page(case_from(marked(everything(), HOSTILE)), journal)
    assert "&lt;script&gt;alert(" in text


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(words=st.text(alphabet=st.sampled_from("<>/'\"&;=- \u2028{}%scriptonload"), min_size=1, max_size=60))
def test_whatever_a_label_says_the_page_has_the_same_elements(words: str, journal: Journal) -> None:
    def of(label: str) -> Elements:
        visit = procedure("pt-1", "97110", f"Exercise {label}", "2026-01-05")
        visit["performer"] = [{"actor": {"display": f"Sam {label}"}}]
        named = {**PATIENT, "name": [{"text": f"Ann {label}"}]}
        return Elements(page(case_from(bundle(named, visit, ORDER)), journal))

    assert of(words).names == of("x").names


def test_the_data_of_the_chart_are_json_that_ends_no_script(journal: Journal) -> None:
    text = page(case_from(marked(everything(), HOSTILE)), journal)
    (data,) = re.findall(r'<script type="application/json" id="timeline-data">(.*?)</script>', text, re.S)
    assert "<" not in data
    assert json.loads(data)["marks"]


def test_the_page_may_be_asked_to_read_the_chart_again(journal: Journal) -> None:
    assert app_with({"one": case_of("knee")}, journal).test_client().get("/review/one/?again=1").status_code == 200


def test_the_ehrs_style_is_linked_only_where_there_is_one_and_served_as_css(journal: Journal) -> None:
    plain, styled = case_of("knee"), case_of("knee", replace(LAUNCH, style_url="https://ehr.example/style.json"))
    assert "style.css" not in page(plain, journal)
    assert 'href="/review/one/style.css"' in page(styled, journal)
    app = app_with({"one": styled}, journal, lambda launch: b'{"color_highlight": "#004488"}')
    answer = app.test_client().get("/review/one/style.css")
    assert (answer.mimetype, "--smart-color-highlight: #004488" in answer.text) == ("text/css", True)
    assert app_with({"one": styled}, journal).test_client().get("/review/one/style.css").text == ""


def test_the_chart_library_comes_with_its_licences() -> None:
    vendor = Path("smart_app/static/vendor")
    assert "Apache License" in (vendor / "echarts.LICENSE.txt").read_text("utf-8")
    for name in ("echarts.NOTICE.txt", "zrender.LICENSE.txt", "d3.LICENSE.txt"):
        assert (vendor / name).read_text("utf-8").strip()


def test_a_date_that_the_chart_has_only_in_part_is_shown_in_part(journal: Journal) -> None:
    """Years alone are usual for operations done elsewhere; a day would claim to know more than the chart."""
    fusion = procedure("fusion", "22612", "Lumbar fusion", "2019")
    therapy = procedure("therapy", "97110", "Therapeutic exercise", "2026-03")
    later = procedure("later", "97110", "Therapeutic exercise", "2026-03-20")
    text = page(case_from(bundle(PATIENT, fusion, therapy, later, ORDER)), journal)
    shown = set(re.findall(r"<time datetime=\"([^\"]*)\">([^<]*)</time>", text))
    assert {("2019", "2019"), ("2026-03", "Mar 2026"), ("2026-03-20", "20 Mar 2026")} <= shown
    assert "1 Jan 2019" not in text and "1 Mar 2026" not in text and "Mar 2026 to 20 Mar 2026" in text
