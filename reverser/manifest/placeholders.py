"""Placeholders in the files of others: what somebody fills in before the text is a manifest.

`${env}` is filled in by Flux or envsubst, `{{ .Values.env }}` by Helm. Where one begins, nothing can be
edited; in a name one stands for any text.
"""

from __future__ import annotations

import re

BEGINS = re.compile(r"\$\{|\{\{")
_WHOLE = re.compile(r"\$\{[^}]{0,253}+\}|\{\{.{0,253}?\}\}")
"""Bounded: it is looked for at each `${` of a stranger's file, and stands for a part of a name."""


def has_placeholder(text: str) -> bool:
    """Whether a text is filled in by somebody before it is a manifest."""
    return BEGINS.search(text) is not None


def fixed_parts(pattern: str) -> list[str]:
    """What stands before, between and behind the placeholders of a name; one part: it has none."""
    return _WHOLE.split(pattern)


def matches(pattern: str, text: str) -> bool:
    """Whether placeholders can stand for the rest of the text."""
    pieces = fixed_parts(pattern)
    if len(pieces) == 1:
        return pattern == text
    first, *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
