"""How hard a text is to read: Flesch-Kincaid grade for English, Szigriszt-Pazos (INFLESZ scale) for Spanish."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_SENTENCE_END = re.compile(r"[.!?:]+(?=\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")
_SPANISH = re.compile(r"[iuü]?[aeoáéó](?:[iuy](?![aeoáéó]))?|[íú]|[iuü]+|y(?=$|[^aeiouáéíóú])")
_SILENT = re.compile(r"(?:[^laeiouy]e|[^tdaeiouy]ed|[^scxzgaeiouy]es)$")


def english_grade(texts: Iterable[str]) -> float:
    """US school grade; each text is at least one sentence."""
    sentences, words = _counted(texts)
    syllables = sum(map(english_syllables, words))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def spanish_ease(texts: Iterable[str]) -> float:
    """0 to 100; below 55 is hard for most patients, 65 and more is fairly easy."""
    sentences, words = _counted(texts)
    syllables = sum(map(spanish_syllables, words))
    return 206.835 - 62.3 * syllables / len(words) - len(words) / sentences


def _counted(texts: Iterable[str]) -> tuple[int, list[str]]:
    listed = list(texts)
    sentences = sum(sum(bool(_WORD.search(part)) for part in _SENTENCE_END.split(text)) for text in listed)
    return sentences, [word.lower() for text in listed for word in _WORD.findall(text)]


def english_syllables(word: str) -> int:
    count = len(_VOWELS.findall(word))
    return max(1, count - bool(_SILENT.search(word)))


def spanish_syllables(word: str) -> int:
    word = re.sub(r"qu(?=[eiéí])", "q", re.sub(r"gu(?=[eiéí])", "g", word))
    return max(1, len(_SPANISH.findall(word)))
