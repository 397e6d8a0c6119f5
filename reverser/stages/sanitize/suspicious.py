"""Values that look like secrets in objects of any kind: found, to be shown or masked.

Every text of a document is looked at. The values of Secrets are masked by then and fit no rule.
Keys are names: they are shown, and not looked at.
"""

from __future__ import annotations

from typing import Any

from reverser.model.suspicion import Suspicion
from reverser.stages.sanitize.content import Content
from reverser.stages.sanitize.search import Steps, find, hides
from reverser.stages.sanitize.secrets import masked_value
from reverser.stages.text import child, cut, label

PATH_CHARACTERS = 300


def suspicious(content: Content) -> tuple[Suspicion, ...]:
    """What looks like a secret in a document, by field."""
    return tuple(Suspicion(_spelt(content, steps), rule) for steps, rule in find(content))


def without_suspicious(content: Content, key: bytes) -> Content:
    """The content with each of these values as a digest; `content` itself stays.

    Raises WithheldError without a usable key.
    """
    # Asked for every event, for a record proves nothing: it may be of another setting, or of older rules.
    for steps, _ in find(content):
        content = _masked(content, steps, key)
    return content


def _masked(node: Any, steps: Steps, key: bytes) -> Any:
    if not steps:
        return masked_value(node, key)
    head, rest = steps[0], steps[1:]
    if isinstance(node, list):
        return [_masked(item, rest, key) if index == head else item for index, item in enumerate(node)]
    return {name: _masked(item, rest, key) if name == head else item for name, item in node.items()}


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
