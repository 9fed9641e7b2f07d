"""The neutral line on payments by companies: in the app only, and only where the site configured a register."""

from msgspec import Struct

from second_opinion.findings import Outcome
from second_opinion.rules.financial_ties import PAGE
from smart_app.case import Case

_RULE = "financial_ties"


class TiesLine(Struct, frozen=True):
    """What the register says, and what that does not mean; for smart_app/_financial_ties.html."""

    says: str
    weight: str
    source: str


def ties_line(case: Case) -> TiesLine | None:
    """None where no register is configured, and where the site has switched the rule off or to silent."""
    found = next((each for each in case.assessment.findings if each.rule == _RULE), None)
    if found is None or found.outcome is Outcome.NOT_APPLICABLE or case.assessment.site.mode(_RULE) != "on":
        return None
    return TiesLine(found.says, PAGE["weight"], PAGE["references"]["open-payments"]["citation"])
