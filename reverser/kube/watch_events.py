"""Lines of a watch and items of a list become changes. `WatchEvent` never leaves this package.

`LineReader` splits a stream of bytes into lines, at `\\n` only: JSON lines may hold U+0085 and U+2028.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import msgspec
import trio

from reverser.garbage_collector import uncollected
from reverser.kube.errors import Garbled, status_error
from reverser.model.change import Change, Origin, Stream
from reverser.model.nesting import decoded

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
MUTATIONS = ("ADDED", "MODIFIED", "DELETED")
LARGE_BYTES = 64 * 1024
"""A longer text is read in a thread: to cut an object that is nested too deep takes two seconds for 1.5 MB.

Decoding itself holds the interpreter, in a thread too: 1 to 15 ms for 1.5 MB, 100 ms for nothing but lists.
"""
NAMING = ("name", "namespace", "resourceVersion", "deletionTimestamp")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Metadata(msgspec.Struct, rename="camel"):
    """What observing needs to know of an object."""

    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] | None = None


class WatchEvent(msgspec.Struct):
    """One line of a watch."""

    type: str
    object: dict[str, Any]
    size: int = msgspec.field(default=0, name="bytes of the line")
    """Bytes of the line; no server sends a member of this name."""
    unreadable: bool = msgspec.field(default=False, name="could not be decoded")
    """The object could not be decoded: it has metadata that name it, and nothing else."""
    text: bytes = msgspec.field(default=b"", name="the line, or the item of a page")
    """The JSON that was decoded, if it is small and of a list."""
    paged: bool = msgspec.field(default=False, name="an item of a page")
    """Whether that is the object alone."""

    @property
    def metadata(self) -> Metadata:
        """Raises Garbled where the object has none that makes sense."""
        metadata = self.object.get("metadata") or {}
        try:
            return msgspec.convert(metadata, Metadata)
        except msgspec.ValidationError as error:
            if self.unreadable or not isinstance(metadata, dict):
                raise Garbled("an object's metadata cannot be read") from error
            named = {each: metadata[each] for each in NAMING if each in metadata}
            return WatchEvent(self.type, {"metadata": named}, unreadable=True).metadata

    @property
    def resource_version(self) -> str:
        """The position after this event."""
        return self.metadata.resource_version

    @property
    def ends_initial_events(self) -> bool:
        """Whether this bookmark completes a streaming list."""
        return (self.metadata.annotations or {}).get(INITIAL_EVENTS_END) == "true"


class PageMetadata(msgspec.Struct, rename="camel"):
    """Where a list was read, and how to go on."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    """One page of a list; its items stay bytes until their turn comes, to keep memory small."""

    metadata: PageMetadata
    items: list[msgspec.Raw] | None = None


class _RemainingMetadata(msgspec.Struct, rename="camel"):
    """What names an object."""

    name: str
    resource_version: str
    namespace: str = ""
    deletion_timestamp: str | None = None


class _Remaining(msgspec.Struct):
    """What is read of an object that cannot be read whole."""

    metadata: _RemainingMetadata


class _RemainingEvent(msgspec.Struct):
    """The same of an event."""

    type: str
    object: _Remaining


_event = msgspec.json.Decoder(WatchEvent).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_remaining_event = msgspec.json.Decoder(_RemainingEvent).decode
_remaining_object = msgspec.json.Decoder(_Remaining).decode


def event_of(line: bytes) -> WatchEvent:
    """Decode a line. Raises Garbled for one that is no event, ApiError for an ERROR event."""
    try:
        event = decoded(line, _event)
    except UNREADABLE as error:
        remaining = _remains(_remaining_event, line, lambda event_left: (event_left.type, event_left.object))
        if remaining is None or remaining.type not in MUTATIONS:
            raise Garbled(f"an event cannot be read: {error}") from error
        event = remaining
    if event.type == "ERROR":
        raise status_error(event.object)
    event.size = len(line)
    return event


async def read(line: bytes) -> WatchEvent:
    """`event_of`, in a thread for a line that may take long."""
    if len(line) < LARGE_BYTES:
        return event_of(line)
    return await trio.to_thread.run_sync(uncollected, partial(event_of, line))


async def read_item(stream: Stream, item: msgspec.Raw) -> WatchEvent:
    """`item_of`, in the same way."""
    if len(memoryview(item)) < LARGE_BYTES:
        return item_of(stream, item)
    return await trio.to_thread.run_sync(uncollected, partial(item_of, stream, item))


def item_of(stream: Stream, item: msgspec.Raw) -> WatchEvent:
    """An item of a list, as the event that it stands for. Lists leave apiVersion and kind to the type."""
    try:
        named = {"apiVersion": stream.type.api_version, "kind": stream.type.kind}
        text = bytes(item)
        small = text if len(text) < LARGE_BYTES else b""
        return WatchEvent("ADDED", named | decoded(text, _object), len(text), text=small, paged=True)
    except UNREADABLE as error:
        event = _remains(_remaining_object, bytes(item), lambda object_left: ("ADDED", object_left))
        if event is None:
            raise Garbled(f"an item of a list cannot be read: {error}") from error
        return event


def _remains(
    decode: Callable[[bytes], Any], text: bytes, parts: Callable[[Any], tuple[str, _Remaining]]
) -> WatchEvent | None:
    """An object that cannot be decoded, if it can be named: it alone is withheld, and its stream goes on."""
    try:
        type_, remaining = parts(decoded(text, decode))
    except UNREADABLE:
        return None
    return WatchEvent(type_, {"metadata": msgspec.to_builtins(remaining.metadata)}, unreadable=True)


def change_of(stream: Stream, event: WatchEvent, origin: Origin, now: float, *, named: bool = True) -> Change:
    """The change that an ADDED, MODIFIED or DELETED event tells of; `named`: its version is a position."""
    metadata = event.metadata
    return Change(
        stream=stream,
        key=stream.key(metadata.namespace, metadata.name),
        origin=origin,
        deleted=event.type == "DELETED" or metadata.deletion_timestamp is not None,
        object=event.object,
        resource_version=metadata.resource_version if named and origin is Origin.LIVE else "",
        seen_at=now,
        created=event.type == "ADDED",
        removed=event.type == "DELETED",
        size=event.size,
        unreadable=event.unreadable,
        text=event.text,
        paged=event.paged,
    )


LINE_BYTES_MOST = 64 * 1024 * 1024
"""An object is 3 MB at most where etcd has its usual limit, and JSON may need 6 bytes for a character."""


class LineReader:
    """The lines of a stream. What stands behind the last newline when it ends is no line."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._whole: deque[bytes] = deque()
        self._begun: list[bytes] = []
        self._size = 0

    def __aiter__(self) -> LineReader:
        return self

    async def __anext__(self) -> bytes:
        while not self._whole:
            self._feed(await anext(self._chunks))
        return self._whole.popleft()

    def received(self) -> bytes | None:
        """The next line if it has come already."""
        return self._whole.popleft() if self._whole else None

    def _feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._begun.append(first)
        self._size = len(others[-1]) if others else self._size + len(first)
        if self._size > LINE_BYTES_MOST:
            raise Garbled("the API server sends a line without an end")
        if others:
            lines = (b"".join(self._begun), *others[:-1])
            self._whole.extend(line for line in lines if line)
            self._begun = [others[-1]]
