"""What changed between two documents, one field path a line, for the body of a commit.

    spec.replicas: 2 -> 5
    spec.paused: + true                       a field that was not there
    spec.minReadySeconds: - 10                a field that is gone
    spec.template.spec.containers: order changed
    data.password: changed                    in a Secret, masked, or by its looks: never a value

A message outlives every file: what looks like a secret is in none, whatever is flagged. Values are
JSON, cut at 60 characters.
"""

from __future__ import annotations

import json
from typing import Any

from reverser.stages.differences import ABSENT, Difference, differences, hidden
from reverser.stages.text import cut, visible

MOST_LINES = 10
VALUE_CHARACTERS = 60


def describe(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, secret: bool = False
) -> tuple[str, ...]:
    """At most 10 lines; none when there is no old or no new document."""
    if old is None or new is None:
        return ()
    found = list(differences(old, new))
    if len(found) <= MOST_LINES:
        return tuple(_line(each, secret=secret) for each in found)
    kept = MOST_LINES - 1
    lines = [_line(each, secret=secret) for each in found[:kept]]
    return (*lines, f"… and {len(found) - kept} more")


def _line(difference: Difference, *, secret: bool) -> str:
    path, old, new = difference
    before, after = old[1], new[1]
    secret = secret or hidden(*old) or hidden(*new)
    if before is after is ABSENT:
        return f"{path}: order changed"
    if before is ABSENT:
        return f"{path}: added" if secret else f"{path}: + {_value(after)}"
    if after is ABSENT:
        return f"{path}: removed" if secret else f"{path}: - {_value(before)}"
    return f"{path}: changed" if secret else f"{path}: {_value(before)} -> {_value(after)}"


def _value(value: Any) -> str:
    return cut(visible(json.dumps(value, ensure_ascii=False, separators=(",", ":"))), VALUE_CHARACTERS)
