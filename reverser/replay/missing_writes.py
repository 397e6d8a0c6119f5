"""Finds writes that are missing in an audit log by the managed fields that they left.

Kubernetes loses audit events, and a writer can cause that. But the next event of the object shows the entry
that the writer left in managedFields. So digests of these entries are stored for each object, and an author
is not named when the object has a new entry that cannot be his.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

from reverser.attribution.missing_events import Signs, stamped_by_others
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.observed_write import Stamp
from reverser.replay.write import Form, Write
from reverser.sanitize import managed_fields

MOST = 20
"""Stamps of one object that are kept."""
APPLIED = "="
"""Begins what is kept of an apply's entry with its fields; a digest does not."""


def marks(write: Write, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What is kept of the stamps: digests of who owns what, of the newest ones, and of what applies own.

    The answer to a scaling holds no stamps. What it has left is kept, for the next object has it.
    """
    stamps = _stamps(write)
    if stamps:
        return (_digest(managed_fields.entries(write.body)), *sorted(_applied(write)), *map(_digest, stamps))
    if write.operation is not Operation.UPDATE:
        return ()
    if write.form is not Form.REPLICAS or write.request is None or not before:
        return before
    owned, *stamps_before = before
    return (owned, *[*stamps_before, _scaling_stamp(write.request)][-3 * MOST :])


def by_others(write: Write, before: tuple[str, ...]) -> bool:
    """Whether the object contains a write of somebody else since then that has no event."""
    if write.request is None or write.form is not Form.WHOLE or write.operation is not Operation.UPDATE:
        return False
    request = msgspec.structs.replace(write.request, restamps=False)  # that makes one more doubt, and no name
    if before and not _stamps(write):
        return True  # wiped, and so is what would tell
    owned, *stamps_before = before or ("",)
    stamps = tuple(
        msgspec.structs.replace(stamp, fresh=bool(before) and not _is_known(stamp, stamps_before))
        for stamp in _stamps(write)
    )
    restated = bool(before) and owned == _digest(managed_fields.entries(write.body))
    receded = not {each for each in stamps_before if each.startswith(APPLIED)} <= _applied(write)
    created_at = managed_fields.created_at(write.body) or 0.0
    return stamped_by_others(Signs(stamps, False, restated, receded, created_at), request)


def _is_known(stamp: Stamp, stamps_before: list[str]) -> bool:
    return _digest(stamp) in stamps_before or any(_matches(each, stamp) for each in stamps_before)


def _scaling_stamp(request: Fact) -> str:
    """Which stamp a scaling has left: of which manager, and from which second to which."""
    ends = max(request.at, request.completed_at)
    return f"{request.subresource} {math.floor(request.at)} {math.floor(ends)} {request.manager}"


def _matches(scaling: str, stamp: Stamp) -> bool:
    """Whether that is this stamp; a digest holds no blank."""
    subresource, *more = scaling.split(" ", 3)
    if len(more) != 3 or stamp.applied or stamp.subresource != subresource:
        return False
    # The API server leaves the time of a scaling out.
    timely = not stamp.at or float(more[0]) <= stamp.at <= float(more[1])
    return timely and more[2] in ("", stamp.manager)


def _applied(write: Write) -> set[str]:
    """The newest entries of applies, with the fields that they own."""
    entries = [
        each for each in managed_fields.entries(write.body) if each.get("operation") == managed_fields.APPLY
    ]
    return {f"{APPLIED}{_digest(each)}" for each in entries[-MOST:]}


def _stamps(write: Write) -> list[Stamp]:
    if write.request is None:
        return []
    stamps = managed_fields.stamps(write.body).values()
    return sorted(stamps, key=lambda stamp: stamp.at, reverse=True)[:MOST]


def _digest(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=6).hexdigest()
