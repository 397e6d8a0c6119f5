"""Ports for servers that tests start, and start again."""

from __future__ import annotations

import random
import socket

RANGE = range(12_000, 32_000)
"""Below those that the system gives to outgoing connections: one of these could take a server's port while
the server is killed and started again."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens at."""
    sockets = list[socket.socket]()
    for port in random.sample(RANGE, 1000):
        try:
            sockets.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        if len(sockets) == count:
            break
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    assert len(ports) == count
    return ports


def free_port() -> int:
    """One of them."""
    [port] = free_ports(1)
    return port
