"""What a CodeableConcept means: by its codings, else by its words."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from second_opinion.codes import system_name
from second_opinion.emergencies import emergencies_in
from second_opinion.from_fhir.shapes import Coding, Concept, Reference
from second_opinion.plain_words import plain
from second_opinion.texts import care_in, diagnosis_in, imaging_in, medicine_in, operation_in
from second_opinion.value_sets import Meaning, caches, meanings_of

Reader = Callable[[str], Meaning | None]
OPERATION: tuple[Reader, ...] = (operation_in,)
OPERATION_OR_CARE: tuple[Reader, ...] = (operation_in, care_in, imaging_in)
CARE: tuple[Reader, ...] = (care_in,)
MEDICINE: tuple[Reader, ...] = (medicine_in,)
DIAGNOSIS: tuple[Reader, ...] = (diagnosis_in,)
_MOST = 300  # characters of a label
_NOBODY: frozenset[str] = frozenset()
_NOTHING: tuple[tuple[Meaning, ...], str, str] = ((), "", "code")


def read(concept: Concept | None, readers: tuple[Reader, ...] = ()) -> tuple[tuple[Meaning, ...], str, str]:
    """Meanings, the words shown, and 'code' or 'text'. Known codings win; words count only where none is known."""
    if concept is None:
        return _NOTHING
    codings = concept.coding or ()
    if len(codings) == 1:  # the usual case, and the same few thousand concepts all day
        coding = codings[0]
        return _read_one(concept.text, coding.system, coding.code, coding.display, readers)
    return _read(concept, readers)


@lru_cache(maxsize=16384)
def _read_one(
    text: str | None, system: str | None, code: str | None, display: str | None, readers: tuple[Reader, ...]
) -> tuple[tuple[Meaning, ...], str, str]:
    return _read(Concept([Coding(system, code, display)], text), readers)


caches.append(_read_one.cache_clear)


def _read(concept: Concept, readers: tuple[Reader, ...]) -> tuple[tuple[Meaning, ...], str, str]:
    meanings: tuple[Meaning, ...] = ()
    for coding in concept.coding or ():
        if coding.system and coding.code:
            meanings += meanings_of(coding.system, coding.code)
    if meanings:
        own = next((meaning.label for meaning in meanings if meaning.own_label), "")
        return meanings, own or next(_words(concept), meanings[0].label), "code"
    for reader in readers:
        for text in _words(concept):
            if meaning := reader(text):
                return (meaning,), text, "text"
    return (), next(_words(concept), ""), "code"


def _words(concept: Concept) -> Iterator[str]:
    """The text, then the displays that say something else; without markup, since all of them may end on a card."""
    for words in dict.fromkeys((concept.text, *(coding.display for coding in concept.coding or ()))):
        if words and (shown := plain(words, _MOST)):
            yield shown


def read_diagnosis(concept: Concept | None) -> tuple[tuple[Meaning, ...], str, str]:
    """As `read`; a diagnosis is read from words only if no coding says what it is, in a system that we know.

    Words can name a disease of the spine and an emergency at once, so they are read for both.
    """
    coded = (
        any(system_name(coding.system or "") for coding in (concept.coding or ()) if coding.code) if concept else False
    )
    meanings, label, by = read(concept, () if coded else DIAGNOSIS)
    if concept is None or coded or (meanings and by == "code"):
        return meanings, label, by
    for text in _words(concept):
        if emergencies := emergencies_in(text):
            return emergencies + meanings, text, "text"
    return meanings, label, by


def read_words(words: str | None, readers: tuple[Reader, ...]) -> tuple[tuple[Meaning, ...], str, str]:
    """As `read`, for a reference that cannot be resolved: its display is all there is."""
    return read(Concept(text=words), readers)


def has_code(concept: Concept | None, system: str, code: str) -> bool:
    """Whether one coding is exactly this."""
    codings = (concept.coding or ()) if concept else ()
    return any(coding.code == code and (coding.system or "").rstrip("/") == system for coding in codings)


def status_code(concept: Concept | None) -> str:
    """The code of a status such as clinicalStatus, whatever its system; its text if it has no coding."""
    if concept is None:
        return ""
    for coding in concept.coding or ():
        if coding.code:
            return coding.code.strip().lower()
    return (concept.text or "").strip().lower()


def names_of(*references: Reference | None) -> frozenset[str]:
    """All that identifies whoever is referred to: reference, identifier, display."""
    if not references:
        return _NOBODY
    names: set[str] = set()
    for reference in references:
        if reference is None:
            continue
        if reference.reference:
            names.add(plain_reference(reference.reference))
        if reference.identifier and reference.identifier.value:
            names.add(f"{reference.identifier.system or ''}|{reference.identifier.value}")
        if reference.display:
            names.add(reference.display.strip().lower())
    return frozenset(names)


def plain_reference(reference: str) -> str:
    """'Type/id' of a relative, absolute or versioned reference; urn:uuid: and #contained ones have no / and stay."""
    return "/".join(reference.partition("/_history/")[0].strip().split("/")[-2:])
