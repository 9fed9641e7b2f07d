"""A port for a server that a test starts in a process of its own, and that nobody else is given meanwhile."""

import socket


def free_port() -> int:
    """A connection on it has just ended: for a minute only who asks for it by its number gets it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            accepted, _ = listening.accept()
            accepted.close()  # who closes first waits: it must be this side
            client.recv(1)
        return int(listening.getsockname()[1])
