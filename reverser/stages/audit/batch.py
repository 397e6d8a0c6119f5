"""The events of one request body, so that a bad one spoils no other.

Usually the body is JSON throughout and is cut in one go. When it is not (half a surrogate pair,
nesting that no parser follows, a body that ends in the middle), the cutter looks at brackets and
strings only; then each event is read, or not, by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from reverser.stages.wire import UndecodableError, read

KIND = "EventList"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


class _EventList(msgspec.Struct, frozen=True):
    kind: str
    items: list[msgspec.Raw] | None = None


def cut(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The events, each still undecoded. Raises UndecodableError for what is no EventList at all."""
    try:
        batch = read(body, _EventList)
    except UndecodableError:
        found = list(_salvaged(body))
        if not found:
            raise
        return found
    if batch.kind != KIND:
        raise UndecodableError(f"the body is no {KIND}")
    return batch.items or []


def _salvaged(body: bytes) -> Iterator[bytes]:
    """The items of the list `items` of the outermost object, up to where the body ends or goes wrong."""
    depth, start, last = 0, -1, b""
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text in b"[{":
            depth += 1
            if depth == 2 and text == b"[" and last == b'"items"':
                start = token.end()
        elif text in b"]}":
            depth -= 1
            if depth < 2 and start >= 0:
                yield from filter(None, [body[start : token.start()].strip()])
                return
        elif text == b"," and depth == 2 and start >= 0:
            yield body[start : token.start()]
            start = token.end()
        elif depth == 1:
            last = text
