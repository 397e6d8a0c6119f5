"""Objects nested deeper than our JSON readers can follow: they are cut, so that they can be reported.

An API server takes custom resources of ten thousand levels; whatever decodes JSON here recurses, and
gives up at a thousand. One such object must not stop the stream of its type. Below `MOST_LEVELS`
its values become null, and what that deep is never written: the emitter withholds the object long
before, unless the sanitizer strips that part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

MOST_LEVELS = 500
"""More than the emitter writes (see `manifest.emitter`), by enough for what a list or an event adds."""

_MARK = re.compile(rb'[\[{]|[\]}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)


def decoded(text: bytes, decode: Callable[[bytes], T]) -> T:
    """What `decode` makes of a JSON document, however deep it is nested."""
    try:
        return decode(text)
    except RecursionError:
        return decode(shallow(text))


def shallow(text: bytes) -> bytes:
    """The JSON document, with null for every map and list below `MOST_LEVELS` levels."""
    parts, start, level = list[bytes](), 0, 0
    for match in _MARK.finditer(text):
        mark = match[0]
        if mark in b"[{":
            level += 1
            if level == MOST_LEVELS + 1:
                parts += (text[start : match.start()], b"null")
        elif mark in b"]}":
            if level == MOST_LEVELS + 1:
                start = match.end()
            level -= 1
    return b"".join((*parts, text[start:]))
