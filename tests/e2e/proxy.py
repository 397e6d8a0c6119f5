"""A TCP proxy on loopback that can be cut, and made silent: what stands between a client and its server."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

CHUNK = 65536


class Proxy:
    """Forwards connections to one address while the context lasts."""

    def __init__(self, url: str) -> None:
        host, _, port = url.rpartition("//")[2].partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._passing = threading.Event()
        self._passing.set()
        self._cut = False

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._passing.set()
        self._listener.close()

    def kubeconfig(self, original: Path, path: Path) -> Path:
        """A kubeconfig like another one, whose requests go through here."""
        document: dict[str, Any] = json.loads(original.read_text())
        document["clusters"][0]["cluster"]["server"] = self.url
        path.write_text(json.dumps(document))
        return path

    def cut(self) -> None:
        """End every connection, and every new one at once."""
        self._cut = True
        for each in [*self._open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Take connections and data, and hand nothing on until `restore`."""
        self._passing.clear()

    def restore(self) -> None:
        """Forward again."""
        self._cut = False
        self._passing.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._cut:
                    client.close()
                    continue
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._target) as server:
            self._open |= {client, server}
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            self._copy(client, server)
            back.join()
            self._open -= {client, server}

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                self._passing.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
