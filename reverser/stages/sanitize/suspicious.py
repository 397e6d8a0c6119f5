"""Values that look like secrets in objects of any kind: found, to be shown or masked.

Every text of a document is looked at, with the name that it has: its key; of an item with `name` and
`value` (an environment variable) the name; of an argument the option before it. The values of
Secrets are masked by then and fit no rule. Keys are names: they are shown, and not looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeAlias

from reverser.model.suspicion import Suspicion
from reverser.stages.sanitize.content import Content
from reverser.stages.sanitize.secrets import masked_value
from reverser.stages.sanitize.telling import inside, named, tells
from reverser.stages.sanitize.tokens import token
from reverser.stages.text import cut, visible

Steps: TypeAlias = tuple[str | int, ...]
Found: TypeAlias = list[tuple[Steps, str]]

LEAST_CHARACTERS = 8
"""A shorter text is no secret that anybody could tell by its looks."""
SHORT = 64
NAME_CHARACTERS = 80

_ASSIGNS = re.compile("[=\n]|: ")
_SIMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def suspicious(content: Content) -> tuple[Suspicion, ...]:
    """What looks like a secret in a document, by field."""
    return tuple(Suspicion(_spelt(content, steps), rule) for steps, rule in _find(content))


def without_suspicious(content: Content, key: bytes) -> Content:
    """The content with each of these values as a digest; `content` itself stays.

    Raises WithheldError without a usable key.
    """
    for steps, _ in _find(content):
        content = _masked(content, steps, key)
    return content


def _find(content: Content) -> Found:
    found: Found = []
    _in_map(content, (), found)
    return found


def _in_map(node: dict[str, Any], steps: Steps, found: Found) -> None:
    for key, value in node.items():
        kind = type(value)
        if kind is str:
            if len(value) >= LEAST_CHARACTERS:
                name = node["name"] if key == "value" and type(node.get("name")) is str else key
                if rule := (_of_short if len(value) <= SHORT else _of)(name, value):
                    found.append(((*steps, key), rule))
        elif kind is dict:
            _in_map(value, (*steps, key), found)
        elif kind is list:
            _in_list(key, value, (*steps, key), found)


def _in_list(name: str, items: list[Any], steps: Steps, found: Found) -> None:
    option = ""
    for index, item in enumerate(items):
        kind = type(item)
        if kind is str:
            look = _of_short if len(item) <= SHORT else _of
            if len(item) >= LEAST_CHARACTERS and (rule := look(option or name, item)):
                found.append(((*steps, index), rule))
            option = item if item[:1] == "-" and tells(item) else ""
        elif kind is dict:
            _in_map(item, (*steps, index), found)
        elif kind is list:
            _in_list(name, item, (*steps, index), found)


@lru_cache(maxsize=16384)
def _of_short(name: str, value: str) -> str:
    """Objects repeat their texts so much that a cache pays, as it does for YAML."""
    return _of(name, value)


def _of(name: str, value: str) -> str:
    """Name of the rule that a value of this name fits; "" when it fits none."""
    return token(value) or named(name, value) or (inside(value) if _ASSIGNS.search(value) else "")


def _masked(node: Any, steps: Steps, key: bytes) -> Any:
    if not steps:
        return masked_value(node, key)
    head, rest = steps[0], steps[1:]
    if isinstance(node, list):
        return [_masked(item, rest, key) if index == head else item for index, item in enumerate(node)]
    return {name: _masked(item, rest, key) if name == head else item for name, item in node.items()}


def _spelt(node: Any, steps: Steps) -> str:
    """The path as people read it; an item of a list by its name, where it has one."""
    path = ""
    for step in steps:
        node = node[step]
        if isinstance(step, int):
            path += f"[{_label(node, step)}]"
        elif _SIMPLE.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"['{cut(visible(step), NAME_CHARACTERS)}']"
    return path


def _label(item: Any, index: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return str(index) if not isinstance(name, str) or token(name) else cut(visible(name), NAME_CHARACTERS)
