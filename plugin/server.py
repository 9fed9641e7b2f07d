"""Runs the application on gunicorn: threads in few processes, everything loaded before they part."""

import gc
import socket
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from second_opinion.errors import SecondOpinionError


class _Server(BaseApplication):
    """gunicorn with settings from here only, not from its command line."""

    def __init__(self, app: Flask, settings: dict[str, Any]) -> None:
        self.app = app
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        settle()
        return self.app


def settle() -> None:
    """What is loaded by now stays: the collector need never look at it again (it costs most of a call's tail)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def run(app: Flask, host: str, port: int, workers: int, ready: Callable[[], None]) -> None:
    """Serves until stopped; `ready` is called once the port is open. Raises SecondOpinionError if it is taken."""
    _check_port(host, port)
    _Server(
        app,
        {
            "bind": f"{bracketed(host)}:{port}",
            "workers": workers,
            "worker_class": "plugin.worker.BufferedWorker",
            "preload_app": True,
            "loglevel": "warning",
            "when_ready": lambda server: ready(),
        },
    ).run()


def bracketed(host: str) -> str:
    """An IPv6 address as URLs write it."""
    return f"[{host}]" if ":" in host else host


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = (
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: --port {port % 65535 + 1}"
            )
            raise SecondOpinionError(message) from None
