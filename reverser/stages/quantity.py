"""Kubernetes quantities, compared by meaning: `1024Mi` is `1Gi`, `0.5` is `500m`.

The API server writes them in one canonical form, people in the form they like. The grammar is that of
k8s.io/apimachinery/pkg/api/resource: a number, then a binary, a decimal, or an exponent suffix.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from reverser.stages.sanitize.builtin import BUILTIN_GROUPS

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,2}))?", re.ASCII)
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}

MAPPINGS = frozenset(
    {"limits", "requests", "hard", "capacity", "max", "min", "default", "defaultRequest", "podFixed"}
)
"""Keys of mappings from a resource's name to a quantity, in the built-in types."""
LENGTH_MOST = 100
"""Characters. What is longer is compared as it is written: Python refuses numbers of thousands of digits."""
FIELDS = frozenset({"sizeLimit", "divisor", "averageValue"})
"""Keys of single quantities."""


def parse(value: Any) -> Fraction | None:
    """What a quantity amounts to; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and len(value) > LENGTH_MOST:
        return None
    found = _FORM.fullmatch(str(value))
    if not found:
        return None
    number, binary, decimal, exponent = found.groups()
    power = _DECIMAL[decimal] if decimal else int(exponent or 0)
    scale: Fraction = Fraction(10) ** power
    factor = _BINARY[binary] if binary else 1
    return Fraction(number) * factor * scale


def spelled_as(new: Any, old: Any) -> Any:
    """The document `new`, with each quantity that means the same in `old` spelled as it is there.

    Only for built-in types, whose quantities the API server respells; elsewhere a text is a text.
    """
    group, slash, _ = str(new.get("apiVersion", "")).partition("/")
    return _spelled(new, old, "", within=False) if not slash or group in BUILTIN_GROUPS else new


def _spelled(new: Any, old: Any, key: str, *, within: bool) -> Any:
    if isinstance(new, dict) and isinstance(old, dict):
        return {
            name: _spelled(value, old.get(name), name, within=key in MAPPINGS) for name, value in new.items()
        }
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [_spelled(each, other, "", within=False) for each, other in zip(new, old, strict=True)]
    if (within or key in FIELDS) and parse(new) is not None and parse(new) == parse(old):
        return old
    return new
