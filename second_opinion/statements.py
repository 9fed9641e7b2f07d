"""What a patient's own words say about spine surgery: it alone weighs negation, who speaks, and time.

A sentence becomes a row of letters, one for each word or phrase that statements.yaml names; patterns over the row find
wishes. What is not understood says nothing: a wish nobody had costs more than one we missed.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec import Struct

from second_opinion.knowledge import check, read_yaml

Stance = Literal["against_surgery", "for_surgery", "wants_second_opinion"]


class Statement(Struct, frozen=True, gc=False):
    """One wish, and the sentence that says so, as written."""

    sentence: str
    stance: Stance


class _Row(NamedTuple):
    """A sentence as letters, one for each phrase."""

    letters: str
    phrases: list[str]


_KEYS = ("instead_of", "titles", "abbreviations", "asides", "names", "past", "shorthands", "wishes", "rows")
_WORDS = read_yaml("statements.yaml", _KEYS)
_UNKNOWN, _ADDRESSED = "_~"
_LETTER = {name: chr(0xC0 + number) for number, name in enumerate(_WORDS["names"])} | {"unknown": _UNKNOWN}
_NAMED = [(phrase, name) for name, phrases in _WORDS["names"].items() for phrase in phrases.split(", ")]
_LETTER_OF = {phrase: _LETTER[name] for phrase, name in _NAMED}
for _phrase, _name in _NAMED:
    check(_LETTER_OF[_phrase] == _LETTER[_name], "statements.yaml", f"{_phrase!r} has two names. Keep one.")
_MOST_WORDS = max(phrase.count(" ") for phrase in _LETTER_OF) + 1
_PAST, _TITLES, _ABBREVIATIONS = (frozenset(_WORDS[key].split(", ")) for key in ("past", "titles", "abbreviations"))


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_INSTEAD_OF = re.compile(rf"(?:(?<!\w)(?!'|n't)|(?='|n't))(?:{_any(_WORDS['instead_of'])})(?!\w)")
_ASIDE = _any(_WORDS["asides"].split(", "))
_ASIDES = re.compile(rf", (?:{_ASIDE}),|(?<![\w-])(?:{_ASIDE})(?![\w-])")
_TOKEN = re.compile(r"[ctls]\d\d?[-/][ctls]?\d\d?|[a-z0-9]+(?:[-'.][a-z0-9]+)*|[,;:()]|--?")
_LEVEL_OR_YEAR = re.compile(r"([ctls]\d\d?(?:[-/][ctls]?\d\d?)?)|(?:19|20)\d\d")
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]+[\"')\u201d]*(?=\s|$)|(?<!:)[\n\r\u2022]+")
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


def _pattern(row: str) -> re.Pattern[str]:
    """A row written in names, as a pattern over letters."""

    def letters(name: re.Match[str]) -> str:
        short = _WORDS["shorthands"].get(name[0])
        return re.sub(r"[a-z_…]+", letters, f"({short})") if short else _LETTER[name[0]]

    return re.compile(re.sub(r"\((?!\?)", "(?:", re.sub(r"[a-z_…]+", letters, row)).replace(" ", ""))


def _letters(names: str) -> frozenset[str]:
    return frozenset(_LETTER[name] for name in names.split())


_WISHES = [_pattern(row) for row in _WORDS["wishes"]]
_ROWS: list[tuple[Stance, re.Pattern[str]]] = [
    (stance, _pattern(row)) for stance, rows in _WORDS["rows"].items() for row in rows
]
_WILL, _WEAK, _DENIAL = _letters("desire agree prefer refuse"), _letters("qualm consider"), _letters("not refuse")
_NEGATIVE = _letters("not refuse qualm avoid put_off put_off_after")
_ASK = _letters("ask ask_to_send")
_SOMEONES_WISH = _WILL | _WEAK | _ASK | _letters("goal sees")
_SPINE, _OPERATION = _letters("spine spine_surgery"), _letters("surgery spine_surgery")
_CARE, _OPINION = _letters("physical_therapy other_therapy conservative"), _letters("opinion other_surgeon")
_SPEAKERS, _DOUBT = _letters("patient pronoun they someone"), _letters("doubt if unless")
_MAIN, _TURN, _CLAUSE = _letters("stop but"), _letters("stop but and"), _letters("comma stop colon but and")
_THEN = _letters("formerly then")
_REPORTED = _pattern("someone[^patient]*says[^patient pronoun someone]*pronoun$")  # 'the surgeon said he'
_COMPANION = _pattern("(?<=patient|pronoun)and qualified*someone|someone unknown?and pronoun")  # 'Dr. Lee and I agree'
_ADDRESSEE = _pattern("(to_someone|preposition|for_what|to)qualified*someone")
_OPENING = _pattern("(filler|goal|qualified)*")
_NEGATED = _pattern("(not|refuse|qualm)(have|filler|qualified)*$")
_STRAY_TO = _pattern("[^goal link stop colon]to$")  # 'advised to decline'


@lru_cache(maxsize=4096)
def statements_in(text: str) -> tuple[Statement, ...]:
    """What the patient says about spine surgery in this text, in its order."""
    statements, before = [], ""
    for sentence in filter(None, _sentences(text)):
        row = _row_of(sentence)
        statements += [Statement(sentence, stance) for stance in _stances_in(row, before, "?" in sentence[-3:])]
        before = row.letters
    return tuple(statements)


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        word = text[max(start, end.start() - 8) : end.start()].rpartition(" ")[2].lower()
        goes_on = word in _TITLES or (word in _ABBREVIATIONS and text[end.end() + 1 :][:1].islower())
        if end[0] != "." or not goes_on:
            yield text[start : end.end()].strip()
            start = end.end()
    yield text[start:].strip()


def _row_of(sentence: str) -> _Row:
    words = sentence.translate(_STRAIGHT)
    if not words.isupper():
        words = words.replace("PT", "physical therapy")  # 'Pt' is a patient
    words = _INSTEAD_OF.sub(lambda match: _WORDS["instead_of"][match[0]], words.lower())
    tokens = _TOKEN.findall(_ASIDES.sub(" ", words))
    letters, phrases, at = "", [], 0
    while at < len(tokens):
        for length in range(min(_MOST_WORDS, len(tokens) - at), 0, -1):
            phrase = " ".join(tokens[at : at + length])
            if letter := _LETTER_OF.get(phrase):
                break
        letters += letter or _level_or_year(phrase)
        phrases.append(phrase)
        at += length
    letters = _COMPANION.sub(lambda match: _UNKNOWN * len(match[0]), letters)
    return _Row(_ADDRESSEE.sub(lambda match: _UNKNOWN * (len(match[0]) - 1) + _ADDRESSED, letters), phrases)


def _level_or_year(word: str) -> str:
    found = _LEVEL_OR_YEAR.fullmatch(word)
    return _UNKNOWN if not found else _LETTER["spine"] if found[1] else _LETTER["then"]


def _stances_in(row: _Row, before: str, asked: bool) -> list[Stance]:
    """In the order of the text; for and against, the later one of a sentence wins. `before`: the sentence before."""
    found: dict[bool, tuple[int, Stance]] = {}
    for match, stance in sorted(_found(row.letters), key=lambda pair: pair[0].end()):
        if (not asked or _ASK & set(match[0])) and _counts(row, match, stance, before):
            found[stance == "wants_second_opinion"] = match.end(), stance
    return [stance for _, stance in sorted(found.values())]


def _found(row: str) -> Iterator[tuple[re.Match[str], Stance]]:
    for pattern in _WISHES:
        yield from ((match, stance) for match in pattern.finditer(row) if (stance := _stance_of(match[0])))
    for stance, pattern in _ROWS:
        yield from ((match, stance) for match in pattern.finditer(row) if not _NEGATED.search(row[: match.start()]))


def _stance_of(wish: str) -> Stance | None:
    """Two negatives make a yes: 'does not want to delay surgery'."""
    letters = set(wish)
    if not (letters & _DENIAL if letters & _WEAK else letters & _WILL):
        return None
    return "against_surgery" if sum(letter in _NEGATIVE for letter in wish) % 2 else "for_surgery"


def _counts(row: _Row, match: re.Match[str], stance: Stance, before: str) -> bool:
    letters, start, end = row.letters, match.start(), match.end()
    return (
        not _is_conditional(letters, end, stance)
        and _is_the_patients(letters, start, match[0])
        and not _is_past(row, start, end)
        and _is_of_the_spine(letters, match[0], before)
        and _names_what(before + letters[:start], match[0])
    )


def _is_conditional(row: str, end: int, stance: Stance) -> bool:
    stop = _next(row, end, _CLAUSE)
    after = row[end : stop + 2] if row[stop : stop + 1] == _LETTER["comma"] else row[end:stop]
    return _LETTER["if"] in after or (_LETTER["unless"] in after and stance != "against_surgery")


def _is_the_patients(row: str, start: int, wish: str) -> bool:
    """Whether the patient is the one who wishes, and does so without condition."""
    main, clause = (row[_last(row[:start], among) + 1 : start] for among in (_MAIN, _CLAUSE))
    if _DOUBT & set(row[row[:start].rfind(_LETTER["but"]) + 1 : start]) or _STRAY_TO.search(row[:start]):
        return False
    if _LETTER["not"] in clause or not (_SPEAKERS & set(clause) or _OPENING.fullmatch(clause)):
        return False
    if not _SOMEONES_WISH & set(wish) and {_LETTER["someone"], _ADDRESSED} & set(row[:start]):
        return False  # 'Dr. Cho: avoid surgery'
    speaker = main[_last(main, _SPEAKERS) :][:1]
    if speaker == _LETTER["they"]:
        return _LETTER["patient"] in main and _LETTER["someone"] not in main
    return speaker != _LETTER["someone"] and not _REPORTED.search(main[: _last(main, _SPEAKERS) + 1])


def _is_past(row: _Row, start: int, end: int) -> bool:
    letters = row.letters
    if _LETTER["formerly"] in letters[_last(letters[:start], _CLAUSE) + 1 : start]:
        return True
    around = letters[_last(letters[:start], _TURN) + 1 : _next(letters, end, _TURN)]
    return not _PAST.isdisjoint(row.phrases[max(0, start - 2) : end]) and not _THEN.isdisjoint(around)


def _is_of_the_spine(row: str, wish: str, before: str) -> bool:
    other = _LETTER["other_surgery"]
    return bool(_SPINE & set(wish)) or (other not in row and (other not in before or bool(_SPINE & set(before + row))))


def _names_what(earlier: str, wish: str) -> bool:
    """An operation, nonsurgical care or an opinion; or an 'it' that stands for an operation named just before."""
    at = _last(earlier, _OPERATION)
    return bool((_OPERATION | _CARE | _OPINION) & set(wish)) or (at >= 0 and not (_CARE | _OPINION) & set(earlier[at:]))


def _last(row: str, among: frozenset[str]) -> int:
    """Where the last of these letters stands; -1 if there is none."""
    return max(map(row.rfind, among))


def _next(row: str, start: int, among: frozenset[str]) -> int:
    return min((at for letter in among if (at := row.find(letter, start)) >= 0), default=len(row))
