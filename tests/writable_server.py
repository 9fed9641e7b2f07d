"""A FHIR server on loopback that can be written to, by the book, and can fail in every way a test wants it to."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from fhir_server import BASE, Asked, FakeServer, Handler, Json, as_bytes, fhir_server, outcome, page


class Wrote(Asked):
    """One request, with what was to be written."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(path, headers)
        self.method, self.body = method, body
        self.id = urlsplit(path).path.removeprefix(f"{BASE}/{self.type}").strip("/")
        self.resource: Json = json.loads(body) if body else {}


class Store(FakeServer):
    """What was written, by reference. `ways` are named like 'POST ServiceRequest', and are asked before the store."""

    def __init__(self, *resources: Json) -> None:
        super().__init__()
        self.RequestHandlerClass = Writable
        self.lock = threading.Lock()
        self.kept = {f"{each['resourceType']}/{each['id']}": _version(each, 1) for each in resources}

    def of(self, kind: str) -> list[Json]:
        return [each for each in self.kept.values() if each["resourceType"] == kind]

    def requests(self, method: str) -> list[Wrote]:
        return [asked for asked in self.asked if isinstance(asked, Wrote) and asked.method == method]

    def identified(self, kind: str, query: str) -> list[Json]:
        system, _, value = parse_qs(query)["identifier"][0].partition("|")
        return [each for each in self.of(kind) if {"system": system, "value": value} in _identifiers(each)]


class Writable(Handler):
    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Wrote(method, self.path, dict(self.headers), body)
        self.server.asked.append(asked)
        self.server.ways.get(f"{method} {asked.type}", stored)(self.server, self, asked)


def stored(server: FakeServer, handler: Handler, asked: Asked) -> None:
    assert isinstance(server, Store) and isinstance(asked, Wrote)
    with server.lock:
        status, found = _DO[asked.method](server, asked)
    headers = {"ETag": f'W/"{found["meta"]["versionId"]}"'} if "meta" in found else {}
    if status == 201:
        headers["Location"] = f"{server.url}/{asked.type}/{found['id']}/_history/1"
    handler.answer(as_bytes(found) if status != 204 else b"", status, **headers)


def _get(server: Store, asked: Wrote) -> tuple[int, Json]:
    if not asked.id:
        return 200, page(*server.identified(asked.type, urlsplit(asked.path).query))
    found = server.kept.get(f"{asked.type}/{asked.id}")
    return (200, found) if found else (404, outcome("error"))


def _post(server: Store, asked: Wrote) -> tuple[int, Json]:
    there = server.identified(asked.type, asked.headers["If-None-Exist"])
    if there:
        return (200, there[0]) if len(there) == 1 else (412, outcome("error"))
    made = _version(asked.resource | {"id": str(len(server.asked))}, 1)
    server.kept[f"{asked.type}/{made['id']}"] = made
    return 201, made


def _put(server: Store, asked: Wrote) -> tuple[int, Json]:
    found = server.kept[f"{asked.type}/{asked.id}"]
    if asked.headers["If-Match"] != f'W/"{found["meta"]["versionId"]}"':
        return 412, outcome("error")
    server.kept[f"{asked.type}/{asked.id}"] = _version(asked.resource, int(found["meta"]["versionId"]) + 1)
    return 200, server.kept[f"{asked.type}/{asked.id}"]


def _delete(server: Store, asked: Wrote) -> tuple[int, Json]:
    server.kept.pop(f"{asked.type}/{asked.id}")
    return 204, {}


_DO = {"GET": _get, "POST": _post, "PUT": _put, "DELETE": _delete}


def _version(resource: Json, number: int) -> Json:
    return resource | {"meta": {"versionId": str(number)}}


def _identifiers(resource: Json) -> list[Json]:
    given = resource.get("identifier", [])
    return given if isinstance(given, list) else [given]


@contextmanager
def store_of(*resources: Json) -> Iterator[Store]:
    with fhir_server(server=Store(*resources)) as server:
        assert isinstance(server, Store)
        yield server
