"""FHIR R4 JSON -> PatientRecord, leniently; the only place that knows FHIR's shape."""

from second_opinion.from_fhir.chart import read_bundle, read_orders, read_prefetch
from second_opinion.from_fhir.clinical import REPORTED_CARE
from second_opinion.from_fhir.concepts import plain_reference
from second_opinion.from_fhir.documents import not_json, plain_json, whole
from second_opinion.from_fhir.entries import is_bundle, read_page
from second_opinion.from_fhir.fetched import Fetched, glance, missing_lanes
from second_opinion.from_fhir.orders import OWN_REFERRAL
from second_opinion.from_fhir.pages import Page

__all__ = [
    "OWN_REFERRAL", "REPORTED_CARE", "Fetched", "Page", "glance", "is_bundle", "missing_lanes", "not_json",
    "plain_json", "plain_reference", "read_bundle", "read_orders", "read_page", "read_prefetch", "whole",
]  # fmt: skip
