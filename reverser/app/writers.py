"""The writers: each made, opened when its repository can be, and drained when all are.

A writer writes to the destination's repository, to a folder, only logs, or waits while it is suspended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec
import trio

from reverser.app.assembly import Assembly
from reverser.app.dropped_clones import REPOSITORIES
from reverser.errors import StalledError, TransientError
from reverser.git.repository import open_repository
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.attribution import Correction
from reverser.model.destination import Destination, folder_of
from reverser.model.journal import Journal
from reverser.model.push import Pushed
from reverser.unexpected_errors import BUG, bug
from reverser.writer.destination_context import AskLease, DestinationContext, ResolveType, always_leads
from reverser.writer.driver import READING, WRITING, Writer
from reverser.writer.folder_writer import FolderWriter, Known
from reverser.writer.observe_mode import ObservingWriter
from reverser.writer.suspended import TYPE as SUSPENDED
from reverser.writer.suspended import SuspendedWriter


class FolderTarget(msgspec.Struct, frozen=True):
    """A folder that takes the place of all repositories."""

    folder: Path
    known: Known
    """What a daemon's journal has on objects of a destination."""


AnyWriter: TypeAlias = Writer | ObservingWriter | FolderWriter | SuspendedWriter
Corrections: TypeAlias = Callable[[str], Awaitable[list[Correction]]]
"""The next corrections for a destination, as soon as there are any."""


class WriterFactory:
    """Makes the writers of one session; `to` is a folder that takes the place of all repositories."""

    def __init__(
        self,
        assembly: Assembly,
        journal: Journal,
        metrics: Metrics,
        health: Health,
        resolve: ResolveType,
        on_rebuilt: Callable[[str], None],
        to: FolderTarget | None = None,
        corrections: Corrections | None = None,
        holds_lease: AskLease = always_leads,
    ) -> None:
        self._corrections = corrections
        self._holds_lease = holds_lease
        self._assembly = assembly
        self._journal = journal
        self._metrics = metrics
        self._health = health
        self._resolve = resolve
        self._on_rebuilt = on_rebuilt
        self._to = to
        self.on_read: Callable[[str, str], None] | None = None
        """Is called besides the assembly's, in the same way."""

    def count_start(self, destination: Destination) -> None:
        """A writer of the destination begins, or begins anew."""
        self._metrics.count("writer_starts", destination=destination.name)

    def adopt(self, assembly: Assembly) -> None:
        """Writers that are made from now on are of this configuration."""
        self._assembly = assembly

    @asynccontextmanager
    async def writer(self, destination: Destination) -> AsyncIterator[AnyWriter]:
        """A writer whose repository is open for as long as the context lasts."""
        name, context = destination.name, self.context(destination)
        if self._to is not None:
            alone = len(self._assembly.destinations) == 1
            to = self._to.folder if alone else self._to.folder / folder_of(name)
            yield FolderWriter(context, to, self._to.known)
            return
        if destination.suspend:
            yield SuspendedWriter(context)
            return
        if destination.mode == "observe":
            yield ObservingWriter(context)
            return
        folder = Path(self._assembly.config.data_dir) / REPOSITORIES / folder_of(name)
        login, observer = self._assembly.login, self._observer(name)
        async with open_repository(folder, destination, observe=observer, login=login) as repository:
            yield Writer(context, repository)

    def context(
        self, destination: Destination, on_pushed: Callable[[Pushed], None] | None = None
    ) -> DestinationContext:
        """What the parts of a destination's writer share; `on_pushed` is called instead of the plugins."""
        hooks, corrections = self._assembly.hooks, self._corrections
        return DestinationContext(
            destination=destination,
            clusters=frozenset(self._assembly.clusters_of(destination.name)),
            journal=self._journal,
            metrics=self._metrics,
            health=self._health,
            messages=hooks,
            companions=hooks if hooks.has_companions else None,
            resolve_type=self._resolve,
            corrections=None if corrections is None else partial(corrections, destination.name),
            holds_lease=self._holds_lease,
            versions=self._assembly.config.leader is not None,
            on_rebuilt=partial(self._on_rebuilt, destination.name),
            on_read=self._tell_read,
            on_pushed=on_pushed or self._assembly.on_pushed,
        )

    def _tell_read(self, destination: str, head: str) -> None:
        for call in (self._assembly.on_read, self.on_read):
            if call is not None:
                call(destination, head)

    def _observer(self, destination: str) -> Callable[[str, float, bool], None]:
        def observe(operation: str, _seconds: float, ok: bool) -> None:
            result = "ok" if ok else "failed"
            name = "git_operations"
            self._metrics.count(name, destination=destination, operation=operation, result=result)

        return observe


OPEN_SECONDS = 10.0
"""Between two tries to open a repository."""


class RunningWriter:
    """The task of one destination's writer."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.again = False
        """Whether it is to begin anew once it has ended."""


class Writers:
    """One writer a destination. `ready` returns when the first commit of a destination may be made."""

    def __init__(
        self, factory: WriterFactory, health: Health, ready: Callable[[str], Awaitable[None]]
    ) -> None:
        self._factory = factory
        self._health = health
        self._ready = ready
        self._open: list[AnyWriter] = []
        self._draining = False
        self._running: dict[str, RunningWriter] = {}

    def begin(self, nursery: trio.Nursery, destinations: Iterable[Destination]) -> None:
        """Write these destinations, each in a task of the nursery."""
        self._nursery = nursery
        for destination in destinations:
            self._start(destination)

    async def end(self, names: Collection[str]) -> None:
        """End the writers of these destinations at once, as far as there are any."""
        ending = [self._running.pop(name) for name in [*self._running] if name in names]
        for each in ending:
            each.again = False
            each.scope.cancel()
        with trio.CancelScope(shield=True):  # nobody else may begin to write to their repositories before
            for each in ending:
                await each.ended.wait()

    def adopt(self, assembly: Assembly, changed: Collection[str]) -> None:
        """This configuration is in force: write those of its destinations that changed, and have ended."""
        self._factory.adopt(assembly)
        for destination in assembly.destinations:
            if destination.name in changed and destination.name not in self._running:
                self._start(destination)

    @property
    def running(self) -> Collection[str]:
        """Destinations that have a writer."""
        return self._running.keys()

    def restart(self, name: str) -> None:
        """Have the writer of a destination begin anew."""
        if name in self._running:
            self._running[name].again = True
            self._running[name].scope.cancel()

    def _start(self, destination: Destination) -> None:
        running = self._running[destination.name] = RunningWriter(destination)
        self._nursery.start_soon(self._keep_running, running)

    async def _keep_running(self, running: RunningWriter) -> None:
        try:
            while True:
                self._factory.count_start(running.destination)
                with running.scope:
                    await self.run(running.destination)
                if not running.again:
                    return
                running.again, running.scope = False, trio.CancelScope()
        finally:
            running.ended.set()

    def drain(self) -> None:
        """Have every writer end once the journal holds nothing more for it, those opened later too."""
        self._draining = True
        for writer in self._open:
            writer.drain()

    async def run(self, destination: Destination) -> None:
        """Write one destination; a repository that cannot be opened is reported and tried again."""
        subject = destination.subject
        if not destination.suspend:
            self._health.withdraw(subject, SUSPENDED)
        if destination.mode == "observe":
            # What failed when it was still written to is nobody's affair now.
            self._health.recovered(subject)
        while True:
            try:
                await self._write(destination)
            except (StalledError, TransientError) as error:
                self._health.failed(subject, error, step=READING)
            except Exception as error:
                # Of this destination, or of something in it: the others go on, and so does this one later.
                failure = StalledError(BUG, bug("destination", subject, error).message)
                self._health.failed(subject, failure, step=WRITING)
            else:
                return
            await trio.sleep(OPEN_SECONDS)

    async def _write(self, destination: Destination) -> None:
        async with self._factory.writer(destination) as writer:
            self._open.append(writer)
            if self._draining:
                writer.drain()
            try:
                await writer.run(lambda: self._ready(destination.name))
            finally:
                self._open.remove(writer)
