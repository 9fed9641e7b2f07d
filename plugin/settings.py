"""Settings from the environment (SECOND_OPINION_..., and OpenTelemetry's own), read here and nowhere else."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ehr.trust import Trust
from ehr.trust_file import read_trust
from open_payments.index import build_index
from open_payments.lookup import neutral_line, ties_of
from open_payments.reading import Progress
from second_opinion.errors import KnowledgeError, SecondOpinionError
from second_opinion.site import AS_SHIPPED, Site, read_site
from second_opinion.value_sets import use_local_codes
from smart_app.sign_in.credentials import HOW_TO_MAKE_ONE, Credentials, read_client_key

SITE = "SECOND_OPINION_SITE"
TRUST = "SECOND_OPINION_TRUST"
SECRET_KEY = "SECOND_OPINION_SECRET_KEY"  # noqa: S105, the name of the variable
DATABASE_URL = "SECOND_OPINION_DATABASE_URL"
REDIS_URL = "SECOND_OPINION_REDIS_URL"  # spent tokens are kept there instead of in the database
SMART_KEY = "SECOND_OPINION_SMART_KEY"  # a PEM or JWK file: the app's private key, for EHRs with private_key_jwt
CLIENT_SECRET = "SECOND_OPINION_CLIENT_SECRET"  # noqa: S105, for EHRs with client_secret
OPEN_PAYMENTS = "SECOND_OPINION_OPEN_PAYMENTS"  # a CMS general-payments file; its index is made beside it

Setting = TypeVar("Setting")
_KEY_LEAST = 32
_DATABASE = "sqlite:///second-opinion.sqlite3"  # in the folder it is started in
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


class Production(Struct, frozen=True):
    site: Site
    trust: Trust
    secret_key: str
    database_url: str
    redis_url: str = ""
    credentials: Credentials = Credentials()


def production(environment: Mapping[str, str] = os.environ, progress: Progress | None = None) -> Production:
    """What `serve` needs. Raises KnowledgeError with all that is missing or wrong, at once."""
    problems: list[str] = []
    by_site = _tried(partial(site, environment, progress), problems)
    who = _tried(partial(trust, environment), problems)
    key = _tried(partial(secret_key, environment), problems)
    shown = _tried(partial(credentials, who, environment), problems) if who else None
    if by_site is None or who is None or key is None or shown is None:
        raise KnowledgeError("\n  ".join(["It cannot start yet (step by step: docs/deploy.md).", *problems]))
    return Production(by_site, who, key, database_url(environment), environment.get(REDIS_URL, ""), shown)


def _tried(read: Callable[[], Setting], problems: list[str]) -> Setting | None:
    try:
        return read()
    except SecondOpinionError as problem:
        problems.append(str(problem))
        return None


def trust(environment: Mapping[str, str] = os.environ) -> Trust:
    """Who may call. Raises KnowledgeError naming file, line and remedy."""
    if not (name := environment.get(TRUST)):
        raise KnowledgeError(
            f"{TRUST} is not set. Let it name the file of who may call (docs/trust.md shows one), and check that with: "
            "second-opinion trust check FILE"
        )
    return read_trust(Path(name))


def credentials(trust: Trust, environment: Mapping[str, str] = os.environ) -> Credentials:
    """How the app shows the EHRs of the trust file who it is. Raises KnowledgeError for what they need and lack."""
    ways = {ehr.auth: ehr.iss for ehr in trust.smart_ehrs}
    key, secret = environment.get(SMART_KEY, ""), environment.get(CLIENT_SECRET, "")
    if "private_key_jwt" in ways and not key:
        raise KnowledgeError(
            f"{SMART_KEY} is not set, and {ways['private_key_jwt']} wants private_key_jwt. Let it name the app's "
            f"private key, a PEM or JWK file. {HOW_TO_MAKE_ONE}"
        )
    if "client_secret" in ways and not secret:
        raise KnowledgeError(
            f"{CLIENT_SECRET} is not set, and {ways['client_secret']} wants client_secret. "
            "Set it to the secret that the EHR gave when the app was registered there."
        )
    return Credentials(read_client_key(Path(key)) if key else None, secret)


def database_url(environment: Mapping[str, str] = os.environ) -> str:
    """Where the journal is."""
    return environment.get(DATABASE_URL) or _DATABASE


def secret_key(environment: Mapping[str, str] = os.environ) -> str:
    """What this installation's keys are derived from; the same for all workers, and after every start."""
    key = environment.get(SECRET_KEY, "")
    if len(key) < _KEY_LEAST:
        fault = f"has fewer than {_KEY_LEAST} characters" if key else "is not set"
        raise KnowledgeError(
            f"{SECRET_KEY} {fault}. Make one, once, and keep it: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    return key


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
