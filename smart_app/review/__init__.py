"""The review page's parts: each a pure function of the case, giving what is shown and judging nothing."""
