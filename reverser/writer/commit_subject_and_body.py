"""The subject and the body of a commit: what people read.

A plan is of one kind: live entries of one actor, with or without excluded ones of the same objects;
excluded entries alone; objects of a snapshot, or objects of a sweep.
What comes out may still hold hostile names; `writer.commit_trailers` makes it safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reverser.manifest.field_changes import along_lines
from reverser.model.attribution import Attribution
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.select.rules import split_excluded
from reverser.text import cut

SUBJECT_CHARACTERS = 200
NAMED_OBJECTS = 20
"""A body names so many objects at most."""
_ACTOR_CHARACTERS = 60
_LINE_CHARACTERS = 200
_OF_A_SWEEP = (
    "A complete list of their type and scope no longer has these objects.\n"
    "They were deleted while nobody watched; who deleted them, and when, is not known."
)


def subject(plan: CommitPlan) -> str:
    """One line on the whole plan."""
    cluster = plan.first.key.cluster
    match plan.first.origin:
        case Origin.SNAPSHOT if all(entry.previous_path for entry in plan.entries):
            return f"Move of {cluster}: {_count(len(plan.entries), 'file')} to new paths"
        case Origin.SNAPSHOT:
            types = len({(e.key.group, e.key.resource) for e in plan.entries})
            return f"Snapshot of {cluster}: {_objects(plan)} in {_count(types, 'type')}"
        case Origin.SWEEP:
            return f"Sweep of {cluster}: {_objects(plan)} {_what_became(plan)}"
    own, _ = split_excluded(plan)
    return f"Excluded writes of {cluster}: {_objects(plan)}" if own is None else _live_subject(own)


def body(plan: CommitPlan) -> list[str]:
    """What there is to say beyond the subject; may be nothing."""
    if plan.first.origin is Origin.SNAPSHOT:
        return _snapshot_body(plan)
    if plan.first.origin is Origin.SWEEP:
        return [*_sweep_body(plan)]
    own, aside = split_excluded(plan)
    beside = _bounded(_live_line(entry, _by_whom(entry.attribution)) for entry in aside)
    if own is None:
        return beside
    return [*_live_body(own), *(["", "Folded in:", "", *beside] if beside else [])]


def _live_subject(plan: CommitPlan) -> str:
    operations = "+".join(sorted({entry.operation.value for entry in plan.entries}))
    by = f" by {cut(plan.first.attribution.actor.name, _ACTOR_CHARACTERS)}"
    keys = {entry.key for entry in plan.entries}
    if len(keys) == 1:
        what = str(plan.first.key)
    else:
        namespaces = {key.namespace or "_cluster" for key in keys}
        where = namespaces.pop() if len(namespaces) == 1 else f"{len(namespaces)} namespaces"
        what = f"{_objects(plan)} in {where}"
    start = f"[{operations}] "
    return start + cut(what, SUBJECT_CHARACTERS - len(start) - len(by)) + by


def _live_body(plan: CommitPlan) -> list[str]:
    if len(plan.entries) == 1:
        return [*plan.first.changes, *along_lines(plan.first), *_remarks(plan.first)]
    return _bounded(_live_line(entry) for entry in plan.entries)


def _by_whom(attribution: Attribution) -> str:
    """Who wrote what a rule excludes, and how we know."""
    if attribution.named:
        return f" by {cut(attribution.actor.name, _ACTOR_CHARACTERS)} ({attribution.evidence.value})"
    return f" by unknown (manager {cut(attribution.manager, _ACTOR_CHARACTERS)})"


def _live_line(entry: Entry, by: str = "") -> str:
    fields = [*entry.changes, *along_lines(entry)]
    details = [*fields[:1], *_remarks(entry)]
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    detail = f": {'; '.join(details)}{more}" if details else ""
    return f"{entry.operation.value} {entry.key}{by}{detail}"


def _remarks(entry: Entry) -> Iterator[str]:
    if entry.reason:
        yield f"File removed; the object still exists: {entry.reason}."
    if entry.previous_path:
        yield f"Moved from {entry.previous_path}"


def _snapshot_body(plan: CommitPlan) -> list[str]:
    counts = Counter(entry.operation for entry in plan.entries)
    labels = {Operation.CREATE: "new", Operation.UPDATE: "changed", Operation.DELETE: "gone"}
    parts = [f"{counts[operation]} {label}" for operation, label in labels.items() if counts[operation]]
    moved = sum(1 for entry in plan.entries if entry.previous_path)
    return [", ".join([*parts, *([f"{moved} moved"] if moved else [])])]


def _sweep_body(plan: CommitPlan) -> Iterator[str]:
    deleted = [entry for entry in plan.entries if not entry.reason]
    left_out = [entry for entry in plan.entries if entry.reason]
    if deleted:
        yield from _OF_A_SWEEP.splitlines()
        yield ""
        yield from _bounded(str(entry.key) for entry in deleted)
    if deleted and left_out:
        yield ""
    if left_out:
        yield "Files removed; the objects still exist:"
        yield ""
        yield from _bounded(f"{entry.key}: {entry.reason}" for entry in left_out)


def _what_became(plan: CommitPlan) -> str:
    reasons = [bool(entry.reason) for entry in plan.entries]
    return "left out" if all(reasons) else "gone or left out" if any(reasons) else "gone"


def _objects(plan: CommitPlan) -> str:
    return _count(len({entry.key for entry in plan.entries}), "object")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bounded(lines: Iterable[str]) -> list[str]:
    lines = [cut(line, _LINE_CHARACTERS) for line in lines]
    if len(lines) <= NAMED_OBJECTS:
        return lines
    return [*lines[: NAMED_OBJECTS - 1], f"… and {len(lines) - NAMED_OBJECTS + 1} more"]
