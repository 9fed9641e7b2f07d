"""The questions of the options discussion and the codes of its answers: said once, for writing and for reading."""

from collections.abc import Mapping
from typing import Any

from second_opinion.knowledge import read_yaml

_KEYS = (
    "url", "version", "title", "answer_codes", "options", "about_an_option", "questions", "preferences", "statements",
    "decisions", "own_words_code",
)  # fmt: skip
OPTIONS_DISCUSSION: Mapping[str, Any] = read_yaml("options_discussion.yaml", _KEYS)
URL: str = OPTIONS_DISCUSSION["url"]
PREFERENCE = "preference"
# The code of an answer to PREFERENCE -> what it says, and its stance: 'for_surgery', 'against_surgery' or ''.
PREFERENCES: Mapping[str, Mapping[str, str]] = OPTIONS_DISCUSSION["preferences"]
# The linkId of a yes-or-no question -> what yes means: kind, role and label of a patient's statement.
STATEMENTS: Mapping[str, Mapping[str, str]] = OPTIONS_DISCUSSION["statements"]
