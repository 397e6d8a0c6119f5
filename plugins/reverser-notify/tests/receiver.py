"""A real HTTP server on a free port that answers by script and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import trio

Answer = tuple[int, dict[str, str]]
OK: Answer = (200, {})


class Received(msgspec.Struct):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Receiver:
    """Gives the answers of the script, then 200."""

    def __init__(self, script: Sequence[Answer]) -> None:
        self.script = list(script)
        self.received: list[Received] = []
        self.url = ""

    async def got(self, number: int) -> list[Received]:
        """The requests so far, once there are so many."""
        with trio.fail_after(20):
            while len(self.received) < number:
                await trio.sleep(0.01)
        return self.received


@contextmanager
def receiver(*script: Answer) -> Iterator[Receiver]:
    """Serve until the block ends."""
    made = Receiver(script)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.received.append(Received(self.command, self.path, headers, body))
            status, extra = made.script.pop(0) if made.script else OK
            self.send_response(status)
            for name, value in {**extra, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        do_POST = do_PUT = handle_any  # noqa: N815 - the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
