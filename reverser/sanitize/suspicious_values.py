"""Values that look like secrets in objects of any kind: found, to be shown or masked.

Every text of a document is looked at. The values of Secrets are masked by then and fit no rule.
Keys are names: they are shown, and not looked at.
"""

from __future__ import annotations

from typing import Any

from reverser.model.suspicion import Suspicion
from reverser.sanitize.json_content import Content
from reverser.sanitize.mask import masked_value
from reverser.sanitize.secret_search import Steps, find, hides
from reverser.text import child, cut, label

PATH_CHARACTERS = 300


def suspicious(content: Content) -> tuple[Suspicion, ...]:
    """What looks like a secret in a document, by field."""
    return tuple(Suspicion(_spelt(content, steps), rule) for steps, rule in find(content))


def without_suspicious(content: Content, key: bytes) -> Content:
    """The content with each of these values as a digest; `content` itself stays.

    Raises WithheldError without a usable key.
    """
    # Asked for every event, for a record proves nothing: it may be of another setting, or of older rules.
    copies: dict[Steps, Any] = {(): content.copy()}
    for steps, _ in find(content):
        *way, last = steps
        parent = _copied(copies, tuple(way))
        parent[last] = masked_value(parent[last], key)
    made: Content = copies[()]
    return made


def _copied(copies: dict[Steps, Any], way: Steps) -> Any:
    """The copy of what stands at the end of the way; each map and list is copied once."""
    for length in range(1, len(way) + 1):
        here = way[:length]
        if here not in copies:
            parent = copies[here[:-1]]
            copies[here] = parent[here[-1]] = parent[here[-1]].copy()
    return copies[way]


def _spelt(node: Any, steps: Steps) -> str:
    """The path as people read it; an item of a list by its name, where it has one that may be shown."""
    path = ""
    for step in steps:
        node = node[step]
        path = f"{path}[{_label(node, step)}]" if isinstance(step, int) else child(path, step)
    return cut(path, PATH_CHARACTERS)


def _label(item: Any, index: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return label(name) if isinstance(name, str) and not hides("name", name) else str(index)
