"""Initial lists: a streaming list where the server has it, else page by page.

A streaming list is complete at the bookmark that says so, a paged one with its last page; both return the
position to watch from and the number of objects. Each object is handed on as it comes, so that memory does
not grow with the list.

A server that does not know streaming lists sends objects, then changes, and never that bookmark. So the time
that reading one may take is bounded as a whole, however busy the type is.

A page is in memory whole, and an object may have 1.5 MB. So a list begins with a few objects a page, and
`Pages` lets the pages grow while objects are small. The API wants the same parameters on every page; the
servers that are known accept another limit, and one that refuses gets the first limit from then on.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from urllib.parse import quote

import msgspec
import trio

from reverser.errors import TransientError
from reverser.kube.client import Client
from reverser.kube.errors import ApiError, Garbled
from reverser.kube.watch_events import LARGE_BYTES, MUTATIONS, LineReader, Page, WatchEvent, read, read_item
from reverser.model.change import Stream

AIM_BYTES = 16 * 1024 * 1024
FIRST = 20
MOST = 500
GROWTH = 4
"""How many times as many as the last page had, at most: what comes next may be heavier."""


class Pages:
    """The pages of one list."""

    def __init__(self) -> None:
        self.limit = FIRST
        self._steady = False

    def took(self, sizes: Sequence[int]) -> None:
        """A page has come, of objects of so many bytes."""
        if not sizes or self._steady:
            return
        fitting = AIM_BYTES * len(sizes) // max(1, sum(sizes))
        self.limit = max(1, min(fitting, GROWTH * self.limit, MOST))

    def refused(self) -> bool:
        """The server refuses a page; whether another limit is worth a try."""
        changed = self.limit != FIRST
        self.limit, self._steady = FIRST, True
        return changed


ANY_VERSION = "0"
"""Watches from here for servers that name no version: they send everything that there is first."""
METADATA = (
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
)
"""Asks for metadata only, and takes whole objects of a server that does not know that form."""
METADATA_OF_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
"""The same for one object, and for the events of a watch: an API server refuses the list's form there."""
WATCH_SECONDS = (240, 480)
"""A random time in between, so that streams do not end together."""


class Query(msgspec.Struct, frozen=True):
    """Which objects of a stream are wanted, and how much of each."""

    selector: str = ""
    """A label selector; empty: all objects."""
    metadata_only: bool = False
    """Whether the objects' metadata are enough."""

    @property
    def params(self) -> dict[str, str | int]:
        """For the address of every request."""
        return {"labelSelector": self.selector} if self.selector else {}


EVERYTHING = Query()


def collection(stream: Stream) -> str:
    """`/apis/apps/v1/namespaces/shop/deployments`."""
    type_ = stream.type
    root = f"/apis/{type_.group}/{type_.version}" if type_.group else f"/api/{type_.version}"
    scope = f"/namespaces/{quote(stream.namespace, safe='')}" if stream.namespace else ""
    return f"{root}{scope}/{type_.resource}"


def watch_params(position: str) -> dict[str, str | int]:
    """A watch from a position; an empty one asks for a streaming list first."""
    params: dict[str, str | int] = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": random.randint(*WATCH_SECONDS),  # noqa: S311 - spreads load, guards nothing
    }
    if position:
        return params | {"resourceVersion": position}
    return params | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


def page_params(token: str, objects: int) -> dict[str, str | int]:
    """One page of a consistent list, of so many objects at most."""
    return {"limit": objects} | ({"continue": token} if token else {})


HandOn: TypeAlias = Callable[[WatchEvent], Awaitable[None]]

AT_ONCE = 8
SILENCE_SECONDS = 30.0
READING_SECONDS = 60.0
"""How long one streaming list may be waited for, all waits for its lines taken together."""
UNASKABLE = (400, 403, 404, 405, 406, 422)
"""How servers refuse to tell their version; whether a watch works then, only the watch can tell."""

UNPAGED = (400, 422)
"""How servers refuse a page of another size than the one before."""


class Lists:
    """What the streams of one cluster share: turns, and which groups cannot stream a list."""

    def __init__(self) -> None:
        self.turns = trio.CapacityLimiter(AT_ONCE)
        self.paged: set[str] = set()


class Listed(msgspec.Struct, frozen=True):
    """A complete list."""

    position: str
    """Empty: the server names no version."""
    objects: int


class Unending(TransientError):
    """Objects came but no end: this server does not know streaming lists."""


class BrokenOff(TransientError):
    """A streaming list ended before its end mark."""


async def streamed(lines: LineReader, hand_on: HandOn) -> Listed:
    """Take the initial events of a watch; the same lines go on as the watch."""
    objects, left_seconds = 0, READING_SECONDS
    while True:
        line = lines.received()
        if line is None:
            began = trio.current_time()
            line = await _next_line(lines, max(0.0, min(SILENCE_SECONDS, left_seconds)))
            left_seconds -= trio.current_time() - began
        event = await read(line)
        if event.type in MUTATIONS:
            event.text = line if len(line) < LARGE_BYTES else b""
            await hand_on(event)
            objects += event.type == "ADDED"
        elif event.ends_initial_events:
            return Listed(event.resource_version, objects)


async def paged(client: Client, stream: Stream, hand_on: HandOn, query: Query = EVERYTHING) -> Listed:
    """Take a consistent list, one page after the other."""
    token, position, objects, pages = "", "", 0, Pages()
    while True:
        page = await _page(client, stream, token, pages, query)
        pages.took([len(memoryview(item)) for item in page.items or ()])
        for item in page.items or ():
            await hand_on(await read_item(stream, item))
            objects += 1
        position = position or page.metadata.resource_version
        if token and token == page.metadata.continue_:
            raise Garbled("the list does not end: the API server names the same page again")
        token = page.metadata.continue_
        if not token:
            return Listed(position, objects)


async def _page(client: Client, stream: Stream, token: str, pages: Pages, query: Query) -> Page:
    accept = METADATA if query.metadata_only else "application/json"
    while True:
        try:
            params = query.params | page_params(token, pages.limit)
            page: Page = await client.get(collection(stream), params, accept=accept, into=Page)
        except ApiError as error:
            if error.status not in UNPAGED or not pages.refused():
                raise
        else:
            return page


async def newest(client: Client, stream: Stream) -> str:
    """The version that the server's own copy of the type is at now; empty where it does not tell."""
    try:
        page: Page = await client.get(collection(stream), {"limit": 1}, accept=METADATA, into=Page)
    except ApiError as error:
        if error.status not in UNASKABLE:
            raise
        return ""
    return page.metadata.resource_version


async def _next_line(lines: LineReader, seconds: float) -> bytes:
    # Only reading is timed: handing on may wait for as long as the journal is full.
    with trio.move_on_after(seconds) as patience:
        line = await anext(lines, None)
    if patience.cancelled_caught:
        raise Unending("the streaming list does not end")
    if line is None:
        raise BrokenOff("the streaming list broke off")
    return line
