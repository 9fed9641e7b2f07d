"""One launch's chart: read, and judged as the card was."""
