"""A FHIR server on loopback that can be written to, by the book, and can fail in every way a test wants it to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from urllib.parse import parse_qs, urlsplit

import fhir_server as fake
from fhir_server import BASE, Asked, FakeServer, Handler, Json


class Writable(Handler):
    """`ways` of the server are looked up by 'POST ServiceRequest'."""

    def do_GET(self) -> None:
        self._serve("GET", b"")

    def do_POST(self) -> None:
        self._serve("POST", self._body())

    def do_PUT(self) -> None:
        self._serve("PUT", self._body())

    def do_DELETE(self) -> None:
        self._serve("DELETE", b"")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _serve(self, method: str, body: bytes) -> None:
        asked = Asked(self.path, dict(self.headers))
        store = self.server
        assert isinstance(store, Store)
        asked.method, asked.body = method, body  # type: ignore[attr-defined]
        store.asked.append(asked)
        store.ways.get(f"{method} {asked.type}", as_stored)(store, self, asked)
