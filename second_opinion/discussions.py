"""Titles that say that treatment options were talked over: informed consent, shared decision making, decision aid."""

import re
from functools import lru_cache

from second_opinion.texts import operation_in

_TITLES = re.compile(r"\b(informed consent|shared decision making|decision aid|shared decision)\b")
_FOR = re.compile(r"\bconsent\b.*?\b(?:for|to|regarding)\b(.*)")
# What a consent may be for without naming a procedure.
_GENERAL = re.compile(
    r"\b(the|a|an|of|and|or|for|to|procedures?|surgery|surgical|operations?|operative|treatments?|invasive|elective|"
    r"an?esthesia|form|signed|adult|patient|planned|undergo|perform|performed)\b"
)
_SPINE = re.compile(r"\b(spine|spinal|lumbar|cervical|thoracic|lumbosacral|back|neck|vertebral|disc|disk)\b")


@lru_cache(maxsize=4096)
def discussion_in(title: str) -> bool:
    """Case and hyphens do not matter. A consent that names another procedure than one of the spine does not count."""
    plain = " ".join(re.sub(r"[^a-z0-9/ ]", " ", title.lower()).split())
    if not _TITLES.search(plain):
        return False
    named = _FOR.search(plain)
    rest = _GENERAL.sub(" ", named[1]).strip() if named else ""
    return not rest or bool(_SPINE.search(rest)) or operation_in(title) is not None
