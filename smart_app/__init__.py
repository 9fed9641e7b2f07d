"""Door 2: the SMART on FHIR app: launch, the review page, and the actions that carry a second opinion through."""
