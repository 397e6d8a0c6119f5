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

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from reverser.manifest.diff import ABSENT, Difference, differences, hidden
from reverser.text import cut, visible

MOST_LINES = 10
VALUE_CHARACTERS = 60
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def describe(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, secret: bool = False
) -> tuple[str, ...]:
    """At most 10 lines; none when there is no old or no new document."""
    if old is None or new is None:
        return ()
    rest = differences(old, new)
    first = list(itertools.islice(rest, MOST_LINES))
    return lines(first, len(first) + sum(1 for _ in rest), secret=secret)


def lines(first: Sequence[Difference], number: int, *, secret: bool) -> tuple[str, ...]:
    """At most 10 lines of so many differences; of more than 10 the first 10 will do."""
    if number <= MOST_LINES:
        return tuple(line(each, secret=secret) for each in first)
    shown = MOST_LINES - 1
    return (*(line(each, secret=secret) for each in first[:shown]), f"… and {number - shown} more")


def line(difference: Difference, *, secret: bool) -> str:
    """One difference on one line."""
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
    return cut(visible("".join(_beginning(value))), VALUE_CHARACTERS)


def _beginning(value: Any) -> Iterator[str]:
    """The value as JSON, as much of it as is shown: a value may have megabytes."""
    if isinstance(value, str):
        yield _JSON.encode(value[:VALUE_CHARACTERS])
        return
    characters = 0
    for part in _JSON.iterencode(value):
        yield part[: VALUE_CHARACTERS + 1]
        characters += len(part)
        if characters > VALUE_CHARACTERS:
            return
