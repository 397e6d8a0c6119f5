"""Decides what to do with the Lease: pure, from the record as it was read and the time since it changed.

A record counts as expired when this process has seen it unchanged for the record's own duration. The times in
the record are written for people, and never compared with a clock of ours: the clocks of two nodes differ.
client-go does the same, so a Lease of this kind may be shared with any controller.

| this process | the record | step |
|---|---|---|
| leads | of the term that it took | renew |
| leads | any other, or none | lost |
| does not lead | nobody's, of our own identity, or none | take |
| does not lead | another's, and unchanged for its duration | take |
| does not lead | another's, and it changed since | wait |

Whoever takes the Lease begins a term of its own, also after itself: a process that was started again under
the same identity, or two that were given the same one by mistake, never share a term.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Step: TypeAlias = Literal["take", "renew", "wait", "lost"]
Term: TypeAlias = tuple[str, str, int]
"""Holder, time and number of a taking: what tells it from every other."""


class LeaseRecord(msgspec.Struct, frozen=True):
    """The `spec` of a Lease."""

    holder: str = ""
    """Empty: nobody holds it."""
    seconds: float = 0.0
    """`leaseDurationSeconds`."""
    acquired: str = ""
    """`acquireTime`, as written."""
    renewed: str = ""
    """`renewTime`, as written."""
    transitions: int = 0
    """How often another holder has taken it."""

    @property
    def term(self) -> Term:
        """The term that the record is of."""
        return self.holder, self.acquired, self.transitions


class RecordAge:
    """How long a record has been seen unchanged, by the clock of this process alone."""

    def __init__(self) -> None:
        self._record: LeaseRecord | None = None
        self._since = 0.0

    def seconds(self, record: LeaseRecord | None, now: float) -> float:
        """The age of the record that was read now; 0 for one that differs from the last."""
        if record != self._record:
            self._record, self._since = record, now
        return now - self._since


def decide(
    record: LeaseRecord | None, age_seconds: float, identity: str, lease_seconds: float, term: Term | None
) -> Step:
    """What the process of this identity does; `term` is the one it leads in.

    `lease_seconds` counts where the record names no duration.
    """
    if term is not None:
        return "renew" if record is not None and record.term == term else "lost"
    if record is None or record.holder in ("", identity):
        return "take"
    return "take" if age_seconds >= (record.seconds or lease_seconds) else "wait"


def taken(record: LeaseRecord | None, identity: str, seconds: float, now: str) -> LeaseRecord:
    """The record with which a term begins."""
    transitions = 0 if record is None else record.transitions + 1
    return LeaseRecord(identity, seconds, now, now, transitions)


def renewed(record: LeaseRecord, seconds: float, now: str) -> LeaseRecord:
    """The record of a term that goes on."""
    return msgspec.structs.replace(record, seconds=seconds, renewed=now)


def released(record: LeaseRecord, now: str) -> LeaseRecord:
    """The record that lets others take over at once."""
    return msgspec.structs.replace(record, holder="", seconds=1.0, renewed=now)


def read_record(document: Mapping[str, Any]) -> LeaseRecord:
    """The record of a Lease as the API server sent it; what cannot be read counts as not set."""
    spec = document.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    return LeaseRecord(
        holder=_text(spec.get("holderIdentity")),
        seconds=float(_number(spec.get("leaseDurationSeconds"))),
        acquired=_text(spec.get("acquireTime")),
        renewed=_text(spec.get("renewTime")),
        transitions=_number(spec.get("leaseTransitions")),
    )


def spec_of(record: LeaseRecord) -> dict[str, Any]:
    """The record as the API server takes it."""
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": max(1, round(record.seconds)),
        "acquireTime": record.acquired or None,
        "renewTime": record.renewed or None,
        "leaseTransitions": record.transitions,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
