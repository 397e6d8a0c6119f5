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
        left, right = pairs.pop()
        if left is right:
            continue
        if type(left) is not type(right):
            return False
        if isinstance(left, dict):
            if left.keys() != right.keys():
                return False
            pairs += [(value, right[key]) for key, value in left.items()]
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif not _same_scalar(left, right):
            return False
    return True


def _same_scalar(left: Any, right: Any) -> bool:
    """`-0.0` is not `0.0`: they are written differently."""
    return repr(left) == repr(right) if isinstance(left, float) else bool(left == right)
