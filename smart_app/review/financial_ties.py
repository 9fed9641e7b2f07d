"""The neutral line on payments by companies: in the app only, and only where the site configured a register."""

from second_opinion.findings import Outcome
from smart_app.chart.case import Case

_RULE = "financial_ties"


def ties_line(case: Case) -> str:
    """For _financial_ties.html: what the register says, also that it lists none, or why it could not be asked.

    '' where no register is configured, and where the site has switched the rule off or to silent.
    """
    found = next((each for each in case.assessment.findings if each.rule == _RULE), None)
    if found is None or found.outcome is Outcome.NOT_APPLICABLE or case.assessment.site.mode(_RULE) != "on":
        return ""
    return found.says
