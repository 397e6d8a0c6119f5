"""Repairs the journal from the branch, and the branch from the journal.

The journal was lost when it is new and the branch has our trailers; it was restored from a backup when it is
older than the branch. Then the files that are ours by the branch's history become records, so that no file is
orphaned and nothing is committed twice. When the history was rewritten, files of ours that are missing in the
tree are journaled again and come back in one commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import structlog
import trio

from reverser.errors import WithheldError
from reverser.manifest import editor
from reverser.manifest.emitter import render
from reverser.model.change import Operation, Origin
from reverser.model.entry import UNSEEN, Append, Edit, Entry, Mark, Record, Sealed, digest, is_sealed
from reverser.model.repository import Repository
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import left_out
from reverser.writer.destination_context import DestinationContext
from reverser.writer.file_owner import DaemonIdentity, inside
from reverser.writer.read_in_parts import contents, records, turns
from reverser.writer.resumption import Resumed, recognized

log = structlog.get_logger()

CHUNK = 500
PARSED_BYTES = 64 * 1024
"""Of files that are read by one thread: some tens of milliseconds."""


class Recovery:
    """Rebuilds records from the branch, and the branch from records."""

    def __init__(self, context: DestinationContext, repository: Repository) -> None:
        self._name = context.name
        self._journal = context.journal
        self._repository = repository
        self._resolve = context.resolve_type

    async def rebuild_records(
        self,
        head: str,
        written: Mapping[str, str],
        pending: Sequence[Entry],
        *,
        trusted: bool,
        anew: bool = False,
        resumed: Resumed | None = None,
    ) -> None:
        """Take files of `head` that are ours over as records; `written` is path -> cluster.

        `trusted`: the branch knows better than the journal, whose records it corrects. Else it only
        adds what the journal does not know: files that came back with a history that was rewritten.
        `resumed`: streams go on from a checkpoint, and none has to list again.
        `anew`: so it is for objects with pending entries too; what lands of them is decided anew.
        """
        tree = await self._repository.tree(head) if head else {}
        ours = {path: cluster for path, cluster in written.items() if path in tree}
        blobs = {path: tree[path][1] for path in ours}
        waiting, held, files, last = _grouped(pending), set[ObjectKey](), 0, Append()
        for turn in await turns(self._repository, blobs):
            read = await self._read_records(ours, await contents(self._repository, blobs, turn))
            read = [recognized(record, resumed) for record in read]
            held |= {record.key for record in read}
            dropped = _take_repeated(waiting, read) if trusted else []
            known = await self._journal.records(self._name, [record.key for record in read])
            fresh = [
                r for r in read if r.key not in waiting and _is_news(r, known.get(r.key), trusted=trusted)
            ]
            if fresh or dropped:
                # The last is kept for the end: should we be killed before, the journal still lacks a file.
                await self._journal.append(last)
                last, files = Append(records=fresh, dropped=dropped), files + len(fresh)
        if anew:
            files += await self._record_pending(waiting)
        absent = await self._without_file(tree, waiting.keys() | held) if trusted else []
        marks: dict[tuple[str, ObjectKey], Mark] = dict.fromkeys(absent, "absent")
        await self._journal.append(msgspec.structs.replace(last, relist=resumed is None, marks=marks))
        log.info("journal records rebuilt from the branch", destination=self._name, files=files)

    async def _record_pending(self, waiting: Mapping[ObjectKey, Sequence[Entry]]) -> int:
        """Store for pending entries the records that objects will have after them; returns how many.

        Their present records may describe later changes that were never written. The next list corrects them.
        """
        keys = [key for key, entries in waiting.items() if entries[-1].edit.content is not None]
        for start in range(0, len(keys), CHUNK):
            chunk = keys[start : start + CHUNK]
            known = await self._journal.records(self._name, chunk)
            records = [_record_after(waiting[key][-1], known.get(key)) for key in chunk]
            await self._journal.append(Append(records=records))
        return len(keys)

    async def _without_file(
        self, tree: Mapping[str, tuple[str, str]], held: Collection[ObjectKey]
    ) -> list[tuple[str, ObjectKey]]:
        """Records whose file the branch does not have."""
        absent = list[tuple[str, ObjectKey]]()
        async for part in records(self._journal, self._name):
            absent += [(self._name, r.key) for r in part if r.path not in tree and r.key not in held]
        return absent

    async def _read_records(self, clusters: Mapping[str, str], files: Mapping[str, bytes]) -> list[Record]:
        records = []
        for paths in _read_together(files):
            # In a thread: a large one takes seconds, and the loop has probes to answer.
            contents = [files[path] for path in paths]
            documents = await trio.to_thread.run_sync(_parsed, contents, abandon_on_cancel=True)
            for path, document in zip(paths, documents, strict=True):
                with left_out("file", path):
                    if isinstance(document, Exception):
                        raise document
                    records.append(self._record(clusters[path], path, files[path], document))
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
        sealed = Sealed(b"", content) if is_sealed(document) else None
        return Record(
            self._name, key, path, digest(content, self._journal.key), stored, sealed, latest=UNSEEN
        )

    async def restore_files(
        self, head: str, pending: Iterable[Entry], us: DaemonIdentity, others: Mapping[str, str], now: float
    ) -> None:
        """Journal what is ours, in our folder, and no longer in the tree of `head`."""
        tree = await self._repository.tree(head) if head else {}
        waiting, restored = {entry.key for entry in pending}, 0
        async for part in records(self._journal, self._name):
            ours = [
                record
                for record in part
                if inside(record.path, us.root)
                and not others.get(record.path)
                and not record.mark
                and record.digest  # without one the content is not known either
            ]
            there = await self._digests({r.path: tree[r.path][1] for r in ours if r.path in tree})
            missing = {
                record.key: record.digest
                for record in ours
                if record.key not in waiting and there.get(record.path) != record.digest
            }
            if missing:
                await self._restore(missing, now)
                restored += len(missing)
        log.warning("branch history was rewritten", destination=self._name, restored=restored)

    async def _digests(self, blobs: Mapping[str, str]) -> dict[str, bytes]:
        """path -> digest of the file's content; `blobs` is path -> blob."""
        digests = dict[str, bytes]()
        for turn in await turns(self._repository, blobs):
            files = await contents(self._repository, blobs, turn)
            digests |= {path: digest(content, self._journal.key) for path, content in files.items()}
        return digests

    async def _restore(self, missing: Mapping[ObjectKey, bytes], now: float) -> None:
        """Journal these records' files once more; `missing` is key -> digest."""
        restored = []
        for record in (await self._journal.records(self._name, list(missing))).values():
            with left_out("record", record.key):
                restored.append((_restoring_entry(record, now), missing[record.key]))
        # The intake may have written a newer one meanwhile, or none: its object has changed, or gone.
        await self._journal.append(Append(restored=restored))


def _record_after(entry: Entry, known: Record | None) -> Record:
    metadata = {"name": entry.key.name, "namespace": entry.key.namespace}
    least = {"apiVersion": entry.api_version, "kind": entry.kind, "metadata": metadata}
    record = known or Record(entry.destination, entry.key, "", b"", msgspec.json.encode(least))
    return msgspec.structs.replace(record, path=entry.edit.path, mark="anew")


def _grouped(pending: Iterable[Entry]) -> dict[ObjectKey, list[Entry]]:
    """The pending entries of each object."""
    grouped = dict[ObjectKey, list[Entry]]()
    for entry in pending:
        grouped.setdefault(entry.key, []).append(entry)
    return grouped


def _take_repeated(waiting: dict[ObjectKey, list[Entry]], records: Iterable[Record]) -> list[int]:
    """Take out pending entries that a new list will bring again, compared with the file that is there."""
    keys = {record.key for record in records} & waiting.keys()
    snapshots = [key for key in keys if all(each.origin is Origin.SNAPSHOT for each in waiting[key])]
    return sorted(entry.seq for key in snapshots for entry in waiting.pop(key))


def _is_news(record: Record, known: Record | None, *, trusted: bool) -> bool:
    """Whether the file tells what the journal does not know; of an encrypted one that knows more."""
    return known is None or (trusted and (known.path, known.digest) != (record.path, record.digest))


def _read_together(files: Mapping[str, bytes]) -> Iterator[list[str]]:
    """The paths of files that one thread reads; a large one alone. A thread for each of thousands is slow."""
    together, size = list[str](), 0
    for path, content in files.items():
        if together and size + len(content) > PARSED_BYTES:
            yield together
            together, size = [], 0
        together.append(path)
        size += len(content)
    if together:
        yield together


def _parsed(contents: Sequence[bytes]) -> list[Any]:
    """The document of each; None where it cannot be read, and the error where nobody expected one."""
    return [_parse(content) for content in contents]


def _parse(content: bytes) -> Any:
    try:
        return editor.parse(content)
    except WithheldError:
        return None
    except Exception as error:
        return error


def _restoring_entry(record: Record, now: float) -> Entry:
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
