"""Statuses are written when they are due, once, and tried again when they fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import trio
import trio.testing

from reverser.custom_resources.api_types import GitRepoConfigStatus, StatusCondition
from reverser.custom_resources.conditions import worth_writing
from reverser.custom_resources.model import ObjectName, ObjectRef
from reverser.custom_resources.object_table import StoredStatus
from reverser.custom_resources.status_writer import StatusWriter, Wanted
from reverser.kube.client import Client
from reverser.kube.errors import ApiError, NotFound
from reverser.metrics import Metrics

REF = ObjectRef("GitRepoConfig", ObjectName("shop", "web"))


def status(reason: str, commits: int = 0) -> GitRepoConfigStatus:
    ready = StatusCondition("Ready", "True", reason, "m", "2026-01-01T00:00:00Z", 1)
    return GitRepoConfigStatus(observed_generation=1, conditions=(ready,), commits=commits)


class Server:
    """Takes status writes, or fails with what is next in `failures`."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.failures: list[Exception] = []
        self.stored: StoredStatus | None = None

    async def send(self, method: str, path: str, body: Any, *, params: Any, media_type: str) -> Any:
        await trio.lowlevel.checkpoint()
        assert (method, media_type) == ("PATCH", "application/apply-patch+yaml")
        assert path == "/apis/configbutler.ai/v1alpha1/namespaces/shop/gitrepoconfigs/web/status"
        assert params == {"fieldManager": "reverser", "force": "true"}
        if self.failures:
            raise self.failures.pop(0)
        self.bodies.append(body)
        return {"metadata": {"resourceVersion": str(100 + len(self.bodies))}}


@asynccontextmanager
async def writing(server: Server) -> AsyncIterator[StatusWriter]:
    writer = StatusWriter(lambda _: server.stored, worth_writing, Metrics())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run, cast("Client", server))
        yield writer
        nursery.cancel_scope.cancel()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await trio.sleep(1)


async def test_a_transition_is_written_once(autojump_clock: trio.testing.MockClock) -> None:
    """The whole of our status is applied, about the object of this uid; the same again is not written."""
    server = Server()
    async with writing(server) as writer:
        writer.want(REF, Wanted("u", status("BranchFound")))
        await until(lambda: len(server.bodies) == 1)
        writer.want(REF, Wanted("u", status("BranchFound")))
        writer.compare_all()
        await trio.sleep(1000)

    [body] = server.bodies
    assert body["metadata"] == {"name": "web", "namespace": "shop", "uid": "u"}
    assert body["status"]["conditions"][0]["reason"] == "BranchFound"


async def test_what_is_stored_already_is_not_written(autojump_clock: trio.testing.MockClock) -> None:
    """After a restart nothing is written while nothing changed."""
    server = Server()
    server.stored = StoredStatus(status("BranchFound"), "5")
    async with writing(server) as writer:
        writer.want(REF, Wanted("u", status("BranchFound")))
        await trio.sleep(1000)

    assert server.bodies == []


async def test_counts_wait_for_their_time(autojump_clock: trio.testing.MockClock) -> None:
    """A hundred pushes a minute make two writes."""
    server = Server()
    async with writing(server) as writer:
        for commits in range(100):
            writer.want(REF, Wanted("u", status("BranchFound", commits)))
            await trio.sleep(0.6)
        written = [body["status"].get("commits", 0) for body in server.bodies]
        await trio.sleep(60)

    assert len(written) in (2, 3)
    assert server.bodies[-1]["status"]["commits"] == 99


async def test_a_write_that_fails_is_tried_again(autojump_clock: trio.testing.MockClock) -> None:
    """An overloaded API server and a deleted object cost nothing but time."""
    server = Server()
    server.failures = [ApiError(500, "", "no"), NotFound(404, "NotFound", "gone"), RuntimeError("bug")]
    async with writing(server) as writer:
        writer.want(REF, Wanted("u", status("BranchFound")))
        await until(lambda: len(server.bodies) == 1)

    assert server.failures == []


async def test_what_somebody_else_wrote_is_corrected(autojump_clock: trio.testing.MockClock) -> None:
    """A later version in the API server counts more than what we wrote before."""
    server = Server()
    async with writing(server) as writer:
        writer.want(REF, Wanted("u", status("BranchFound")))
        await until(lambda: len(server.bodies) == 1)
        server.stored = StoredStatus(status("Nonsense"), "200")
        writer.compare_all()
        await until(lambda: len(server.bodies) == 2)

    assert server.bodies[1] == server.bodies[0]


async def test_an_object_made_anew_gets_a_status(autojump_clock: trio.testing.MockClock) -> None:
    """What was written to the former object of the same name does not count."""
    server = Server()
    async with writing(server) as writer:
        writer.want(REF, Wanted("u", status("BranchFound")))
        await until(lambda: len(server.bodies) == 1)
        writer.want(REF, Wanted("v", status("BranchFound")))
        await until(lambda: len(server.bodies) == 2)

    assert server.bodies[1]["metadata"]["uid"] == "v"
