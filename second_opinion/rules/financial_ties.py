"""Does a public register list payments by companies to the clinician who ordered the operation?

Concern when           it lists some: a neutral line for the app. It never raises a card, and is never on one.
Not documented when    it was searched and lists none.
Could not assess when  the clinician is not known by NPI, or the register could not be read.
Not applicable when    the site has not configured a register.
"""

from second_opinion.errors import SecondOpinionError
from second_opinion.findings import Finding, Outcome
from second_opinion.limits import Limits, Page
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import PatientRecord

PAGE = Page("rules/financial_ties.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "value_sets"))
LANES: tuple[str, ...] = ()
_NPI = "http://hl7.org/fhir/sid/us-npi|"


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    if record.payments is None:
        return _finding(Outcome.NOT_APPLICABLE)
    npi = next((name.removeprefix(_NPI) for name in sorted(surgery.requester) if name.startswith(_NPI)), "")
    if not npi:
        return _finding(Outcome.COULD_NOT_ASSESS, why=PAGE["wording"]["no_npi"])
    try:
        line = record.payments(npi)
    except SecondOpinionError as problem:
        return _finding(Outcome.COULD_NOT_ASSESS, why=str(problem).rstrip("."))
    return _finding(Outcome.CONCERN if line else Outcome.NOT_DOCUMENTED, line=line or "", npi=npi)


def _finding(outcome: Outcome, **words: str) -> Finding:
    return Finding(rule="financial_ties", outcome=outcome, says=PAGE["wording"]["says"][outcome].format(**words))
