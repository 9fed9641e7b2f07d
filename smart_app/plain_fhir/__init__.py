"""Events of the record as plain FHIR R4, written by us from what the reading knows: never the chart's own JSON."""
