"""Runs the application on gunicorn: threads in few processes, everything loaded before they part."""

import gc
import socket
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from second_opinion.errors import SecondOpinionError

GRACE_SECONDS = 40  # to answer what has come and to write what is queued; then a worker is killed
THREADS = 16  # half of them may make pages of the app: the others are for cards
Step = Callable[[], None]


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


class _SharedLog(Logger):
    """gunicorn's own messages go where all others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def settle() -> None:
    """What is loaded by now stays: the collector need never look at it again (it costs most of a call's tail)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def run(
    app: Flask,
    host: str,
    port: int,
    workers: int,
    ready: Step,
    at_start: Iterable[Step] = (),
    at_stop: Iterable[Step] = (),
    threads: int = THREADS,
) -> None:
    """Serves until stopped, inside shared_folder; `ready` is called once the port is open.

    Raises SecondOpinionError if the port is taken.

    In each worker, `at_start` runs before its first call (threads begin there: none outlives a fork) and `at_stop`
    after its last answer, within ten seconds (queues are written out there).
    """
    check_port(host, port)
    starting, stopping = tuple(at_start), tuple(at_stop)
    _Server(
        app,
        {
            "bind": f"{bracketed(host)}:{port}",
            "workers": workers,
            "threads": threads,
            "worker_class": "plugin.worker.BufferedWorker",
            "preload_app": True,
            "loglevel": "warning",
            "logger_class": _SharedLog,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "when_ready": lambda server: ready(),
            "post_worker_init": lambda worker: _all(starting),
            "worker_exit": lambda server, worker: _all(stopping),
            "child_exit": lambda server, worker: _forget(worker.pid),
        },
    ).run()


def bracketed(host: str) -> str:
    """An IPv6 address as URLs write it."""
    return f"[{host}]" if ":" in host else host


def _all(steps: Iterable[Step]) -> None:
    for step in steps:
        step()


def _forget(worker: int) -> None:
    """A worker that is gone has no backlog."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker)


def check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = (
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: --port {port % 65535 + 1}"
            )
            raise SecondOpinionError(message) from None
