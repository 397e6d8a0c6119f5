"""Reads the body of an audit request into facts, and into the reasons why some events could not be used.

A batch is never refused because of one event in it: else whoever can write an object could make everybody's
evidence vanish. A reason is a constant sentence that never quotes the event. An event that cannot be used
becomes a gap for its object, wherever the object can be told.

Usually the body is valid JSON and is cut into its events in one go. When it is not (half a surrogate pair,
nesting that no parser follows, a body that is cut off), its events are cut one after the other: the parser
says where a good one ends, and only the end of a bad one is searched by its brackets and strings. Then each
event is read by itself, so that a bad one neither spoils nor slows down the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from reverser.attribution.audit_event import AuditEvent, decode_event
from reverser.attribution.audit_fact import fact, gap
from reverser.attribution.audit_unreadable import remains
from reverser.attribution.payloads import UndecodableError, read
from reverser.errors import WithheldError
from reverser.model.attribution import bounded
from reverser.model.fact import Fact
from reverser.unexpected_errors import contained, left_out

KIND = "EventList"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_VALUE_END = re.compile(r"trailing characters \(byte (\d+)\)$")


class _EventList(msgspec.Struct, frozen=True):
    kind: str
    items: list[msgspec.Raw] | None = None


def cut(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The events, each still undecoded. Raises UndecodableError for what is no EventList at all."""
    try:
        batch = read(body, _EventList)
    except UndecodableError:
        items = list(_salvaged_items(body))
        if not items:
            raise
        return items
    if batch.kind != KIND:
        raise UndecodableError(f"the body is no {KIND}")
    return batch.items or []


def _salvaged_items(body: bytes) -> Iterator[bytes]:
    """The items of the list `items` of the outermost object, up to where the body ends or goes wrong."""
    start, view = _list_start(body), memoryview(body)
    while 0 <= start < len(body):
        end = _read_end(view, start)
        if end < 0 or body[end : end + 1] not in (b",", b"]"):
            end = _scanned_end(body, start)
        item = body[start : max(end, start)].strip()
        if end < 0:
            return
        if item:
            yield item
        start = end + 1 if body[end : end + 1] == b"," else -1


def _list_start(body: bytes) -> int:
    """Offset behind the `[` of `items`; -1 when there is none."""
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
    """Offset at which the parser ends the item; -1 when it cannot read it."""
    try:
        msgspec.json.decode(body[start:], type=msgspec.Raw)
    except msgspec.DecodeError as error:
        # The message gives the character after the value, counted from one.
        match = _VALUE_END.search(str(error))
        return start + int(match[1]) - 1 if match else -1
    except RecursionError:
        pass
    return -1


def _scanned_end(body: bytes, start: int) -> int:
    """Offset of the comma or bracket after the item, by counting brackets; -1 when the body ends before."""
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


Wanted: TypeAlias = Callable[[str, str], bool]
"""(group, plural) -> whether facts of the type can be of use."""


class BadEvent(msgspec.Struct, frozen=True):
    """One event, or a whole body, that could not be used."""

    reason: str
    """A constant sentence."""
    audit_id: str = ""
    """For looking it up where audit events are kept; empty when it could not be read."""


class ParsedBody(msgspec.Struct, frozen=True):
    """What one body holds."""

    facts: tuple[Fact, ...] = ()
    problems: tuple[BadEvent, ...] = ()
    unused: int = 0
    """Events without a change: reads, failures, dry runs, unwanted types."""
    truncated: int = 0
    """Events of wanted types whose bodies the API server left out: evidence that is lost."""


def everything(_group: str, _resource: str) -> bool:
    """Every type is wanted."""
    return True


def read_events(body: bytes, cluster: str, wanted: Wanted = everything) -> ParsedBody:
    """The facts of one EventList. Never raises: what cannot be read is a problem."""
    try:
        raw_events = cut(body)
    except UndecodableError as error:
        return ParsedBody(problems=(BadEvent(error.message),))
    facts, problems, unused, truncated = list[Fact](), list[BadEvent](), 0, 0
    for raw in raw_events:
        try:
            with contained("audit", cluster):
                outcome = _read(raw, cluster, wanted)
        except WithheldError as error:
            outcome = BadEvent(error.message)
        if isinstance(outcome, BadEvent):
            problems.append(outcome)
            outcome = _unread_gap(raw, cluster, wanted)
        elif not isinstance(outcome, Fact) or outcome.gap:
            unused += 1
            truncated += isinstance(outcome, Fact) and outcome.code < 300
        if isinstance(outcome, Fact):
            facts.append(outcome)
    return ParsedBody(tuple(facts), tuple(problems), unused, truncated)


def _read(raw: bytes | msgspec.Raw, cluster: str, wanted: Wanted) -> Fact | BadEvent | None:
    """A fact, which may be a gap; a problem; or nothing."""
    try:
        event = decode_event(raw)
    except UndecodableError as error:
        return BadEvent(error.message)
    if not _wanted(event, wanted):
        return None
    try:
        reported = fact(event, cluster)
    except UndecodableError as error:
        return BadEvent(error.message, bounded(event.audit_id))
    if reported is None and (event.truncated or event.code >= 300):
        reported = gap(event, cluster)
    return reported


def _unread_gap(raw: bytes | msgspec.Raw, cluster: str, wanted: Wanted) -> Fact | None:
    """The gap that an event leaves which cannot be used; None when it does not name its object."""
    with left_out("audit", cluster):
        event = remains(raw)
        if event is not None and _wanted(event, wanted):
            return gap(event, cluster)
    return None


def _wanted(event: AuditEvent, wanted: Wanted) -> bool:
    ref = event.object_ref
    return ref is not None and wanted(ref.api_group, ref.resource)
