"""Files for `assess`: a FHIR Bundle of one patient or a CDS Hooks request, whichever it turns out to be."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from cds_hooks.calls import assess_call, is_call, read_call
from second_opinion.assess import Assessment, assess
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import read_bundle
from second_opinion.planned_surgery import in_chart

STANDARD_INPUT = "-"


def paths_of(given: Iterable[str]) -> Iterator[str]:
    """The files named, and of a folder all the JSON files in it."""
    for name in given:
        if name != STANDARD_INPUT and Path(name).is_dir():
            yield from sorted(str(path) for path in Path(name).rglob("*.json"))
        else:
            yield name


def assess_document(body: bytes, as_of: date) -> Assessment:
    """Raises UnreadableInput for what is neither."""
    if is_call(body):
        return assess_call(read_call(body, as_of))
    record = read_bundle(body, as_of)
    return assess(record, in_chart(record))


def read_file(name: str, standard_input: Iterable[bytes]) -> bytes:
    """Raises UnreadableInput for a file that cannot be opened."""
    if name == STANDARD_INPUT:
        return b"".join(standard_input)
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UnreadableInput(f"it cannot be opened ({error.strerror})") from None
