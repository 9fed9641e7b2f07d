"""A mock EHR with teaching patients: calls the CDS service as an EHR would, so that all can be tried on one machine."""
