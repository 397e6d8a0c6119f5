"""When the branch and the journal have lost each other: make each whole again from the other.

A journal that is new while the branch has our trailers was lost; one that is older than the branch
was restored from a backup. Then the files that our trailers vouch for are taken over as records, so
that nothing is orphaned and nothing is committed twice. When the history was rewritten behind us,
what is ours and no longer in the tree is journaled once more, and lands as one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
import structlog

from reverser.model.change import Operation, Origin
from reverser.model.entry import Append, Edit, Entry, Record
from reverser.model.ports import Journal, Landed, Repository
from reverser.model.resource import ObjectKey, ResourceType
from reverser.stages import adopt
from reverser.stages.decide import digest
from reverser.stages.manifest import identities
from reverser.stages.yaml import render

log = structlog.get_logger()

CHUNK = 500
Resolve = Callable[[str, str, str], ResourceType | None]
"""(cluster, group, kind) -> type, as far as it is served."""


class Recovery:
    """Rebuilds records from the branch, and the branch from records."""

    def __init__(
        self,
        name: str,
        clusters: Collection[str],
        journal: Journal,
        repository: Repository,
        resolve: Resolve,
    ) -> None:
        self._name = name
        self._clusters = clusters
        self._journal = journal
        self._repository = repository
        self._resolve = resolve

    def vouches(self, commit: Landed) -> bool:
        """Whether we, or a lost journal of ours, made this commit.

        Other daemons may write other clusters to the same branch: what is theirs would be missing
        from our cluster's lists, and we would sweep it away.
        """
        return bool(commit.entries) and commit.cluster in self._clusters

    async def rebuild_records(self, head: str, landed: Sequence[Landed]) -> None:
        """Take the files of `head` that our trailers vouch for over as records."""
        writers = {
            path: commit.cluster if self.vouches(commit) else None
            for commit in landed
            for path in commit.paths
        }
        tree = await self._repository.tree(head)
        ours = {path: cluster for path, cluster in writers.items() if cluster is not None and path in tree}
        records = await self._read_records(ours, {path: tree[path][1] for path in ours})
        known = await self._journal.records(self._name, [record.key for record in records])
        fresh = [record for record in records if record.key not in known]
        await self._journal.append(Append(records=fresh))
        log.info("records rebuilt from the branch", destination=self._name, files=len(fresh))

    async def _read_records(self, clusters: dict[str, str], blobs: dict[str, str]) -> list[Record]:
        contents = await self._repository.blobs(list(blobs.values()))
        records = (self._record(cluster, path, contents[blobs[path]]) for path, cluster in clusters.items())
        return [record for record in records if record is not None]

    def _record(self, cluster: str, path: str, content: bytes) -> Record | None:
        found = identities(content)
        if found is None or len(found) != 1 or found[0] is None:
            return None
        identity = found[0]
        resource = self._resolve(cluster, identity.group, identity.kind)
        if resource is None:
            return None
        key = ObjectKey(cluster, resource.group, resource.resource, identity.namespace, identity.name)
        stored = msgspec.json.encode(adopt.parse(content))
        return Record(self._name, key, path, digest(content, self._journal.key), stored)

    async def restore_files(self, head: str, pending: Iterable[Entry], now: float) -> None:
        """Journal what is ours and no longer in the tree of `head`."""
        tree = await self._repository.tree(head) if head else {}
        waiting = {entry.key for entry in pending}
        records = await self._journal.all_records(self._name)
        blobs = {r.path: tree[r.path][1] for r in records if r.path in tree}
        contents = await self._repository.blobs(list(blobs.values()))
        missing = [
            record.key
            for record in records
            if record.key not in waiting
            and digest(contents.get(blobs.get(record.path, ""), b""), self._journal.key) != record.digest
        ]
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            found = await self._journal.records(self._name, chunk)
            # The intake may have forgotten one meanwhile: its object is gone.
            entries = [_restored(found[key], now) for key in chunk if key in found]
            await self._journal.append(Append(entries=entries))
        log.warning("the branch's history was rewritten", destination=self._name, restored=len(missing))


def _restored(record: Record, now: float) -> Entry:
    content = msgspec.json.decode(record.content)
    return Entry(
        destination=record.destination,
        key=record.key,
        api_version=content.get("apiVersion", ""),
        kind=content.get("kind", ""),
        operation=Operation.UPDATE,
        origin=Origin.SNAPSHOT,
        edit=Edit(record.path, render(content)),
        changed_at=now,
        reason="restored after the branch's history was rewritten",
    )
