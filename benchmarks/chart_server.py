"""A FHIR server that answers every search at once with what it made before: what is measured is not the EHR."""

import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from urllib.parse import urlsplit

from msgspec import json

from benchmarks.bodies import TODAY, Json, order, resources

PATIENT = "bench"
_PAGE = 500


def chart(number: int) -> list[Json]:
    """One patient's chart of so many resources, with a spine operation ordered."""
    planned = order(PATIENT) | {"status": "active", "authoredOn": TODAY.isoformat()}
    patient = {"resourceType": "Patient", "id": PATIENT, "birthDate": "1961-04-02", "name": [{"text": "Bench Mark"}]}
    return [patient, planned, *islice(resources(TODAY, PATIENT), number - 2)]


def serve(number: int, port: int) -> None:
    of_type: dict[str, list[Json]] = defaultdict(list)
    for resource in chart(number):
        of_type[resource["resourceType"]].append(resource)
    single = json.encode(of_type["Patient"][0])
    pages = {kind: _pages(kind, found) for kind, found in of_type.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            kind, _, one = parts.path.removeprefix("/fhir/").partition("/")
            page = int(parts.query.rpartition("page=")[2]) if "page=" in parts.query else 0
            body = single if one else pages.get(kind, _pages(kind, []))[page]
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def _pages(kind: str, found: list[Json]) -> list[bytes]:
    parts = [found[start : start + _PAGE] for start in range(0, len(found), _PAGE)] or [[]]
    return [_page(kind, part, len(found), number + 1 < len(parts), number + 1) for number, part in enumerate(parts)]


def _page(kind: str, part: list[Json], total: int, is_followed: bool, following: int) -> bytes:
    links = [{"relation": "next", "url": f"{kind}?page={following}"}] * is_followed
    entries = [{"resource": each, "search": {"mode": "match"}} for each in part]
    return json.encode({"resourceType": "Bundle", "type": "searchset", "total": total, "link": links, "entry": entries})


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
