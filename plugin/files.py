"""Files for `assess`: a FHIR Bundle of one patient or a CDS Hooks request, whichever it turns out to be."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from cds_hooks.calls import assess_call, read_call
from cds_hooks.requests import is_call
from second_opinion.assess import Assessment, assess
from second_opinion.errors import UnreadableInput
from second_opinion.from_fhir import read_bundle
from second_opinion.planned_surgery import CHART_LANES, in_chart
from second_opinion.site import AS_SHIPPED, Site

STANDARD_INPUT = "-"


def paths_of(given: Iterable[str]) -> Iterator[str]:
    """The files named, and of a folder all the JSON files in it."""
    for name in given:
        if name != STANDARD_INPUT and Path(name).is_dir():
            # An empty folder stays in the list, so that reading it says what is wrong.
            yield from sorted(str(path) for path in Path(name).rglob("*.json") if path.is_file()) or [name]
        else:
            yield name


def assess_document(body: bytes, as_of: date, site: Site = AS_SHIPPED) -> Assessment:
    """Raises UnreadableInput for what is neither."""
    if is_call(body):
        return assess_call(read_call(body, as_of, site=site), site)
    record = read_bundle(body, as_of)
    return assess(record, in_chart(record, site.limits_on("planned_surgery", as_of)), site=site, looked_in=CHART_LANES)


def read_file(name: str, standard_input: Iterable[bytes]) -> bytes:
    """Raises UnreadableInput for a file that cannot be opened."""
    if name == STANDARD_INPUT:
        return b"".join(standard_input)
    if Path(name).is_dir():
        raise UnreadableInput("it is a folder without JSON files")
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UnreadableInput(f"it cannot be opened ({error.strerror})") from None
