"""The events of one request body, so that a bad one spoils no other, and slows down no other.

Usually the body is JSON throughout and is cut in one go. When it is not (half a surrogate pair,
nesting that no parser follows, a body that ends in the middle), its events are cut one after the other:
the parser says where a good one ends, and only the end of a bad one is looked for by its brackets and
strings. Then each event is read, or not, by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from reverser.attribution.payloads import UndecodableError, read

KIND = "EventList"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_ENDS = re.compile(r"trailing characters \(byte (\d+)\)$")


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
    start, view = _items(body), memoryview(body)
    while 0 <= start < len(body):
        end = _read_end(view, start)
        if end < 0 or body[end : end + 1] not in (b",", b"]"):
            end = _looked_for_end(body, start)
        item = body[start : max(end, start)].strip()
        if end < 0:
            return
        if item:
            yield item
        start = end + 1 if body[end : end + 1] == b"," else -1


def _items(body: bytes) -> int:
    """Where the list begins; -1 when there is none."""
    depth, last = 0, b""
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text in b"[{":
            depth += 1
            if depth == 2 and text == b"[" and last == b'"items"':
                return token.end()
        elif text in b"]}":
            depth -= 1
        elif depth == 1 and text != b",":
            last = text
    return -1


def _read_end(body: memoryview, start: int) -> int:
    """Where the item ends, as the parser tells it; -1 when it cannot."""
    try:
        msgspec.json.decode(body[start:], type=msgspec.Raw)
    except msgspec.DecodeError as error:
        # The parser tells the character after the value, counted from one.
        told = _ENDS.search(str(error))
        return start + int(told[1]) - 1 if told else -1
    except RecursionError:
        pass
    return -1


def _looked_for_end(body: bytes, start: int) -> int:
    """Where the comma or the bracket after the item is; -1 when the body ends before."""
    depth = 0
    for token in _TOKEN.finditer(body, start):
        text = token[0]
        if text in b"[{":
            depth += 1
        elif text in b"]}":
            depth -= 1
            if depth < 0:
                return token.start()
        elif text == b"," and depth == 0:
            return token.start()
    return -1
