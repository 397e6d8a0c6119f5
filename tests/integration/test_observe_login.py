"""Logins and answers that hang: a caller hears of it, nothing piles up, and it heals by itself."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from reverser.errors import StalledError
from reverser.kube.client import Client
from reverser.kube.errors import Silent
from reverser.model.change import Stream
from tests.integration.observing import PATH, Observed, connected, hurry, scripted, until
from tests.integration.scripted import (
    Request,
    Scripted,
    document,
    event,
    groups,
    lines,
    status,
)

PLUGIN = """#!/bin/sh
echo $$ >> {folder}/runs
if [ -e {folder}/hang ] && [ $(wc -l < {folder}/runs) -gt 1 ]; then
    sleep 1000 &
    echo $! >> {folder}/children
    wait
fi
printf '{{"status": {{"token": "t%s"}}}}' $(wc -l < {folder}/runs)
"""


class Plugin:
    """A credential plugin whose first run answers at once; later ones hang while the file `hang` is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "plugin"
        self.path.write_text(PLUGIN.format(folder=folder))
        self.path.chmod(0o755)
        self.hang = folder / "hang"

    @property
    def exec(self) -> dict[str, str]:
        return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(self.path)}

    @property
    def runs(self) -> int:
        return len((self._folder / "runs").read_text().split())

    def alive(self) -> list[int]:
        """Processes of the runs that hung, and what they started."""
        found = []
        for name in ("runs", "children"):
            with suppress(FileNotFoundError):
                found += [int(pid) for pid in (self._folder / name).read_text().split()]
        return [pid for pid in found if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins, back-off and discovery in milliseconds."""
    monkeypatch.setattr("reverser.kube.credentials.LOGIN_SECONDS", 0.5, raising=False)
    hurry(monkeypatch)


@pytest.fixture
async def api(nursery: trio.Nursery) -> Scripted:
    server = await scripted(nursery)
    server.script["/version"] = [document({"gitVersion": "v1.34.4"})]
    server.script["/apis"] = [document(groups())]
    return server


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.fixture
async def client(api: Scripted, plugin: Plugin, tmp_path: Path) -> AsyncIterator[Client]:
    async with connected(api, tmp_path, exec=plugin.exec) as opened:
        yield opened


async def test_a_plugin_that_hangs_heals_by_itself(
    api: Scripted, plugin: Plugin, nursery: trio.Nursery, tmp_path: Path
) -> None:
    """Discovery meets an expired token and the plugin hangs: it is told, ended, and run until it answers."""
    expired = trio.Event()
    core = document(groups("configmaps"))

    async def guarded(request: Request) -> None:
        stale = expired.is_set() and request.headers["authorization"] == "Bearer t1"
        await (status(401, "Unauthorized") if stale else core)(request)

    api.script["/api"] = [guarded]
    api.script[PATH] = [lines(event("MODIFIED", "a", 8), then="end"), lines(event("MODIFIED", "a", 9))]

    async def position(_: Stream) -> str:
        return "7"

    observed = Observed(api.kubeconfig(tmp_path, exec=plugin.exec), position)
    observed.start(nursery)
    taken, told = observed.taken, observed.told
    await until(lambda: "live +a 8" in taken.texts)
    plugin.hang.touch()
    expired.set()
    observed.observer.poke()

    await until(lambda: "LoginTimedOut" in [getattr(error, "reason", "") for error in told.errors])
    await until(lambda: "live +a 9" in taken.texts)
    plugin.hang.unlink()
    rounds = told.calls.count("discovered")
    await until(lambda: told.calls.count("discovered") > rounds)

    await until(lambda: not plugin.alive())


async def test_who_waits_for_a_login_shares_its_failure(
    api: Scripted, plugin: Plugin, client: Client
) -> None:
    """Twenty requests that meet one 401 run a plugin that hangs once, and all of them hear of it."""
    plugin.hang.touch()
    asked = trio.Event()

    async def refuse(request: Request) -> None:
        if len(api.to("/thing")) == 20:
            asked.set()
        await asked.wait()
        await status(401, "Unauthorized")(request)

    api.script["/thing"] = [refuse]
    heard: list[StalledError] = []

    async def ask() -> None:
        try:
            await client.get("/thing")
        except StalledError as error:
            heard.append(error)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)

    assert {error.reason for error in heard} == {"LoginTimedOut"}
    assert len(heard) == 20
    assert plugin.runs == 2
    await until(lambda: not plugin.alive())


async def test_a_login_may_take_longer_than_an_answer(
    api: Scripted, plugin: Plugin, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow plugin is not cut short by the deadline of the request that needed it."""
    monkeypatch.setattr("reverser.kube.credentials.LOGIN_SECONDS", 30)
    plugin.path.write_text(plugin.path.read_text().replace("#!/bin/sh", "#!/bin/sh\nsleep 0.5"))
    monkeypatch.setattr("reverser.kube.client.REQUEST_SECONDS", 0.3)
    monkeypatch.setattr("reverser.kube.client.ANSWER_SECONDS", 0.3)

    async def guarded(request: Request) -> None:
        stale = request.headers["authorization"] == "Bearer t1"
        await (status(401, "Unauthorized") if stale else document({}))(request)

    api.script["/thing"] = [guarded]

    assert await client.get("/thing") == {}


@pytest.mark.parametrize("code", [200, 403])
async def test_an_answer_that_trickles_is_given_up(
    api: Scripted, client: Client, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A byte now and then keeps no request, and no refusal of a stream, waiting for ever."""
    monkeypatch.setattr("reverser.kube.client.REQUEST_SECONDS", 0.3)
    monkeypatch.setattr("reverser.kube.client.ANSWER_SECONDS", 0.3, raising=False)

    async def trickle(request: Request) -> None:
        await request.head(code, "Transfer-Encoding: chunked")
        while True:
            await request.write(" ")
            await trio.sleep(0.05)

    api.script["/thing"] = [trickle]
    with trio.fail_after(10):
        with pytest.raises(Silent):
            await client.get("/thing")
        if code != 200:
            with pytest.raises(Silent):
                async with client.stream("/thing", {}, silence_seconds=60):
                    pytest.fail("a stream began that was refused")
