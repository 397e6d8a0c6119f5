"""Statuses answer the specs that were judged, and the requests that were carried out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import trio
import trio.testing

from reverser.custom_resources.activity import ActivityTracker
from reverser.custom_resources.api_types import RECONCILE_AT, AnyObject
from reverser.custom_resources.events import EventSender
from reverser.custom_resources.model import Compiled, ObjectName, Verdict
from reverser.custom_resources.object_table import StoredStatus, Unreadable
from reverser.custom_resources.statuses import START_SECONDS, Statuses
from reverser.kube.client import Client
from reverser.metrics import Metrics
from reverser.model.destination import Destination
from tests.cluster_states import config, ref_of, watch_rule


class Server:
    """Takes status writes."""

    def __init__(self) -> None:
        self.stored: StoredStatus | None = None
        self.written: list[dict[str, Any]] = []

    async def send(self, method: str, path: str, body: Any, **_: Any) -> Any:
        await trio.lowlevel.checkpoint()
        self.written.append(body["status"])
        return {"metadata": {"resourceVersion": str(100 + len(self.written))}}


class StatusWorld:
    """The statuses of a few objects, and what they depend on."""

    def __init__(self) -> None:
        self.server = Server()
        self.activity = ActivityTracker(lambda name: self.statuses.acted(name), lambda: 100.0)
        self.statuses = Statuses(lambda _: self.server.stored, self.activity, EventSender(), Metrics())

    def compiled(self, obj: AnyObject, verdict: Verdict, unreadable: Unreadable | None = None) -> None:
        """The verdict is about this object, which may be unreadable by now."""
        ref = ref_of(obj)
        self.statuses.compiled(
            Compiled(verdicts={ref: verdict}), {ref: obj}, {ref: unreadable} if unreadable else {}
        )

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The newest status that was written, once it is so."""
        with trio.fail_after(100):
            while not (self.server.written and condition(self.server.written[-1])):
                await trio.sleep(1)
        return self.server.written[-1]


@asynccontextmanager
async def statuses() -> AsyncIterator[StatusWorld]:
    world = StatusWorld()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.statuses.run, cast("Client", world.server))
        yield world
        nursery.cancel_scope.cancel()


def generation(obj: AnyObject, number: int, **annotations: str) -> Any:
    """The object as it is stored in this generation."""
    metadata = msgspec.structs.replace(
        obj.metadata, uid="u", generation=number, annotations=annotations or obj.metadata.annotations
    )
    return msgspec.structs.replace(obj, metadata=metadata)


async def test_a_verdict_is_shown_for_the_generation_that_was_judged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The generation is that of the object that was compiled, whatever has come since."""
    rule = watch_rule()
    async with statuses() as world:
        world.compiled(generation(rule, 3), Verdict(False, "Suspended", "suspended"))
        status = await world.until(bool)

    assert status["observedGeneration"] == 3
    assert {each["observedGeneration"] for each in status["conditions"]} == {3}


async def test_a_request_is_answered_after_the_look(autojump_clock: trio.testing.MockClock) -> None:
    """Whoever waits for lastHandledReconcileAt reads Ready as it is after the branch was read again."""
    target, works = config(), Verdict(True, "BranchFound", "")
    asking = generation(target, 1, **{RECONCILE_AT: "now"})
    async with statuses() as world:
        world.activity.follow([Destination(name="shop/repo", url=target.spec.repo_url)])
        world.activity.read("shop/repo", "a" * 40)
        world.compiled(generation(target, 1), works)
        await world.until(lambda status: status["conditions"][0]["status"] == "True")

        await trio.sleep(START_SECONDS + 1)
        world.statuses.compare_all()
        world.compiled(asking, works)
        assert [ref.name for ref, _ in world.statuses.requests()] == [ObjectName("shop", "repo")]
        world.activity.look_again("shop/repo")
        looking = await world.until(lambda status: status["conditions"][0]["status"] == "Unknown")
        world.activity.read("shop/repo", "b" * 40)
        answered = await world.until(lambda status: status["conditions"][0]["status"] == "True")

    assert not looking.get("lastHandledReconcileAt")
    assert answered["lastHandledReconcileAt"] == "now"
