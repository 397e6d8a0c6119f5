"""A writer between a journal and a remote."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import trio

from reverser.git.repository import open_repository
from reverser.health import Health
from reverser.journal.sqlite import open_journal
from reverser.manifest.emitter import render
from reverser.model.change import Operation, Origin
from reverser.model.condition import Condition
from reverser.model.destination import Destination, Signing
from reverser.model.entry import Append, Edit, Entry, Record, digest
from reverser.model.journal import Journal
from reverser.model.repository import Repository
from reverser.model.resource import ObjectKey
from reverser.writer.driver import Writer
from tests.integration.gitserver import GitServer, git
from tests.integration.gitsupport import destination
from tests.writing import context

BOUND_SECONDS = 60


class World:
    """The journal, the remote and the local repository."""

    def __init__(
        self, journal: Journal, remote: GitServer, repository: Repository, there: Destination
    ) -> None:
        self.journal = journal
        self.remote = remote
        self.there = there
        self.repository = repository
        self.told: list[Condition] = []
        self.health = Health(self.told.append)
        self.ended = trio.Event()
        """Set once a writer has ended by itself."""

    async def change(self, name: str, value: str) -> None:
        """A ConfigMap is journaled."""
        content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value}}
        key = ObjectKey("default", "", "configmaps", "", name)
        rendered, path = render(content), f"{name}.yaml"
        known = await self.journal.records("live", [key])
        operation = Operation.UPDATE if known else Operation.CREATE
        entry = Entry(
            *("live", key, "v1", "ConfigMap", operation, Origin.LIVE, Edit(path, rendered), time.time())
        )
        stored = str(content).replace("'", '"').encode()
        record = Record("live", key, path, digest(rendered, self.journal.key), stored)
        await self.journal.append(Append(entries=[entry], records=[record]))

    async def landed(self) -> None:
        """Return when nothing is pending."""
        while (await self.journal.backlog("live")).entries:
            await trio.sleep(0.01)

    async def theirs(self, name: str, content: str) -> None:
        """Somebody else's commit of one file lands; one that loses a race is made again."""
        while not await trio.to_thread.run_sync(self._theirs, name, content):
            pass

    def _theirs(self, name: str, content: str) -> bool:
        bare, head = self.remote.bare, self.remote.head
        blob = git(bare, "hash-object", "-w", "--stdin", stdin=content.encode())
        rows = [row for row in git(bare, "ls-tree", head).splitlines() if not row.endswith(f"\t{name}")]
        tree = git(bare, "mktree", stdin="\n".join([*rows, f"100644 blob {blob}\t{name}", ""]).encode())
        made = git(bare, "commit-tree", "-p", head, "-m", f"their {name}", tree)
        with suppress(AssertionError):
            git(bare, "update-ref", "refs/heads/main", made, head)
            return True
        return False

    def shown(self) -> dict[str, str]:
        """Every file of the branch."""
        if not self.remote.head:
            return {}
        paths = git(self.remote.bare, "ls-tree", "-r", "--name-only", "main").splitlines()
        return {path: git(self.remote.bare, "show", f"main:{path}") for path in paths}

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when something is so."""
        while not holds():
            await trio.sleep(0.01)

    @asynccontextmanager
    async def writing(self, window: str = "0s", **fields: Any) -> AsyncIterator[None]:
        """A writer works meanwhile; `fields` are of its context."""
        there = msgspec.structs.replace(self.there, window=window)
        writer = Writer(context(self.journal, there, health=self.health, **fields), self.repository)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run, writer)
            yield
            nursery.cancel_scope.cancel()

    async def _run(self, writer: Writer) -> None:
        await writer.run(trio.lowlevel.checkpoint)
        self.ended.set()


@asynccontextmanager
async def world(folder: Path, signing: Signing | None = None, **settings: Any) -> AsyncIterator[World]:
    """All of it, for a bounded time; `settings` are of the destination."""
    remote = GitServer(folder)
    there = msgspec.structs.replace(destination(remote.file_url), signing=signing, **settings)
    with trio.fail_after(BOUND_SECONDS):
        async with (
            open_journal(folder) as journal,
            open_repository(folder / "ours", there) as repository,
        ):
            yield World(journal, remote, repository, there)
