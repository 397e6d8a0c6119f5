"""Which item of a list is which after a change: what stays in its place, what is new, what has gone.

Items are told apart by the key that people name them by, others by their whole content. Those that keep
their order stay; an item that moved goes at its old place and comes at its new one. Where one has gone and
another has come between the same neighbours, it is the same item with another content.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

KEYS = ("name", "mountPath", "containerPort", "port", "key", "ip", "topologyKey", "devicePath", "uid")

Pair = tuple[int | None, int | None]
"""(number of the old item, number of the new one)."""


def aligned(old: Sequence[Any], new: Sequence[Any]) -> list[Pair]:
    """Old and new items in the order in which they are written."""
    before, after = _labels(old, new), _labels(new, old)
    places = {label: at for at, label in enumerate(before)}
    met = [(places[label], at) for at, label in enumerate(after) if label in places]
    in_order = [met[at] for at in _rising([old_at for old_at, _ in met])]
    moved = {old_at for old_at, _ in met}, {new_at for _, new_at in met}
    rows: list[Pair] = []
    start = (0, 0)
    for old_at, new_at in [*in_order, (len(before), len(after))]:
        rows += _between(range(start[0], old_at), range(start[1], new_at), *moved)
        rows.append((old_at, new_at))
        start = old_at + 1, new_at + 1
    return rows[:-1]


def _between(old: range, new: range, old_moved: set[int], new_moved: set[int]) -> list[Pair]:
    """Items between two that stay: each that came takes the place of one that has gone."""
    came = [at for at in new if at not in new_moved]
    removed = [at for at in old if at not in old_moved]
    instead = dict(zip(came, removed, strict=False))
    taken = set(instead.values())
    rows: list[Pair] = [(at, None) for at in old if at not in taken]
    return rows + [(instead.get(at), at) for at in new]


def _labels(items: Sequence[Any], others: Sequence[Any]) -> list[tuple[Any, int]]:
    """A label for each item, and how often it was there before."""
    key = next((key for key in KEYS if _names_all(items, key) and _names_all(others, key)), None)
    seen: Counter[Any] = Counter()
    labels = []
    for item in items:
        label = (key, item[key]) if key else msgspec.json.encode(item, order="sorted")
        labels.append((label, seen[label]))
        seen[label] += 1
    return labels


def _names_all(items: Sequence[Any], key: str) -> bool:
    names = [item.get(key) if isinstance(item, dict) else None for item in items]
    return all(isinstance(name, str | int) for name in names) and len(set(names)) == len(names)


def _rising(numbers: Sequence[int]) -> list[int]:
    """Where the longest rising row of different numbers stands in them."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        position = bisect_left(tails, number)
        before.append(at[position - 1] if position else -1)
        tails[position : position + 1] = [number]
        at[position : position + 1] = [index]
    row: list[int] = []
    index = at[-1] if at else -1
    while index >= 0:
        row.append(index)
        index = before[index]
    return row[::-1]
