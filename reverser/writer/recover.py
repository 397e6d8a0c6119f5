"""When the branch and the journal have lost each other: make each whole again from the other.

A journal that is new while the branch has our trailers was lost; one that is older than the branch
was restored from a backup. Then the files that are ours by the branch's history are taken over as records,
so that nothing is orphaned and nothing is committed twice. When the history was rewritten behind us,
what is ours and no longer in the tree is journaled once more, and lands as one commit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
import trio

from reverser.bugs import left_out
from reverser.errors import WithheldError
from reverser.model.change import Operation, Origin
from reverser.model.entry import Append, Edit, Entry, Mark, Record
from reverser.model.ports import Journal, Repository
from reverser.model.resource import ObjectKey, ResourceType
from reverser.stages import adopt
from reverser.stages.decision import digest
from reverser.stages.file_owner import Us, inside
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
        journal: Journal,
        repository: Repository,
        resolve: Resolve,
    ) -> None:
        self._name = name
        self._journal = journal
        self._repository = repository
        self._resolve = resolve

    async def rebuild_records(
        self,
        head: str,
        written: Mapping[str, str],
        pending: Sequence[Entry],
        *,
        trusted: bool,
        anew: bool = False,
    ) -> None:
        """Take files of `head` that are ours over as records; `written` is path -> cluster.

        `trusted`: the branch knows better than the journal, whose records it corrects. Else it only
        adds what the journal does not know: files that came back with a history that was rewritten.
        `anew`: so it is for objects with pending entries too; what lands of them is decided anew.
        """
        tree = await self._repository.tree(head) if head else {}
        ours = {path: cluster for path, cluster in written.items() if path in tree}
        found = await self._read_records(ours, {path: tree[path][1] for path in ours})
        dropped = _repeated(pending, {record.key for record in found}) if trusted else []
        left = {entry.seq for entry in dropped}
        waiting = {entry.key: entry for entry in pending if entry.seq not in left}
        known = await self._journal.records(self._name, [record.key for record in found])
        fresh = [r for r in found if r.key not in waiting and _fresh(r, known.get(r.key), trusted=trusted)]
        if anew:
            fresh += await self._awaited(waiting)
        held = waiting.keys() | {record.key for record in found}
        gone = await self._gone(tree, held) if trusted else []
        marks: dict[tuple[str, ObjectKey], Mark] = dict.fromkeys(gone, "absent")
        await self._journal.append(Append(records=fresh, dropped=sorted(left), relist=True, marks=marks))
        log.info("records rebuilt from the branch", destination=self._name, files=len(fresh))

    async def _awaited(self, waiting: Mapping[ObjectKey, Entry]) -> list[Record]:
        """The records that objects will have when their pending entries have landed.

        Their own tell of what came after these entries and was written nowhere. The next list mends them.
        """
        keys = [key for key, entry in waiting.items() if entry.edit.content is not None]
        known = await self._journal.records(self._name, keys)
        return [_standing(waiting[key], known.get(key)) for key in keys]

    async def _gone(
        self, tree: Mapping[str, tuple[str, str]], held: Collection[ObjectKey]
    ) -> list[tuple[str, ObjectKey]]:
        """Records whose file the branch does not have."""
        records = await self._journal.all_records(self._name)
        return [(self._name, r.key) for r in records if r.path not in tree and r.key not in held]

    async def _read_records(self, clusters: dict[str, str], blobs: dict[str, str]) -> list[Record]:
        contents = await self._repository.blobs(list(blobs.values()))
        records = []
        for path, cluster in clusters.items():
            content = contents[blobs[path]]
            # One thread a file: a large one takes seconds, and the loop has probes to answer.
            with left_out("file", path):
                document = await trio.to_thread.run_sync(_parsed, content, abandon_on_cancel=True)
                records.append(self._record(cluster, path, content, document))
        return [record for record in records if record is not None]

    def _record(self, cluster: str, path: str, content: bytes, document: Any) -> Record | None:
        """We wrote it, or somebody edited what we wrote: it is read whole, whatever its values look like."""
        try:
            metadata, kind = document["metadata"], document["kind"]
            group = document["apiVersion"].rpartition("/")[0]
            name, namespace = metadata["name"], metadata.get("namespace", "")
            stored = msgspec.json.encode(document)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            return None
        if not all(isinstance(part, str) for part in (group, kind, namespace, name)):
            return None
        resource = self._resolve(cluster, group, kind)
        if resource is None:
            return None
        key = ObjectKey(cluster, resource.group, resource.resource, namespace, name)
        return Record(self._name, key, path, digest(content, self._journal.key), stored)

    async def restore_files(
        self, head: str, pending: Iterable[Entry], us: Us, others: Mapping[str, str], now: float
    ) -> None:
        """Journal what is ours, in our folder, and no longer in the tree of `head`."""
        tree = await self._repository.tree(head) if head else {}
        waiting = {entry.key for entry in pending}
        records = [
            record
            for record in await self._journal.all_records(self._name)
            if inside(record.path, us.root)
            and not others.get(record.path)
            and not record.mark
            and record.digest  # without one the content is not known either
        ]
        blobs = {r.path: tree[r.path][1] for r in records if r.path in tree}
        contents = await self._repository.blobs(list(blobs.values()))
        missing = {
            record.key: record.digest
            for record in records
            if record.key not in waiting
            and digest(contents.get(blobs.get(record.path, ""), b""), self._journal.key) != record.digest
        }
        for start in range(0, len(missing), CHUNK):
            chunk = dict(itertools.islice(missing.items(), start, start + CHUNK))
            found = await self._journal.records(self._name, list(chunk))
            restored = []
            for record in found.values():
                with left_out("record", record.key):
                    restored.append((_restored(record, now), chunk[record.key]))
            # The intake may have written a newer one meanwhile, or none: its object has changed, or gone.
            await self._journal.append(Append(restored=restored))
        log.warning("the branch's history was rewritten", destination=self._name, restored=len(missing))


def _standing(entry: Entry, known: Record | None) -> Record:
    metadata = {"name": entry.key.name, "namespace": entry.key.namespace}
    least = {"apiVersion": entry.api_version, "kind": entry.kind, "metadata": metadata}
    record = known or Record(entry.destination, entry.key, "", b"", msgspec.json.encode(least))
    return msgspec.structs.replace(record, path=entry.edit.path, mark="anew")


def _repeated(pending: Sequence[Entry], found: Collection[ObjectKey]) -> list[Entry]:
    """Pending entries that a new list will bring again, compared with the file that is there."""
    live = {entry.key for entry in pending if entry.origin is not Origin.SNAPSHOT}
    return [entry for entry in pending if entry.key in found and entry.key not in live]


def _fresh(found: Record, known: Record | None, *, trusted: bool) -> bool:
    """Whether the file tells what the journal does not know; of an encrypted one that knows more."""
    return known is None or (trusted and (known.path, known.digest) != (found.path, found.digest))


def _parsed(content: bytes) -> Any:
    try:
        return adopt.parse(content)
    except WithheldError:
        return None


def _restored(record: Record, now: float) -> Entry:
    content = msgspec.json.decode(record.content)
    encrypted = b"" if record.sealed is None else record.sealed.content
    return Entry(
        destination=record.destination,
        key=record.key,
        api_version=content.get("apiVersion", ""),
        kind=content.get("kind", ""),
        operation=Operation.UPDATE,
        origin=Origin.SNAPSHOT,
        edit=Edit(record.path, encrypted or render(content)),
        changed_at=now,
        reason="restored after the branch's history was rewritten",
    )
