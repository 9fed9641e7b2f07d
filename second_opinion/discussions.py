"""Titles that say that treatment options were talked over: informed consent, shared decision making, decision aid."""

import re
from collections.abc import Iterable
from functools import lru_cache

from second_opinion.texts import diagnosis_in, operation_in

_TITLES = re.compile(r"\b(informed consents?|shared decision making|shared decisions?|decision aids?)\b")
_ABOUT = re.compile(r"\b(consents?|decisions?)\b")
_NOT_DONE = re.compile(r"\b(no|not|without|declin\w*|refus\w*|pending|needed|needs|missing|unable|revoked|withdrawn)\b")
# Words that a title may have besides, without naming a procedure.
_GENERAL = re.compile(
    r"\b(the|a|an|of|and|or|for|to|on|in|by|with|your|our|re|regarding|about|before|consents?|procedures?|surgery|surgical|"
    r"operations?|operative|treatments?|treat|invasive|elective|options?|form|signed|adult|patient|planned|undergo|performe?d?|"
    r"discussion|discussed|visit|document|documentation|note|record|given|provided|obtained|completed|reviewed|used|video|"
    r"booklet|scanned|scan|pdf|electronic|hospital|outpatient|inpatient|clinic|yes|informed)\b"
)
_MARK = re.compile(r"[a-z]?[0-9/]*$")
_SPINE = re.compile(r"\b(spine|spinal|lumbar|cervical|thoracic|lumbosacral|back|neck|vertebral|disc|disk)\b")


def discussed(titles: Iterable[str], is_consent: bool = False) -> str:
    """The title that says so; '' if none does, or if any of them names another procedure than one of the spine.

    `is_consent`: the resource is a consent to treatment, so that no title has to say it.
    """
    said = [title for title in titles if title]
    about = [title for title in said if is_consent or _ABOUT.search(_plain(title))]
    if any(map(_names_another, about)) or any(_NOT_DONE.search(_plain(title)) for title in said):
        return ""
    found = [title for title in said if _TITLES.search(_plain(title))]
    return next(iter(found or (said if is_consent else ())), "")


@lru_cache(maxsize=4096)
def _names_another(title: str) -> bool:
    """No procedure is named by numbers and marks (a date, 'v2', '/'), and a diagnosis of the spine is about it."""
    words = _GENERAL.sub(" ", _TITLES.sub(" ", _plain(title))).split()
    rest = " ".join(word for word in words if not _MARK.match(word))
    return bool(rest) and not _SPINE.search(rest) and operation_in(title) is None and diagnosis_in(rest) is None


def _plain(title: str) -> str:
    """Case and hyphens do not matter."""
    return " ".join(re.sub(r"[^a-z0-9/ ]", " ", title.lower()).split())
