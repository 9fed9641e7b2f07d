"""A SMART on FHIR authorization server and what stands behind it: strict, third-party where it can be, for trying."""
