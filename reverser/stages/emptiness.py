"""Members of an object that are null or an empty list, left out of its JSON.

Built-in types are stored as protobuf, which knows no empty list: `rules: []` comes back as null. Nearly
every object has one (`creationTimestamp: null` in a pod template), and to walk through it takes ten times
as long as to encode it. So the text is cut, where that is sure to be the same, and walked through otherwise.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_EMPTY = re.compile(rb'":(?<![^\\]\\":)(?:null|\[\])')
"""Where a member's name ends. Not text that looks so, a manifest in an annotation: there one backslash is
before the quote. Two may be a name's own end, or text within text."""
_LATER = re.compile(rb',"[\w./-]+":(?:null|\[\])')
_FIRST = re.compile(rb'\{"[\w./-]+":(?:null|\[\]),?')
"""Never in the middle of text: between the end of one text and the next are signs that no name here has."""


def without_empty(content: dict[str, Any]) -> bytes:
    """The object as compact JSON with sorted keys, without such members at any depth."""
    encoded = msgspec.json.encode(content, order="deterministic")
    if not _EMPTY.search(encoded):
        return encoded
    cut = _FIRST.sub(b"{", _LATER.sub(b"", encoded))
    return msgspec.json.encode(_walked(content), order="deterministic") if _EMPTY.search(cut) else cut


def _walked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _walked(item) for key, item in value.items() if item is not None and item != []}
    if isinstance(value, list):
        return [_walked(item) for item in value]
    return value
