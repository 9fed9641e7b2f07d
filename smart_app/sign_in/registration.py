"""The public settings that an EHR registers the app with: launch.json, which also stands at the repository's top."""

from importlib.resources import files

from msgspec import Struct, json


class Paths(Struct, frozen=True):
    launch: str
    redirect: str
    jwks: str


class Sandbox(Struct, frozen=True):
    """`confirmed`: whether somebody has launched the app there."""

    name: str
    issuer: str
    fhir_version: str
    confirmed: bool = False


class Registration(Struct, frozen=True):
    paths: Paths
    scopes: tuple[str, ...]
    sandboxes: tuple[Sandbox, ...]


def _read() -> Registration:
    return json.decode(files("smart_app").joinpath("launch.json").read_bytes(), type=Registration)


REGISTRATION = _read()
