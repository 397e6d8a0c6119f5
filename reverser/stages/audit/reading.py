"""A request body in, facts out, with what could not be read beside them.

A batch is never refused because of one event in it: whoever can write an object could otherwise
make everybody's evidence vanish. Problems say what was wrong in a few words, never what was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from reverser.bugs import contained
from reverser.errors import WithheldError
from reverser.model.attribution import bounded
from reverser.model.fact import Fact
from reverser.stages.audit.batch import cut
from reverser.stages.audit.event import Event, decode_event
from reverser.stages.audit.write import fact
from reverser.stages.wire import UndecodableError

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
        elif isinstance(found, Fact):
            facts.append(found)
        else:
            unused += 1
            truncated += found is not None
    return Reading(tuple(facts), tuple(problems), unused, truncated)


def _read(raw: bytes | msgspec.Raw, cluster: str, wanted: Wanted) -> Fact | Problem | Event | None:
    """A fact, a problem, a truncated event, or nothing."""
    try:
        event = decode_event(raw)
    except UndecodableError as error:
        return Problem(error.message)
    ref = event.object_ref
    if ref is None or not wanted(ref.api_group, ref.resource):
        return None
    try:
        found = fact(event, cluster)
    except UndecodableError as error:
        return Problem(error.message, bounded(event.audit_id))
    return found or (event if event.truncated else None)
