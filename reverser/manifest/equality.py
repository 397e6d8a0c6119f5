"""Whether two JSON values are the same value, with their types.

Python takes `1`, `1.0` and `True` for equal; in JSON they are three values, and a file that says one of
them does not say the others. Each value is looked at once, and without recursion: an object may be
nested deeper than Python's stack.
"""

from __future__ import annotations

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON value; the order of keys in a map does not count."""
    pairs = [(one, other)]
    while pairs:
        one, other = pairs.pop()
        if one is other:
            continue
        if type(one) is not type(other):
            return False
        if isinstance(one, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(value, other[key]) for key, value in one.items()]
        elif isinstance(one, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif not _same_scalar(one, other):
            return False
    return True


def _same_scalar(one: Any, other: Any) -> bool:
    """`-0.0` is not `0.0`: they are written differently."""
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)
