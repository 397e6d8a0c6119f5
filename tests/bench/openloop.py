"""`python -m tests.bench.openloop PORT CA RATE SECONDS`: reviews at a fixed rate, latencies as JSON.

A process of its own, so that it does not slow down what it measures. Open loop: a request is due
at its time, whether the ones before are answered or not, and its latency counts from then. So a
listener that stalls pays for everything that would have arrived meanwhile. Connections are kept,
as an API server keeps them; a request that finds none idle waits for one.
"""

from __future__ import annotations

import itertools
import json
import select
import socket
import ssl
import sys
import time
from collections import deque

from tests.bench.reviews import body, template

CONNECTIONS = 25
"""As many as an API server keeps idle for one webhook."""
WARM_UP_SECONDS = 2.0
"""Of load before the first request that counts."""
SEND_SECONDS = 10.0
HEAD = (
    b"POST /process-validating-webhook?timeout=2s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    b"User-Agent: kube-apiserver-admission\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)


class Load:
    """Requests that are due, and the connections that carry them."""

    def __init__(self, port: int, ca: str) -> None:
        context = ssl.create_default_context(cafile=ca)
        self._streams = {
            stream.fileno(): stream for stream in (_connected(port, context) for _ in range(CONNECTIONS))
        }
        self._idle = deque(self._streams)
        self._asked: dict[int, tuple[float, bytes]] = {}
        self._poll = select.epoll()
        for number in self._streams:
            self._poll.register(number, select.EPOLLIN)
        self._template, self._numbers = template(), itertools.count()
        self.latencies: list[float] = []
        """Seconds, of the last run."""

    def run(self, rate: int, seconds: float) -> None:
        """Ask `rate` times a second, for so long."""
        count, sent = int(rate * seconds), 0
        began = time.perf_counter()
        self.latencies.clear()
        while len(self.latencies) < count:
            due = began + sent / rate
            while sent < count and self._idle and due <= time.perf_counter():
                self._ask(due)
                sent += 1
                due = began + sent / rate
            wait = due - time.perf_counter() if sent < count and self._idle else 1.0
            for number, _ in self._poll.poll(max(0.0, wait)):
                self._hear(number)

    def _ask(self, due: float) -> None:
        number, content = self._idle.popleft(), body(next(self._numbers), self._template)
        self._asked[number] = (due, b"")
        self._streams[number].settimeout(SEND_SECONDS)
        self._streams[number].sendall(HEAD % len(content) + content)

    def _hear(self, number: int) -> None:
        self._streams[number].settimeout(0)
        try:
            part = self._streams[number].recv(65536)
        except ssl.SSLWantReadError:
            return  # a part of a record, or a session ticket
        due, text = self._asked[number]
        text += part
        assert part, f"closed after {text!r}"
        self._asked[number] = (due, text)
        head, end, content = text.partition(b"\r\n\r\n")
        if end and content.endswith(b"}}"):
            assert head.startswith(b"HTTP/1.1 200"), head
            assert b'"allowed":true' in content
            self.latencies.append(time.perf_counter() - due)
            self._idle.append(number)


def _connected(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def main() -> None:
    """Measure what the arguments say."""
    port, ca, rate, seconds = sys.argv[1:]
    load = Load(int(port), ca)
    load.run(int(rate), WARM_UP_SECONDS)
    load.run(int(rate), float(seconds))
    json.dump(load.latencies, sys.stdout)


main()
