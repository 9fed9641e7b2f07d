"""An application served on loopback by threads of this process, so that a real browser can come."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, as it is called there
        """Nothing: addresses name patients and launches."""


class Site(ThreadingMixIn, WSGIServer):
    """Not werkzeug's own server: it leaves an answer's file open when the browser goes away in the middle."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers go away whenever they like; what an application does wrong shows in its answer."""


@contextmanager
def serving(site: Site, app: "WSGIApplication") -> Iterator[None]:
    site.set_app(app)
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        site.shutdown()
        thread.join()


@contextmanager
def served(app: "WSGIApplication") -> Iterator[str]:
    """Its address."""
    with Site() as site, serving(site, app):
        yield site.address
