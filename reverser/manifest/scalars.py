"""What a plain YAML scalar is, as kubectl reads it: by go-yaml v2, which follows YAML 1.1 with exceptions.

`yes`, `on` and `y` are true, `0644` and `0o644` are 420, `1_000` is 1000, `12:30` and dates are text. What
kubectl has read it sends as JSON, and there `1.0` and `1e3` are the integers 1 and 1000: `sent` tells it.
"""

from __future__ import annotations

import math
import re
from typing import Any

_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_KEYWORDS: dict[str, Any] = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False) | dict.fromkeys(_NULL)
_NO_NUMBERS = re.compile(r"[-+]?\.inf|[-+]?\.Inf|[-+]?\.INF|\.nan|\.NaN|\.NAN")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_POINT_FIRST = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?", re.ASCII)
_BASES = (16, 2, 8, 10)
LARGEST = 10**308
DIGITS_MOST = 400
"""A longer number is text to every reader: it has no finite value, or more digits than any has use for."""


class NoJson(ValueError):
    """A value that JSON does not have: infinity, or no number."""


def resolve(text: str) -> Any:
    """The value of a plain scalar, with a number's type as it is written. Raises NoJson."""
    if text in _KEYWORDS:
        return _KEYWORDS[text]
    if _NO_NUMBERS.fullmatch(text):
        raise NoJson(text)
    first = text[0]
    if first == ".":
        return _float(text, text.replace("_", "")) if _POINT_FIRST.fullmatch(text) else text
    if not (first in "+-" or (first.isascii() and first.isdigit())) or len(text) > DIGITS_MOST:
        return text
    plain = text.replace("_", "")
    integer = _integer(plain)
    if integer is not None:
        return integer
    return _float(text, plain) if _FLOAT.fullmatch(plain) else text


def number(value: int | float) -> int | float:
    """A number as it is after it was sent as JSON: whole ones of 64 bits are integers, all others floats."""
    if isinstance(value, int):
        return float(value) if 2**63 <= abs(value) < LARGEST and value != -(2**63) else value
    whole = value == math.floor(value) and -(2**63) <= value < 2**63
    return int(value) if whole else value


def sent(value: Any) -> Any:
    """JSON content as the API server gets it: with every number as `number` has it."""
    if isinstance(value, dict):
        return {key: sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sent(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return number(value)


def _integer(plain: str) -> int | None:
    match = _INTEGER.fullmatch(plain)
    if match is None:
        return None
    sign, *digits = match.groups()
    base, text = next((base, text) for base, text in zip(_BASES, digits, strict=True) if text is not None)
    value = int(text, base) * (-1 if sign == "-" else 1)
    return value if -(2**63) <= value < 2**64 or (base == 10 and abs(value) < LARGEST) else None


def _float(text: str, plain: str = "") -> Any:
    value = float(plain or text)
    return value if math.isfinite(value) else text
