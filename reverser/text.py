"""Text from a cluster, made fit for one line of a commit message.

Names and values may hold anything. What could end a line, hide, or turn the direction of writing
is spelt as JSON spells it, so that no name can forge a line of its own.
"""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff]"
)


_SIMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
KEY_CHARACTERS = 80


def visible(text: str) -> str:
    """The text on one line, with nothing invisible in it."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def cut(text: str, characters: int) -> str:
    """At most so many characters; what was cut off leaves an ellipsis."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def child(path: str, key: str) -> str:
    """The path of a map's field: no key can end a line, hide, be long, or pass for two fields."""
    if _SIMPLE.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}['{_bracketed(key)}']"


def label(name: str) -> str:
    """The name of an item of a list, fit to stand in brackets as keys are."""
    return _bracketed(name)


def _bracketed(name: str) -> str:
    spelt = visible(name).replace("'", "\\u0027").replace("]", "\\u005d")
    return cut(spelt, KEY_CHARACTERS)
