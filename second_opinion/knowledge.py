"""Reads our YAML: what clinicians edit. A broken file stops the start, named, with the remedy."""

from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

import yaml

from second_opinion.errors import KnowledgeError


def read_yaml(path: str, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    """A YAML mapping of this package, for example 'rules/repeat_surgery.yaml', with the keys it `needs`."""
    try:
        content = yaml.load(files("second_opinion").joinpath(path).read_text("utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise KnowledgeError(f"{path} is missing. Install the package again.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path} is not YAML: {error}. Mend the line it names.") from error
    if not isinstance(content, dict):
        raise KnowledgeError(f"{path} must be a mapping of names to values.")
    if missing := [key for key in needs if key not in content]:
        raise KnowledgeError(f"{path} lacks {', '.join(missing)}. Add it; the other files of its kind show how.")
    return content


def check(condition: bool, path: str, message: str) -> None:
    """Raises KnowledgeError naming the file unless the condition holds."""
    if not condition:
        raise KnowledgeError(f"{path}: {message}")


def software(package: str = "second-opinion") -> str:
    """The version that is installed."""
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Twelve digits that tell by which rules, limits, words and codes an answer was given."""
    package = files("second_opinion")
    pages = [page for folder in (".", "rules", "value_sets") for page in package.joinpath(folder).iterdir()]
    pages = sorted((page for page in pages if page.name.endswith(".yaml")), key=lambda page: page.name)
    return sha256(b"".join(page.read_bytes() for page in pages)).hexdigest()[:12]
