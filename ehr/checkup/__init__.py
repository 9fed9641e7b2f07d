"""A FHIR server examined: which of our searches it answers, what each rule can assess there, and what to do."""

from ehr.checkup.examine import examine
from ehr.checkup.report import LaneTried, Report, RuleThere, Severity, Smart, Try

__all__ = ["LaneTried", "Report", "RuleThere", "Severity", "Smart", "Try", "examine"]
