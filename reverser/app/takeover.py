"""Takes over from former leaders by their checkpoint, and writes one for those that come after.

Whoever leads names its journal in the checkpoint first. A journal that the checkpoint does not name has
missed what others did since: it begins anew, with the positions of the checkpoint. Without a checkpoint that
can be read nobody knows who led since, so a journal that has led before begins anew, with nothing. While it
leads, a process writes how far all is pushed, and once more at the end. A conflict has it read the checkpoint
again: one of another journal means that it was replaced, and it writes no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator

import msgspec
import structlog
import trio

from reverser.app.assembly import Assembly
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.kube.errors import Conflict
from reverser.kube.stream_health import api_backoff
from reverser.kube.type_catalog import TypeCatalog
from reverser.leader.checkpoint import Checkpoint, beginning, lasting_settings
from reverser.leader.checkpoint_store import CheckpointStore
from reverser.leader.watermarks import Watermarks
from reverser.model.journal import RESUME, Journal, Standing

log = structlog.get_logger()

LOOK_SECONDS = 1.0
WRITE_SECONDS = 5.0
"""Between two writes after pushes."""
POSITIONS_SECONDS = 30.0
"""Between two writes when nothing but positions has changed: our own write moves one of them."""
HINT = "allow get, create, update and delete of ConfigMaps in our namespace"
STRANGERS_SECONDS = 60.0
"""So long after a term has begun custom resources may name more destinations."""
RESUME_SECONDS = 120.0
"""So long after a term has begun the former leader's checkpoint may stay."""
LED = "led"
"""A setting of the journal: it has been a leader's, and others may have led since."""
LAST_SECONDS = 2.0
"""How long the last write may take."""


class Targets:
    """Where the changes of a stream go, by the configuration in force."""

    def __init__(self, assembly: Callable[[], Assembly | None], catalog: TypeCatalog) -> None:
        self._in_force = assembly
        self._catalog = catalog
        self._assembly: Assembly | None = None
        self._known: dict[str, frozenset[str]] = {}
        self._began = trio.current_time()

    def of(self, stream: str) -> frozenset[str]:
        """Names of the destinations that a stream leads to, by its id."""
        if self._in_force() is not self._assembly:
            self._assembly, self._known = self._in_force(), {}
        if stream not in self._known:
            self._known[stream] = frozenset(self._destinations_of(stream))
        return self._known[stream]

    def strangers(self, pending: Collection[str]) -> Collection[str]:
        """Those of the destinations that no configuration has named yet: it may still be read."""
        assembly = self._in_force()
        if assembly is None or trio.current_time() > self._began + STRANGERS_SECONDS:
            return ()
        return {*pending} - {each.name for each in assembly.destinations}

    def _destinations_of(self, stream: str) -> Iterator[str]:
        cluster, type_name, _ = stream.split("/", 2)
        types = [each for each in self._catalog.of(cluster).types if each.name == type_name]
        for route in self._assembly.routes.get(cluster, ()) if self._assembly is not None else ():
            if not types or any(map(route.wants_type, types)):
                yield route.destination.name


class Takeover:
    """The checkpoint, as the process sees it that leads."""

    def __init__(
        self,
        store: CheckpointStore | None,
        journal: Journal,
        targets: Targets,
        confirm: Callable[[], Awaitable[bool]],
        on_error: Callable[[ReverserError | None], None],
    ) -> None:
        """Without `store` this process is alone, and does nothing of it.

        `confirm` asks whether this process leads; `on_error` gets what keeps the checkpoint from being read
        or written, and None once that works.
        """
        self._confirm = confirm
        self._on_error = on_error
        self._targets = targets
        self._store = store
        self._journal = journal
        self._watermarks = Watermarks(targets.of)
        self._written = Checkpoint()
        self._written_at = 0.0
        self._began = trio.current_time()
        self._replaced = False
        self._logged = ""

    async def begin(self) -> None:
        """Bring the journal into line with what former leaders have done.

        Waits for an API server, or a journal, that cannot be used now.
        """
        backoff = api_backoff()
        while self._store is not None:
            try:
                await self._begin()
            except (TransientError, StalledError) as error:
                if self._is_new(error):
                    log.warning(
                        "checkpoint cannot be used, nothing is observed yet",
                        error=error.message,
                        hint=error.hint or HINT,
                    )
                self._on_error(error)
                await trio.sleep(min(1.0, backoff.failed(error.retry_after)))
            else:
                return

    async def _begin(self) -> None:
        assert self._store is not None
        stored = await self._store.read()
        if not await self._confirm():
            raise TransientError("another replica may lead by now")
        if stored is None:
            if await self._journal.get_setting(LED):
                await self._journal.begin_anew({}, {})
                log.warning("no checkpoint can be read, the journal begins anew and everything is listed")
        elif not self._journal.is_own(stored.journal):
            await self._journal.begin_anew(stored.positions, beginning(stored))
            log.info(
                "taking over from the journal of another replica",
                former=stored.journal,
                streams=len(stored.positions),
                destinations=sorted(stored.heads),
            )
        await self._journal.set_setting(LED, "true")
        await self._write(msgspec.structs.replace(stored or Checkpoint(), journal=self._journal.id))

    async def keep(self) -> None:
        """Write how far all is pushed, until cancelled, and once more then."""
        if self._store is None:
            return
        try:
            while not self._replaced:
                await trio.sleep(LOOK_SECONDS)
                await self._save(last=False)
        finally:
            with trio.move_on_after(LAST_SECONDS, shield=True):
                await self._save(last=True)

    async def _save(self, *, last: bool) -> None:
        try:
            standing = await self._journal.standing()
            if self._is_resuming(standing):
                return  # what the former leader has written tells more
            checkpoint = await self._checkpoint(standing)
            if not self._replaced and checkpoint != self._written and (last or self._is_due(checkpoint)):
                await self._write_again(checkpoint)
        except Conflict:
            self._replaced = True
            log.warning("checkpoint was written by another replica, this one writes no more")
        except (TransientError, StalledError) as error:
            if self._is_new(error):
                log.warning("checkpoint cannot be written", error=error.message, hint=error.hint or HINT)
            self._on_error(error)

    async def _write_again(self, checkpoint: Checkpoint) -> None:
        """Write. A conflict may be of a write of ours whose answer was lost, or of somebody's label.

        Raises Conflict when another replica has written.
        """
        assert self._store is not None
        try:
            await self._write(checkpoint)
        except Conflict:
            stored = await self._store.read()
            is_ours = await self._confirm() if stored is None else stored.journal == self._journal.id
            if not is_ours:
                raise
            await self._write(checkpoint)

    def _is_resuming(self, standing: Standing) -> bool:
        """Whether branches are still to be read; not for ever, as a destination may be no more."""
        waiting = any(text and name.startswith(RESUME) for name, text in standing.settings.items())
        return waiting and trio.current_time() < self._began + RESUME_SECONDS

    async def _checkpoint(self, standing: Standing) -> Checkpoint:
        positions, heads = self._watermarks.pushed(standing, self._targets.strangers(standing.oldest))
        sealed = self._written.sealed
        if heads != self._written.heads:
            sealed = await self._journal.sealed()
        lost = await self._journal.selected_by_lost_labels() if positions else set()
        types = {f"{cluster}/{name}" for cluster, name in lost}
        positions = {
            stream: both for stream, both in positions.items() if stream.rpartition("/")[0] not in types
        }
        return Checkpoint(self._journal.id, positions, heads, lasting_settings(standing.settings), sealed)

    def _is_due(self, checkpoint: Checkpoint) -> bool:
        if checkpoint.positions.keys() - self._written.positions.keys():
            return True
        only_positions = (
            msgspec.structs.replace(checkpoint, positions=self._written.positions) == self._written
        )
        return trio.current_time() >= self._written_at + (
            POSITIONS_SECONDS if only_positions else WRITE_SECONDS
        )

    async def _write(self, checkpoint: Checkpoint) -> None:
        assert self._store is not None
        await self._store.write(checkpoint)
        self._written, self._written_at, self._logged = checkpoint, trio.current_time(), ""
        self._on_error(None)

    def _is_new(self, error: ReverserError) -> bool:
        """Whether a failure is another one than the last."""
        is_new, self._logged = error.message != self._logged, error.message
        return is_new
