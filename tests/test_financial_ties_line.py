"""The neutral line on payments: in the app only, and only where the site configured a register and switched it on."""

from typing import Any

import pytest
from app_beside_an_ehr import FUSION, PATIENT
from flask import Flask, render_template
from msgspec.structs import replace
from review_cases import case_from

from second_opinion.errors import SecondOpinionError
from second_opinion.site import AS_SHIPPED, Site
from smart_app.review.financial_ties import ties_line

NPI = "1003000126"
LINE = "Open Payments lists $100 in 2024 for <b>NPI 1003000126</b>."


def line_of(site: Site) -> str:
    by_npi = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": NPI}}
    entries = [{"resource": PATIENT}, {"resource": FUSION | {"requester": by_npi}}]
    return ties_line(case_from({"resourceType": "Bundle", "entry": entries}, site=site))


def broken(npi: str) -> str | None:
    raise SecondOpinionError("The register could not be read.")


def test_without_a_register_there_is_no_line() -> None:
    assert line_of(AS_SHIPPED) == ""


@pytest.mark.parametrize("mode", ["off", "silent"])
def test_a_rule_that_is_off_or_silent_shows_no_line(mode: str) -> None:
    assert line_of(replace(AS_SHIPPED, payments=lambda npi: LINE, modes={"financial_ties": mode})) == ""


@pytest.mark.parametrize(
    ("payments", "says"),
    [
        (lambda npi: LINE, LINE),
        (lambda npi: None, f"The register lists no payments for NPI {NPI}."),
        (broken, "Payments could not be looked up: The register could not be read."),
    ],
)
def test_the_line_says_what_the_register_says_and_no_more(payments: Any, says: str) -> None:
    assert line_of(replace(AS_SHIPPED, payments=payments)) == says


def test_the_line_is_a_part_of_a_page_and_its_text_is_only_text() -> None:
    app = Flask("ties", root_path="smart_app", template_folder="templates")
    with app.app_context():
        shown = render_template(
            "smart_app/_financial_ties.html", ties=line_of(replace(AS_SHIPPED, payments=lambda npi: LINE))
        )
        assert "&lt;b&gt;NPI" in shown
        assert not render_template("smart_app/_financial_ties.html", ties="").strip()
