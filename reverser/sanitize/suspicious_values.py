"""Values that look like secrets in objects of any kind: found, to be shown or masked.

Every text of a document is looked at. The values of Secrets are masked by then and fit no rule.
Keys are names: they are shown, and not looked at.

`find` looks for them, each by the name that it has.

The name is its key; of an item with `name` and `value` (an environment variable) the name; of an
argument the option before it. Every written document is walked, so this is made to be fast: a long text
is looked at in parts, each of them once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from reverser.model.condition import Suspicion
from reverser.sanitize.json_content import Content
from reverser.sanitize.named_secrets import NAMED, inside, looks_random, name_in, named, names_secret, option
from reverser.sanitize.sensitive_values import masked_value
from reverser.sanitize.token_patterns import token
from reverser.text import child, cut, label

Steps: TypeAlias = tuple[str | int, ...]
Way: TypeAlias = "tuple[Way, str | int] | tuple[()]"
"""Steps from the last to the first: made at each field, hence without a copy of those before."""
Matches: TypeAlias = list[tuple[Way, str]]

LEAST_CHARACTERS = 8
"""A shorter text is no secret that anybody could tell by its looks."""
SHORT = 64
MOST_LONG = 8192
MOST_CHARACTERS = 2 * 1024 * 1024
"""How much of a text is looked at: more than an API server stores in one object."""
PART = 64 * 1024
"""Characters looked at in one go: an expression holds up all other threads until it is through."""
OVERLAP = 8 * 1024
"""What two parts share, so that no secret is cut in two: private keys have some thousand characters."""

_LONG: dict[tuple[int, int], str] = {}
_ASSIGNS = re.compile("[=\n]|: ")


def find(content: Content) -> list[tuple[Steps, str]]:
    """(where it is, rule that it fits) of each text that looks like a secret."""
    matches: Matches = []
    _in_map(content, (), matches)
    return [(_steps(way), rule) for way, rule in matches]


def looks_secret(name: str, value: Any) -> bool:
    """Whether a value that is called so looks like a secret, or holds what does."""
    if isinstance(value, str):
        return len(value) >= LEAST_CHARACTERS and bool(_rule_for(name, value))
    return isinstance(value, dict | list) and bool(find({name: value}))


def _in_map(node: dict[str, Any], way: Way, matches: Matches) -> None:
    for key, value in node.items():
        kind = type(value)
        if kind is str:
            if len(value) >= LEAST_CHARACTERS:
                name = name_in(node, key) if key == "value" else key
                if rule := _rule_for(name, value):
                    matches.append(((way, key), rule))
        elif kind is dict:
            _in_map(value, (way, key), matches)
        elif kind is list:
            _in_list(key, value, (way, key), matches)


def _in_list(name: str, items: list[Any], way: Way, matches: Matches) -> None:
    before: Any = ""
    for index, item in enumerate(items):
        kind = type(item)
        if kind is dict:
            _in_map(item, (way, index), matches)
        elif kind is str:
            if len(item) >= LEAST_CHARACTERS and (rule := _rule_for(option(before) or name, item)):
                matches.append(((way, index), rule))
        elif kind is list:
            _in_list(name, item, (way, index), matches)
        before = item


def _steps(way: Way) -> Steps:
    steps: list[str | int] = []
    while way:
        way, step = way
        steps.append(step)
    return tuple(reversed(steps))


def _rule_for(name: str, value: str) -> str:
    """Name of the rule that a value of this name fits; "" when it fits none.

    Objects repeat their short texts so much, also under several names, that a cache pays.
    """
    if len(value) > SHORT:
        return _rule_of_long(name, value)
    rule, assigned = _rules_of_short(value)
    return rule or (NAMED if names_secret(name) and looks_random(name, value) else assigned)


@lru_cache(maxsize=8192)
def _rules_of_short(value: str) -> tuple[str, str]:
    """(rule of a token, rule of what is assigned inside of it)"""
    return token(value), _inside(value)


def _rule_of_long(name: str, value: str) -> str:
    """Long texts come again with each event of their object, and are remembered without being kept.

    Python keys its 64-bit hash anew in each process: no two texts can be made to meet in it.
    """
    key = (len(value), hash((name, value)))
    if (rule := _LONG.get(key)) is None:
        if len(_LONG) >= MOST_LONG:
            _LONG.clear()
        rule = _LONG[key] = _rule(name, value)
    return rule


def _rule(name: str, value: str) -> str:
    """Name of the rule that a value of this name fits; "" when it fits none."""
    if len(value) <= PART:
        return token(value) or named(name, value) or _inside(value)
    parts = list(_parts(value[:MOST_CHARACTERS]))
    return next(filter(None, map(token, parts)), "") or next(filter(None, map(_inside, parts)), "")


def _inside(text: str) -> str:
    return inside(text) if _ASSIGNS.search(text) else ""


def _parts(text: str) -> Iterator[str]:
    """Begins and ends of parts are where words begin, if there is a blank near."""
    start, end = 0, 0
    while end < len(text):
        end = _blank_before(text, start + PART)
        yield text[start:end]
        start = _blank_before(text, end - OVERLAP)


def _blank_before(text: str, end: int) -> int:
    if end >= len(text):
        return len(text)
    position = max(text.rfind(blank, end - OVERLAP, end) for blank in "\n ")
    return end if position < 0 else position + 1


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
        parent = _copy_at(copies, tuple(way))
        parent[last] = masked_value(parent[last], key)
    masked: Content = copies[()]
    return masked


def _copy_at(copies: dict[Steps, Any], way: Steps) -> Any:
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
    return label(name) if isinstance(name, str) and not looks_secret("name", name) else str(index)
