"""The clinical core: pure functions of (FHIR JSON, what could not be read, a date)."""
