"""Settings from the environment (SECOND_OPINION_...), read here and nowhere else."""

import os
from collections.abc import Mapping
from pathlib import Path

from second_opinion.errors import KnowledgeError
from second_opinion.site import AS_SHIPPED, Site, read_site
from second_opinion.value_sets import use_local_codes

SITE = "SECOND_OPINION_SITE"


def site(environment: Mapping[str, str] = os.environ) -> Site:
    """The site file's settings, with its local codes in use. Raises KnowledgeError naming file, line and remedy."""
    name = environment.get(SITE)
    if not name:
        return AS_SHIPPED
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{SITE}: {name} cannot be read ({error}). Name a readable TOML file.") from None
    read = read_site(text, name)
    use_local_codes(read.local_codes)
    return read
