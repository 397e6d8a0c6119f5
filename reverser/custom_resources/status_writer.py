"""Writes the status of custom resources: by server-side apply, with our own field manager, when it is due.

`worth_writing` says when: what changed for a person at once, counts now and then, and what did not change
never. A write that fails is tried again with pauses of its own; one that meets a newer spec or no object is
dropped, since the watch tells of the next state anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
import structlog
import trio

from reverser.backoff import Backoff
from reverser.custom_resources.api_types import GROUP, PLURALS, VERSION, AnyStatus
from reverser.custom_resources.model import ObjectRef
from reverser.custom_resources.object_table import StoredStatus
from reverser.errors import ReverserError
from reverser.kube.client import Client
from reverser.kube.errors import Conflict, NotFound
from reverser.kube.stream_health import api_backoff
from reverser.metrics import Metrics
from reverser.model.resource import number
from reverser.unexpected_errors import bug

log = structlog.get_logger()

MANAGER = "reverser"
AT_ONCE = 4
LOOK_SECONDS = 5.0
"""Between two looks at statuses whose time has not come."""


WorthWriting: TypeAlias = Callable[[AnyStatus | None, AnyStatus, float], bool]
"""(what is stored, what should be, seconds since the last write of the object) -> whether to write now."""


class Wanted(msgspec.Struct, frozen=True):
    """What an object's status should be."""

    uid: str
    """Of the object that it is about; another one of the same name gets a status of its own."""
    status: AnyStatus


class StatusWriter:
    """The statuses of all objects, as they are and as they should be."""

    def __init__(
        self,
        stored: Callable[[ObjectRef], StoredStatus | None],
        worth_writing: WorthWriting,
        metrics: Metrics,
    ) -> None:
        """`stored` says what the API server has, as far as the watch told."""
        self._stored = stored
        self._worth_writing = worth_writing
        self._metrics = metrics
        self._wanted: dict[ObjectRef, Wanted] = {}
        self._open = set[ObjectRef]()
        """Those that may differ from what the API server has."""
        self._written: dict[ObjectRef, StoredStatus] = {}
        self._written_at: dict[ObjectRef, float] = {}
        self._failing: dict[ObjectRef, tuple[Backoff, float]] = {}
        self._woken = trio.Event()

    def current(self, ref: ObjectRef) -> AnyStatus | None:
        """What the API server has now: what was written last, or what the watch told since."""
        written, stored = self._written.get(ref), self._stored(ref)
        if written is None or (stored is not None and _is_newer(stored, written)):
            return stored.status if stored else None
        return written.status

    def want(self, ref: ObjectRef, wanted: Wanted) -> None:
        """From now on this is the status of an object."""
        before = self._wanted.get(ref)
        if before is not None and before.uid != wanted.uid:
            self.forget(ref)
        self._wanted[ref] = wanted
        if before != wanted:
            self._open.add(ref)
            self._woken.set()

    def wanted(self, ref: ObjectRef) -> Wanted | None:
        """What it should be."""
        return self._wanted.get(ref)

    def forget(self, ref: ObjectRef) -> None:
        """There is no such object any more."""
        for known in (self._wanted, self._written, self._written_at, self._failing):
            known.pop(ref, None)
        self._open.discard(ref)

    def compare_all(self) -> None:
        """Somebody else may have changed a status: look at all of them."""
        self._open.update(self._wanted)
        self._woken.set()

    async def run(self, client: Client) -> None:
        """Write what is due until cancelled."""
        limiter = trio.CapacityLimiter(AT_ONCE)
        while True:
            self._woken = trio.Event()
            async with trio.open_nursery() as nursery:
                for ref in self._due():
                    nursery.start_soon(self._write, client, ref, limiter)
            if self._open:
                with trio.move_on_after(LOOK_SECONDS):
                    await self._woken.wait()
            else:
                await self._woken.wait()

    def _due(self) -> list[ObjectRef]:
        now, due = trio.current_time(), []
        for ref in [*self._open]:
            current, wanted = self.current(ref), self._wanted[ref].status
            since = now - self._written_at.get(ref, float("-inf"))
            if current == wanted:
                self._open.discard(ref)
            elif self._worth_writing(current, wanted, since) and self._may_try(ref, now):
                due.append(ref)
        return due

    def _may_try(self, ref: ObjectRef, now: float) -> bool:
        return ref not in self._failing or self._failing[ref][1] <= now

    async def _write(self, client: Client, ref: ObjectRef, limiter: trio.CapacityLimiter) -> None:
        async with limiter:
            wanted = self._wanted.get(ref)
            if wanted is None:
                return
            try:
                answer = await client.send(
                    "PATCH",
                    f"{path(ref)}/status",
                    document(ref, wanted),
                    params={"fieldManager": MANAGER, "force": "true"},
                    media_type="application/apply-patch+yaml",
                )
            except (NotFound, Conflict) as error:
                self._count("gone")
                self._later(ref, error)
            except ReverserError as error:
                self._count("failed")
                self._later(ref, error)
                log.warning(
                    "status cannot be written", kind=ref.kind, object=str(ref.name), error=error.message
                )
            except Exception as error:
                bug("status", f"{ref.kind} {ref.name}", error)
                self._later(ref, None)
            else:
                self._count("written")
                self._failing.pop(ref, None)
                version = str((answer.get("metadata") or {}).get("resourceVersion", ""))
                self._written[ref] = StoredStatus(wanted.status, version)
                self._written_at[ref] = trio.current_time()

    def _later(self, ref: ObjectRef, error: ReverserError | None) -> None:
        backoff = self._failing[ref][0] if ref in self._failing else api_backoff()
        pause = backoff.failed(error.retry_after if error else None)
        self._failing[ref] = backoff, trio.current_time() + pause

    def _count(self, result: str) -> None:
        self._metrics.count("status_writes", result=result)


def path(ref: ObjectRef) -> str:
    """The object's address."""
    scope = f"/namespaces/{quote(ref.name.namespace, safe='')}" if ref.name.namespace else ""
    return f"/apis/{GROUP}/{VERSION}{scope}/{PLURALS[ref.kind]}/{quote(ref.name.name, safe='')}"


def document(ref: ObjectRef, wanted: Wanted) -> dict[str, Any]:
    """What is applied: the whole of our status, so that what it has no more goes."""
    metadata = {"name": ref.name.name} | ({"namespace": ref.name.namespace} if ref.name.namespace else {})
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": ref.kind,
        "metadata": metadata | {"uid": wanted.uid},
        "status": msgspec.to_builtins(wanted.status),
    }


def _is_newer(stored: StoredStatus, written: StoredStatus) -> bool:
    """Whether the watch told of a later version than the one that was written."""
    watched, ours = number(stored.resource_version), number(written.resource_version)
    return watched is not None and ours is not None and watched > ours
