"""Settings from the environment (SECOND_OPINION_..., and OpenTelemetry's own), read here and nowhere else."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from open_payments.index import build_index
from open_payments.lookup import neutral_line, ties_of
from open_payments.reading import Progress
from second_opinion.errors import KnowledgeError
from second_opinion.site import AS_SHIPPED, Site, read_site
from second_opinion.value_sets import use_local_codes

SITE = "SECOND_OPINION_SITE"
OPEN_PAYMENTS = "SECOND_OPINION_OPEN_PAYMENTS"  # a CMS general-payments file; its index is made beside it

_TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACED_AS = "OTEL_SERVICE_NAME"


def site(environment: Mapping[str, str] = os.environ, progress: Progress | None = None) -> Site:
    """The site file's settings, with its local codes in use, and the register of payments if one is configured.

    Raises KnowledgeError naming file, line and remedy, or SecondOpinionError for a register that cannot be indexed.
    """
    read = _site_file(environment.get(SITE))
    use_local_codes(read.local_codes)
    register = environment.get(OPEN_PAYMENTS)
    if not register:
        return read
    index = f"{register}.sqlite3"
    build_index([register], index, progress)  # once: an index of this very file is kept
    return replace(read, payments=partial(_line_of, index))


def trace_as(environment: Mapping[str, str] = os.environ) -> str:
    """The name under which spans are sent, or '' where nobody asked for any."""
    return environment.get(_TRACED_AS, "second-opinion") if environment.get(_TRACES) else ""


def _site_file(name: str | None) -> Site:
    if not name:
        return AS_SHIPPED
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{SITE}: {name} cannot be read ({error}). Name a readable TOML file.") from None
    return read_site(text, name)


def _line_of(index: str, npi: str) -> str | None:
    ties = ties_of(index, npi)
    return neutral_line(ties) if ties else None
