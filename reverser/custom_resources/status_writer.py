"""Writes the status of custom resources: by server-side apply, with our own field manager, when it is due.

`worth_writing` says when: what changed for a person at once, counts now and then, and what did not change
never. A write that fails is tried again with pauses of its own; one that meets a newer spec or no object is
dropped, since the watch tells of the next state anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        statuses: Callable[[], Mapping[ObjectRef, StoredStatus]],
        worth_writing: WorthWriting,
        metrics: Metrics,
    ) -> None:
        """`statuses` says what the API server has, as far as the watch told."""
        self._statuses = statuses
        self._worth_writing = worth_writing
        self._metrics = metrics
        self._wanted: dict[ObjectRef, Wanted] = {}
        self._written: dict[ObjectRef, StoredStatus] = {}
        self._written_at: dict[ObjectRef, float] = {}
        self._failing: dict[ObjectRef, tuple[Backoff, float]] = {}
        self._woken = trio.Event()

    def current(self, ref: ObjectRef, stored: StoredStatus | None) -> AnyStatus | None:
        """What the API server has now: what was written last, or what the watch told since."""
        written = self._written.get(ref)
        if written is None or (stored is not None and _is_newer(stored, written)):
            return stored.status if stored else None
        return written.status

    def want(self, wanted: Mapping[ObjectRef, Wanted]) -> None:
        """From now on these are the statuses of all objects that there are."""
        for known in (self._written, self._written_at, self._failing):
            for ref in [*known.keys() - wanted.keys()]:
                known.pop(ref)
        for ref, each in wanted.items():
            before = self._wanted.get(ref)
            if before is not None and before.uid != each.uid:
                self._written.pop(ref, None)
                self._written_at.pop(ref, None)
        self._wanted = dict(wanted)
        self._woken.set()

    async def run(self, client: Client) -> None:
        """Write what is due until cancelled."""
        limiter = trio.CapacityLimiter(AT_ONCE)
        while True:
            self._woken = trio.Event()
            due = self._due()
            async with trio.open_nursery() as nursery:
                for ref in due:
                    nursery.start_soon(self._write, client, ref, limiter)
            with trio.move_on_after(LOOK_SECONDS):
                await self._woken.wait()

    def _due(self) -> list[ObjectRef]:
        stored, now = self._statuses(), trio.current_time()
        return [
            ref
            for ref, wanted in self._wanted.items()
            if ref not in self._failing or self._failing[ref][1] <= now
            if self._worth_writing(
                self.current(ref, stored.get(ref)),
                wanted.status,
                now - self._written_at.get(ref, float("-inf")),
            )
        ]

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
