"""The rules, in the order a clinician reads them. Each is a .py (logic) beside a .yaml (limits, words, citations)."""

from types import ModuleType

from second_opinion.rules import nonsurgical_care, repeat_surgery

RULES: dict[str, ModuleType] = {
    "repeat_surgery": repeat_surgery,
    "nonsurgical_care": nonsurgical_care,
}
