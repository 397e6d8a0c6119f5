"""Large objects that take long to decide about, written one after the other in a thread."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.servers import ControlPlane

CHARACTERS = 1_000_000
PAUSE_SECONDS = 1.0
"""Between two: the daemon is busy with them nearly all the time, and gets through."""
PARTS = ("secret=abc=", "-eyJhbGciOiJub25lIn0", "pwd: ", "a b ", "Zx9=")


@contextmanager
def hostile_writes(plane: ControlPlane) -> Iterator[None]:
    """Somebody writes such objects meanwhile."""
    path = "/api/v1/namespaces/default/configmaps"
    for number in range(len(PARTS)):
        plane.create(
            path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"hostile-{number}"}}
        )
    ended = threading.Event()

    def write() -> None:
        for revision in itertools.count():
            number = revision % len(PARTS)
            part = PARTS[number]
            text = part * (CHARACTERS // len(part)) + str(revision)
            headers = {"Content-Type": "application/merge-patch+json"}
            plane.http.patch(f"{path}/hostile-{number}", json={"data": {"text": text}}, headers=headers)
            if ended.wait(PAUSE_SECONDS):
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
