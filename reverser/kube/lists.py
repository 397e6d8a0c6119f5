"""Initial lists: a streaming list where the server has it, else page by page.

A streaming list is complete at the bookmark that says so, a paged one with its last page; both
answer with the position to watch from and the number of objects. Nothing is kept here: each object
is handed on as it comes, so that memory does not grow with the list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import msgspec
import trio

from reverser.errors import TransientError
from reverser.kube.client import Client
from reverser.kube.errors import Unreachable
from reverser.kube.events import MUTATIONS, Page, WatchEvent, event_of, item_of
from reverser.kube.paths import collection, page_params
from reverser.model.change import Stream

HandOn: TypeAlias = Callable[[WatchEvent], Awaitable[None]]

AT_ONCE = 8
SILENCE_SECONDS = 30.0
ANY_VERSION = "0"
"""A position for servers that name none: they send everything again, which does no harm."""


class Lists:
    """What the streams of one cluster share: turns, and which groups cannot stream a list."""

    def __init__(self) -> None:
        self.turns = trio.CapacityLimiter(AT_ONCE)
        self.paged: set[str] = set()


class Listed(msgspec.Struct, frozen=True):
    """A complete list."""

    position: str
    objects: int


class Unending(TransientError):
    """Objects came but no end: this server does not know streaming lists."""


async def streamed(lines: AsyncIterator[bytes], hand_on: HandOn) -> Listed:
    """Take the initial events of a watch; the same lines go on as the watch."""
    objects = 0
    while True:
        event = event_of(await _next(lines))
        if event.type in MUTATIONS:
            await hand_on(event)
            objects += event.type == "ADDED"
        elif event.ends_initial_events:
            return Listed(event.resource_version or ANY_VERSION, objects)


async def paged(client: Client, stream: Stream, hand_on: HandOn) -> Listed:
    """Take a consistent list, one page after the other."""
    token, position, objects = "", "", 0
    while True:
        page: Page = await client.get(collection(stream), page_params(token), into=Page)
        for item in page.items or ():
            await hand_on(item_of(stream, item))
            objects += 1
        position = position or page.metadata.resource_version
        token = page.metadata.continue_
        if not token:
            return Listed(position or ANY_VERSION, objects)


async def _next(lines: AsyncIterator[bytes]) -> bytes:
    # Only reading is timed: handing on may wait for as long as the journal is full.
    with trio.move_on_after(SILENCE_SECONDS) as patience:
        line = await anext(lines, None)
    if patience.cancelled_caught:
        raise Unending("the streaming list does not end")
    if line is None:
        raise Unreachable("the streaming list broke off")
    return line
