"""What somebody filled in, as text to copy, for the pages that come instead of the one that would have kept it."""

from flask import request

_OURS = ("form_key", "step", "digest")  # fields that nobody filled in


def typed() -> str:
    """Every field of a form below /review and what stands in it; '' for any other request."""
    if request.method != "POST" or not request.path.startswith("/review/"):
        return ""
    return "\n".join(f"{name}: {words}" for name, words in request.form.items() if words and name not in _OURS)
