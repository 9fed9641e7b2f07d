"""WSGI servers side by side on one hook call of 200 KB: `python -m benchmarks.wsgi_servers` (granian if installed)."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from statistics import median
from threading import Thread

from flask import Flask

from benchmarks.bodies import order_sign
from plugin.logs import log_to
from plugin.server import _Server, run, settle
from plugin.shared_folder import shared_folder

TODAY = date(2026, 11, 22)
CALLS = 300  # a connection and round
ROUNDS = 5
THREADS = 8


def app() -> Flask:
    from plugin.app import create_app

    log_to(sys.stderr)
    return create_app("http://127.0.0.1", today=lambda: TODAY)


def ours(port: int) -> None:
    run(app(), "127.0.0.1", port, 1, lambda: None)


def gthread(port: int) -> None:
    bind = {"bind": f"127.0.0.1:{port}", "worker_class": "gthread", "threads": THREADS, "preload_app": True}
    _Server(app(), bind | {"loglevel": "warning", "control_socket_disable": True}).run()


def granian(port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    def load(_: object) -> Flask:
        loaded = app()
        settle()
        return loaded

    served = Granian("app", port=port, interface=Interfaces.WSGI, blocking_threads=THREADS, log_enabled=False)
    served.serve(target_loader=load)


SERVERS: dict[str, Callable[[int], None]] = {"ours": ours, "gthread": gthread, "granian": granian}


def call(port: int, request: bytes, times: list[float]) -> None:
    """Calls over one connection, one after the other."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        for _ in range(CALLS):
            start = time.perf_counter()
            connection.sendall(request)
            answer = b""
            while not (end := answer.find(b"\r\n\r\n") + 4) > 4 or len(answer) - end < length(answer):
                answer += connection.recv(1 << 16)
            times.append(time.perf_counter() - start)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(answer[:300])


def length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def cpu_of(parent: int) -> float:
    """CPU seconds that a process and its children have used."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)  # noqa: S603, S607
    pids = [parent, *map(int, listed.stdout.split())]
    ticks = [open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13] for pid in pids]
    return sum(int(each) for both in ticks for each in both) / os.sysconf("SC_CLK_TCK")


def round_of(name: str, connections: int, request: bytes) -> tuple[float, float, float]:
    """p50, p99 and CPU a call, in milliseconds."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.wsgi_servers", name, str(port)]
    with open(os.devnull, "w") as logs, subprocess.Popen(command, stderr=logs) as process:  # noqa: S603
        try:
            until_it_answers(port)
            call(port, request, [])
            times: list[float] = []
            before = cpu_of(process.pid)
            clients = [Thread(target=call, args=(port, request, times)) for _ in range(connections)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            cpu = (cpu_of(process.pid) - before) / len(times)
        finally:
            process.terminate()
    times.sort()
    return times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3, cpu * 1e3


def until_it_answers(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)


def main() -> None:
    body = order_sign(200_000, TODAY)
    head = "POST /cds-services/second-opinion-order-sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    names = [name for name in SERVERS if name != "granian" or importlib.util.find_spec("granian")]
    print(f"{'server':<8} {'connections':>11} {'p50':>7} {'p99':>7} {'CPU':>6}  (ms a call, median of {ROUNDS} rounds)")
    for connections in (1, 8):
        rounds = [{name: round_of(name, connections, request) for name in names} for _ in range(ROUNDS)]
        for name in names:
            p50, p99, cpu = (median(column) for column in zip(*(each[name] for each in rounds), strict=True))
            print(f"{name:<8} {connections:>11} {p50:>7.2f} {p99:>7.2f} {cpu:>6.2f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        with shared_folder():
            SERVERS[sys.argv[1]](int(sys.argv[2]))
    else:
        main()
