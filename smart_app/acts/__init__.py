"""How anything is written to an EHR: shown first, once, kept in the journal, undone on request."""
