"""What the user calls sensitive is treated like the values of a Secret: left out, or masked.

    [[sensitive]]
    resources = ["databases.example.com"]
    paths = ["spec.password"]              # or keys = ["*-token"], or neither: all of the object

Masked values keep their places, so that a rotation shows; what they were cannot be guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule
from reverser.sanitize.field_path import parse_path, replaced
from reverser.sanitize.json_content import Content
from reverser.sanitize.mask import masked_value
from reverser.sanitize.object_copies import ANNOTATIONS, NEEDED
from reverser.select.resources import means

KEYED = ("data", "stringData", "binaryData")
IDENTITY = ("apiVersion", "kind")
ABSENT = object()
UNCLEAR = "PerhapsSensitive"
CLARIFY = "write it as plural.group, or take it out of [[sensitive]]"


def unclear(pattern: str) -> str:
    """Why objects of a type are withheld that the pattern could mean."""
    return f"it may be what [[sensitive]] means by {pattern!r}: no served type is called that"


class Sensitive(msgspec.Struct, frozen=True):
    """What is sensitive in objects of one type."""

    whole: bool = False
    """Everything but what names and marks the object."""
    paths: tuple[tuple[str, ...], ...] = ()
    keys: tuple[str, ...] = ()
    """Globs over the keys of `data` and its like."""
    perhaps: str = ""
    """A pattern that could mean the type: nobody can tell what of it is to be hidden."""

    def __bool__(self) -> bool:
        return self.whole or bool(self.paths or self.keys or self.perhaps)


@lru_cache(maxsize=4096)
def sensitive(rules: tuple[SensitiveRule, ...], type: ResourceType) -> Sensitive:  # noqa: A002
    """The rules for one type, together."""
    matching = [rule for rule in rules if any(means(pattern, type) for pattern in rule.resources)]
    return Sensitive(
        whole=any(not rule.paths and not rule.keys for rule in matching),
        paths=tuple(parse_path(text) for rule in matching for text in rule.paths),
        keys=tuple(glob for rule in matching for glob in rule.keys),
        perhaps=type.perhaps,
    )


def hidden(content: Content, what: Sensitive, key: bytes | None) -> Content:
    """The content with what is sensitive masked under `key`, or without it when there is none.

    `content` itself stays. Raises WithheldError without a usable key, and where nobody can tell what is
    sensitive.
    """
    if not what:
        return content
    if what.perhaps:
        raise WithheldError(UNCLEAR, unclear(what.perhaps), hint=CLARIFY)
    hide: Callable[[Any], Any] = (lambda _: ABSENT) if key is None else lambda value: digests(value, key)
    for path in what.paths:
        content = replaced(content, path, hide, ABSENT)
    content = _keyed(content, what.keys, hide) if what.keys else content
    for name in NEEDED:
        content = replaced(content, ("metadata", ANNOTATIONS, name), hide, ABSENT)
    return _whole(content, hide) if what.whole else content


def _keyed(content: Content, globs: Sequence[str], hide: Callable[[Any], Any]) -> Content:
    """Each map once, however many of its keys are meant."""
    for field in KEYED:
        values = content.get(field)
        if isinstance(values, dict):
            shown = {
                name: hide(value) if any(fnmatchcase(name, glob) for glob in globs) else value
                for name, value in values.items()
            }
            content = {**content, field: {name: item for name, item in shown.items() if item is not ABSENT}}
    return content


def _whole(content: Content, hide: Callable[[Any], Any]) -> Content:
    """Annotations may hold anything; labels are for selecting, and stay."""
    result: Content = {name: content[name] for name in IDENTITY if name in content}
    metadata = dict(content["metadata"])
    if "annotations" in metadata:
        metadata["annotations"] = hide(metadata["annotations"])
    result["metadata"] = {name: value for name, value in metadata.items() if value is not ABSENT}
    rest = {name: hide(value) for name, value in content.items() if name not in result}
    return result | {name: value for name, value in rest.items() if value is not ABSENT}


def digests(value: Any, key: bytes) -> Any:
    """Every leaf a digest of its own, so that the shape of a value still shows."""
    if isinstance(value, dict):
        return {name: digests(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [digests(item, key) for item in value]
    return masked_value(value if isinstance(value, str) else json.dumps(value), key)
