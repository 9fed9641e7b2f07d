"""The questions that a referral proposes, from what was found; the clinician changes them as they like."""

from smart_app.chart.case import Case
from smart_app.refer.wording import WORDING
from smart_app.review.strip import shown_findings


def proposed(case: Case, care: str) -> str:
    """One a line; none of them names the planned operation."""
    if care != "second_opinion":
        return str(WORDING["therapy_questions"][care])
    words = WORDING["questions"]
    asked = [words["always"]]
    asked += [words.get(finding.rule, {}).get(finding.outcome, "") for finding in shown_findings(case.assessment)]
    return "\n".join(dict.fromkeys(question for question in asked if question))
