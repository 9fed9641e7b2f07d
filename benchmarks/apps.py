"""The two services that run on our server: the whole of ours, and the floor, which decodes the body and no more."""

import logging
import sys
from pathlib import Path
from secrets import token_hex

import orjson
from flask import Flask, Response, request

from benchmarks.bodies import TODAY
from journal.journal import open_journal
from plugin.logs import log_to
from plugin.server import run
from plugin.shared_folder import shared_folder

_CARD = {"summary": "The floor", "indicator": "warning", "source": {"label": "The floor"}}


def ours(port: int, folder: Path) -> Flask:
    """As `serve` has it, with its journal and its log, but anybody may call.

    The peers check no tokens either; what that costs is told apart.
    """
    from plugin.app import create_app  # only now: its metrics meet in the folder

    log_to((folder / "log").open("w"), logging.INFO)
    journal = open_journal(f"sqlite:///{folder / 'journal.sqlite3'}", token_hex(32))
    return create_app(f"http://127.0.0.1:{port}", today=lambda: TODAY, journal=journal)


def floor(port: int, folder: Path) -> Flask:
    app = Flask("floor")

    @app.post("/")
    def parse() -> Response:
        call = orjson.loads(request.get_data(cache=False))
        cards = [_CARD] if call["hook"] == "order-sign" else []
        return Response(orjson.dumps({"cards": cards}), mimetype="application/json")

    return app


def main(name: str, port: int) -> None:
    with shared_folder() as folder:
        run({"ours": ours, "floor": floor}[name](port, folder), "127.0.0.1", port, workers=1, ready=lambda: None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
