"""Decides about large objects in a thread, so that the listeners answer meanwhile.

For an object of the largest size that an API server takes, a decision takes up to a second. One thread
handles one object after the other, and the caller waits for it, so the order of changes stays. Plugins are
still called in the main thread, where a call that takes too long can be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
import trio

from reverser.garbage_collector import uncollected
from reverser.intake.route import Hooks, Route
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType

T = TypeVar("T")

LARGE_BYTES = 64 * 1024
"""From here on a thread costs less than the wait: a few milliseconds of work."""


class WorkerThread:
    """The thread for large objects."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(1)

    async def run(self, size: int, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """What the function answers; `size` are the bytes of what it looks at."""
        call = partial(function, *arguments, **named)
        if size < LARGE_BYTES:
            return call()
        return await trio.to_thread.run_sync(uncollected, call, limiter=self._limiter)


def called_back(route: Route, resource: ResourceType, size: int) -> Route:
    """The route for a thread: what plugins have a say in is asked in the main thread."""
    if size < LARGE_BYTES:
        return route
    for rule in route.rules:
        rule.selects_type(resource)  # asks plugins at the first time, and remembers what they say

    def layout(key: ObjectKey, resource: ResourceType) -> str:
        return trio.from_thread.run_sync(route.layout, key, resource)

    return msgspec.structs.replace(route, layout=layout, hooks=_InMainThread(route.hooks))


class _InMainThread:
    """The hooks, asked from another thread."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self.foreign_layout = hooks.foreign_layout

    def exclude_type(self, resource: ResourceType) -> str:
        return trio.from_thread.run_sync(self._hooks.exclude_type, resource)

    def leave_out(
        self, key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
    ) -> str:
        return trio.from_thread.run_sync(self._hooks.leave_out, key, resource, labels, obj)

    def sanitize(
        self,
        key: ObjectKey,
        resource: ResourceType,
        content: dict[str, Any],
        destination: Destination,
        obj: Mapping[str, Any],
    ) -> dict[str, Any]:
        return trio.from_thread.run_sync(self._hooks.sanitize, key, resource, content, destination, obj)

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        return trio.from_thread.run_sync(self._hooks.layout, key, resource, destination)
