"""The two services that run on our server: the whole of ours, and the floor, which decodes the body and no more."""

import sys

import orjson
from flask import Flask, Response, request

from benchmarks.bodies import TODAY
from plugin.app import create_app
from plugin.server import run

_CARD = {"summary": "The floor", "indicator": "warning", "source": {"label": "The floor"}}


def ours(port: int) -> Flask:
    """As `serve` has it, but anybody may call: the peers do not check tokens, and what that costs is told apart."""
    return create_app(f"http://127.0.0.1:{port}", today=lambda: TODAY)


def floor(port: int) -> Flask:
    app = Flask("floor")

    @app.post("/")
    def parse() -> Response:
        call = orjson.loads(request.get_data(cache=False))
        cards = [_CARD] if call["hook"] == "order-sign" else []
        return Response(orjson.dumps({"cards": cards}), mimetype="application/json")

    return app


def main(name: str, port: int) -> None:
    run({"ours": ours, "floor": floor}[name](port), "127.0.0.1", port, workers=1, ready=lambda: None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
