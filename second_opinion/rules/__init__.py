"""The rules, in the order a clinician reads them. Each is a .py (logic) beside a .yaml (limits, words, citations)."""

from types import ModuleType

from second_opinion.rules import (
    financial_ties,
    indication,
    modifiable_risks,
    nonsurgical_care,
    options_discussed,
    patient_concern,
    patient_goals,
    repeat_surgery,
)

RULES: dict[str, ModuleType] = {
    "repeat_surgery": repeat_surgery,
    "nonsurgical_care": nonsurgical_care,
    "indication": indication,
    "options_discussed": options_discussed,
    "patient_goals": patient_goals,
    "patient_concern": patient_concern,
    "modifiable_risks": modifiable_risks,
    "financial_ties": financial_ties,
}
