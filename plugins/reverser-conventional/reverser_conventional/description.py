"""What stands behind the colon: what happened, in the imperative. Pure.

The fields that changed are read from the lines that reverser describes them in, such as
`spec.replicas: 2 -> 5`. Only a change of one field is told by its name.
"""

from __future__ import annotations

import re

from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry

VERBS = {Operation.CREATE: "create", Operation.UPDATE: "update", Operation.DELETE: "delete"}
_CHANGE = re.compile(r"(?P<path>.+?): (?:.* -> |\+ )(?P<new>.*)")
_IMAGE = re.compile(
    r"spec\.(?:template\.|jobTemplate\.spec\.template\.)?spec\.\w*[cC]ontainers\[[^]]*\]\.image"
)
_SWITCHES = {"spec.suspend": "suspend", "spec.paused": "pause"}


def description(plan: CommitPlan) -> str:
    """One line on the whole plan, beginning with a verb, or with `snapshot of`."""
    match plan.first.origin:
        case Origin.SNAPSHOT if all(entry.previous_path for entry in plan.entries):
            return f"move {_count(len(plan.entries), 'file')} to new paths"
        case Origin.SNAPSHOT:
            types = len({entry.key.type_name for entry in plan.entries})
            return f"snapshot of {_objects(plan)} in {_count(types, 'type')}"
        case Origin.SWEEP:
            return f"remove {_objects(plan)} gone or left out"
    if len({entry.key for entry in plan.entries}) == 1:
        return _of_one(plan)
    operations = {entry.operation for entry in plan.entries}
    return f"{VERBS[operations.pop()] if len(operations) == 1 else 'change'} {_objects(plan)}"


def _of_one(plan: CommitPlan) -> str:
    entry = plan.entries[-1]
    what = f"{entry.kind.lower()} {entry.key.name}"
    if entry.reason:
        return f"leave out {what}"
    if entry.operation is Operation.UPDATE and len(plan.entries) == len(entry.changes) == 1:
        return _of_field(entry.changes[0], what)
    first = plan.first.operation
    return f"{VERBS[first if entry.operation is Operation.UPDATE else entry.operation]} {what}"


def _of_field(change: str, what: str) -> str:
    match = _CHANGE.fullmatch(change)
    path, new = (match["path"], match["new"]) if match else ("", "")
    if path == "spec.replicas":
        return f"scale {what} to {new}"
    if _IMAGE.fullmatch(path):
        return f"set image of {what} to {new.strip(chr(34))}"
    if path in _SWITCHES:
        return f"{_SWITCHES[path] if new == 'true' else 'resume'} {what}"
    return f"update {what}"


def _objects(plan: CommitPlan) -> str:
    kinds = {entry.kind.lower() for entry in plan.entries}
    noun = kinds.pop() if len(kinds) == 1 and not _odd(plan.first) else "object"
    return _count(len({entry.key for entry in plan.entries}), noun)


def _odd(entry: Entry) -> bool:
    """Whether an `s` does not make the plural: networkpolicy, ingress."""
    return entry.key.resource != f"{entry.kind.lower()}s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
