"""Titles that say that treatment options were talked over: informed consent, shared decision making, decision aid."""

import re
from collections.abc import Iterable
from functools import lru_cache

from second_opinion.texts import operation_in

_TITLES = re.compile(r"\b(informed consents?|shared decision making|shared decisions?|decision aids?)\b")
_NOT_DONE = re.compile(r"\b(no|not|without|declin\w*|refus\w*|pending|needed|needs|missing|unable|revoked|withdrawn)\b")
_FOR = re.compile(r"\b(?:for|to|regarding|about|before|re)\b(.*)")
# What a talk or a consent may be for without naming a procedure.
_GENERAL = re.compile(
    r"\b(the|a|an|of|and|or|for|to|on|in|procedures?|surgery|surgical|operations?|operative|treatments?|invasive|elective|"
    r"options?|form|signed|adult|patient|planned|undergo|perform|performed|discussion|visit|document|note)\b"
)
_SPINE = re.compile(r"\b(spine|spinal|lumbar|cervical|thoracic|lumbosacral|back|neck|vertebral|disc|disk)\b")


def discussed(titles: Iterable[str], is_consent: bool = False) -> str:
    """The title that says so; '' if none does, or if any of them names another procedure than one of the spine.

    `is_consent`: the resource is a consent to treatment, so that no title has to say it.
    """
    said = [title for title in titles if title]
    if any(_names_another(title) or _NOT_DONE.search(_plain(title)) for title in said):
        return ""
    found = [title for title in said if _TITLES.search(_plain(title))]
    return next(iter(found or (said if is_consent else ())), "")


@lru_cache(maxsize=4096)
def _names_another(title: str) -> bool:
    named = _FOR.search(_plain(title))
    rest = _GENERAL.sub(" ", named[1]).strip() if named else ""
    return bool(rest) and not _SPINE.search(rest) and operation_in(title) is None


def _plain(title: str) -> str:
    """Case and hyphens do not matter."""
    return " ".join(re.sub(r"[^a-z0-9/ ]", " ", title.lower()).split())
