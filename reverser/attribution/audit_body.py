"""A request body in, facts out, with what could not be read beside them.

A batch is never refused because of one event in it: whoever can write an object could otherwise
make everybody's evidence vanish. Problems say what was wrong in a few words, never what was written. An
event that cannot be used is a gap for its object, wherever it tells which that is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from reverser.attribution.audit_batch import cut
from reverser.attribution.audit_event import Event, decode_event
from reverser.attribution.audit_fact import fact, gap
from reverser.attribution.audit_unreadable import remains
from reverser.attribution.payloads import UndecodableError
from reverser.bugs import contained, left_out
from reverser.errors import WithheldError
from reverser.model.attribution import bounded
from reverser.model.fact import Fact

Wanted: TypeAlias = Callable[[str, str], bool]
"""(group, plural) -> whether facts of the type can be of use."""


class Problem(msgspec.Struct, frozen=True):
    """One event, or a whole body, that could not be used as it should."""

    reason: str
    """A constant sentence."""
    audit_id: str = ""
    """For looking it up where audit events are kept; empty when it could not be read."""


class Reading(msgspec.Struct, frozen=True):
    """What one body told."""

    facts: tuple[Fact, ...] = ()
    problems: tuple[Problem, ...] = ()
    unused: int = 0
    """Events that tell of no change: reads, failures, dry runs, unwanted types."""
    truncated: int = 0
    """Events of wanted types whose bodies the API server left out: evidence that is lost."""


def everything(_group: str, _resource: str) -> bool:
    """Every type is wanted."""
    return True


def read_events(body: bytes, cluster: str, wanted: Wanted = everything) -> Reading:
    """The facts of one EventList. Never raises: what cannot be read is a problem."""
    try:
        raw_events = cut(body)
    except UndecodableError as error:
        return Reading(problems=(Problem(error.message),))
    facts, problems, unused, truncated = list[Fact](), list[Problem](), 0, 0
    for raw in raw_events:
        try:
            with contained("audit", cluster):
                found = _read(raw, cluster, wanted)
        except WithheldError as error:
            found = Problem(error.message)
        if isinstance(found, Problem):
            problems.append(found)
            found = _left(raw, cluster, wanted)
        elif not isinstance(found, Fact) or found.gap:
            unused += 1
            truncated += isinstance(found, Fact) and found.code < 300
        if isinstance(found, Fact):
            facts.append(found)
    return Reading(tuple(facts), tuple(problems), unused, truncated)


def _read(raw: bytes | msgspec.Raw, cluster: str, wanted: Wanted) -> Fact | Problem | None:
    """A fact, which may be a gap; a problem; or nothing."""
    try:
        event = decode_event(raw)
    except UndecodableError as error:
        return Problem(error.message)
    if not _wanted(event, wanted):
        return None
    try:
        found = fact(event, cluster)
    except UndecodableError as error:
        return Problem(error.message, bounded(event.audit_id))
    if found is None and (event.truncated or event.code >= 300):
        found = gap(event, cluster)
    return found


def _left(raw: bytes | msgspec.Raw, cluster: str, wanted: Wanted) -> Fact | None:
    """What is left of an event that is a problem."""
    with left_out("audit", cluster):
        event = remains(raw)
        if event is not None and _wanted(event, wanted):
            return gap(event, cluster)
    return None


def _wanted(event: Event, wanted: Wanted) -> bool:
    ref = event.object_ref
    return ref is not None and wanted(ref.api_group, ref.resource)
