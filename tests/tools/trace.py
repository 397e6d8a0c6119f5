"""Which modules of reverser run for one change, and for one admission call.

The daemon runs in this process, between the sandbox API and a bare repository, and every call of every
thread is recorded: while one Deployment is scaled, from the line of the watch to the pushed commit; and
while one AdmissionReview is answered, from the TLS connection to the fact. The sandbox is left out, and for
the change the HTTP server under it, too.
"""

from __future__ import annotations

import sqlite3
import ssl
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import msgspec
import trio

import reverser
from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.config import Webhook
from reverser.sandbox import Sandbox
from reverser.webhook.address import ADMISSION_PATH
from tests.golden.recorded import review_body
from tests.integration.running import BOUND_SECONDS, Running
from tests.ports import free_port

ROOT = Path(reverser.__file__).parent
LEFT_OUT = ("sandbox.", "app.withheld_conditions")
"""The last runs now and then, whatever changes."""
REVIEW = "deployment-update"
"""The recorded request that the admission webhook is called with."""
POLL_SECONDS = 0.05
QUIET_SECONDS = 1.0


class Trace:
    """Modules in the order in which they were first entered, and how often one called another."""

    def __init__(self, *left_out: str) -> None:
        """`left_out`: beginnings of the names of modules that do not count, besides `LEFT_OUT`."""
        self._left_out = (*LEFT_OUT, *left_out)
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
            name = self._names[code.co_filename] = _module(code.co_filename, self._left_out)
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
    return trio.run(_traced, _scale, Trace("http."))


def admitted() -> Trace:
    """One AdmissionReview, TLS connection to fact."""
    return trio.run(_traced, _review, Trace())


async def _traced(act: Callable[[Running, Trace], Awaitable[None]], trace: Trace) -> Trace:
    with tempfile.TemporaryDirectory() as folder, trace.installed():
        async with Sandbox.open() as sandbox:
            running = Running(Path(folder), sandbox)
            if act is _review:
                webhook = Webhook(bind=f"127.0.0.1:{free_port()}")
                running.config = msgspec.structs.replace(running.config, webhook=webhook)
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
        await _until(lambda: _acknowledged(running.journal))


async def _review(running: Running, trace: Trace) -> None:
    assert running.config.webhook is not None
    await running.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await running.sandbox.apply(_deployment(2))
    await _until(lambda: "replicas: 2" in running.show("shop/deployments.apps/web.yaml"))
    await _quiet(trace)
    bundle = SelfManaged(running.data / FOLDER, ()).ca_bundle().decode()
    url = f"https://{running.config.webhook.bind}{ADMISSION_PATH}"
    first, second = (review_body(REVIEW).replace(b'"uid":"', b'"uid":"' + each) for each in (b"1", b"2"))
    async with httpx.AsyncClient(verify=ssl.create_default_context(cadata=bundle)) as client:
        headers = {"Content-Type": "application/json"}
        await client.post(url, content=first, headers=headers)
        await _quiet(trace)
        with trace.recorded():
            answer = await client.post(url, content=second, headers=headers)
    assert answer.json()["response"]["allowed"]


async def _quiet(trace: Trace) -> None:
    """Wait until the snapshot is acknowledged, too: for a while nothing of the writer has run."""
    with trio.fail_after(BOUND_SECONDS):
        busy = True
        while busy:
            with trace.recorded():
                await trio.sleep(QUIET_SECONDS)
            busy = not trace.modules.keys().isdisjoint(("writer.driver", "git.process"))
            trace.forget()


def _acknowledged(journal: Path) -> bool:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM entries").fetchone() == (0,)


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


def _module(file: str, left_out: tuple[str, ...]) -> str:
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return ""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return "" if name.startswith(left_out) or name.endswith("__init__") else name


if __name__ == "__main__":
    trace = admitted() if sys.argv[1:] == ["admission"] else scaled()
    print(*trace.modules, sep="\n")
    print(f"{len(trace.modules)} modules, {len(trace.functions)} functions, {trace.hand_overs} hand-overs")
