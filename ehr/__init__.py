"""Talking to an EHR's FHIR server: which clients and servers are trusted, and a chart read within a time budget."""
