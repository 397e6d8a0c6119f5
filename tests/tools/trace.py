"""Which modules of reverser run for one change, from the line of the watch to the pushed commit.

The daemon runs in this process, between the sandbox API and a bare repository, and every call of every
thread is looked at while one Deployment is scaled. The sandbox itself is left out, and the HTTP server
under it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import trio

import reverser
from reverser.sandbox import Sandbox
from tests.integration.running import BOUND_SECONDS, Running

ROOT = Path(reverser.__file__).parent
LEFT_OUT = ("sandbox.", "http.", "app.plugin_conditions")
"""The last runs now and then, whatever changes."""
POLL_SECONDS = 0.05
QUIET_SECONDS = 1.0


class Trace:
    """Modules in the order in which they were first entered, and how often one called another."""

    def __init__(self) -> None:
        self.modules: dict[str, None] = {}
        self.functions: set[tuple[str, str]] = set()
        self.hand_overs = 0
        self.recording = False
        self._last: dict[int, str] = {}
        self._names: dict[str, str] = {}

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Look at what is called inside."""
        self.recording = True
        try:
            yield
        finally:
            self.recording = False

    def forget(self) -> None:
        """Begin anew."""
        self.modules, self.functions, self.hand_overs = {}, set(), 0
        self._last = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Be asked about every call of this thread, and of those that start meanwhile."""
        threading.setprofile(self._called)
        sys.setprofile(self._called)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not self.recording:
            return
        code = frame.f_code
        name = self._names.get(code.co_filename)
        if name is None:
            name = self._names[code.co_filename] = _module(code.co_filename)
        if not name:
            return
        self.modules[name] = None
        self.functions.add((name, code.co_qualname))
        thread = threading.get_ident()
        if self._last.get(thread) != name:
            self.hand_overs += thread in self._last
            self._last[thread] = name


def scaled() -> Trace:
    """One scaled Deployment, watch line to pushed commit."""
    return trio.run(_traced, _scale)


async def _traced(act: Callable[[Running, Trace], Awaitable[None]]) -> Trace:
    trace = Trace()
    with tempfile.TemporaryDirectory() as folder, trace.installed():
        async with Sandbox.open() as sandbox:
            running = Running(Path(folder), sandbox)
            async with running.daemon():
                await act(running, trace)
    return trace


async def _scale(running: Running, trace: Trace) -> None:
    await running.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await running.sandbox.apply(_deployment(2))
    await _until(lambda: "replicas: 2" in running.show("shop/deployments.apps/web.yaml"))
    await _quiet(trace)
    with trace.recorded():
        await running.sandbox.apply(_deployment(5))
        await _until(lambda: "replicas: 5" in running.show("shop/deployments.apps/web.yaml"))


async def _quiet(trace: Trace) -> None:
    """Wait until the snapshot is acknowledged, too: for a while nothing of the writer has run."""
    with trio.fail_after(BOUND_SECONDS):
        busy = True
        while busy:
            with trace.recorded():
                await trio.sleep(QUIET_SECONDS)
            busy = not trace.modules.keys().isdisjoint(("writer.driver", "git.process"))
            trace.forget()


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(BOUND_SECONDS):
        while not condition():
            await trio.sleep(POLL_SECONDS)


def _deployment(replicas: int) -> dict[str, Any]:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx:1.29"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
    }


def _module(file: str) -> str:
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return ""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return "" if name.startswith(LEFT_OUT) or name.endswith("__init__") else name


if __name__ == "__main__":
    found = scaled()
    print(*found.modules, sep="\n")
    print(f"{len(found.modules)} modules, {len(found.functions)} functions, {found.hand_overs} hand-overs")
