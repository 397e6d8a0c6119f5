"""What one destination wants of the sanitizer, and the field paths of its rules, compiled.

Which rules apply depends on the resource type alone, so the paths are parsed once per policy and
type and kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from reverser.model.resource import ResourceType
from reverser.model.rule import SanitizeRule, SensitiveRule
from reverser.sanitize.field_path import parse_path
from reverser.select.resources import means

Paths = tuple[tuple[str, ...], ...]


class Policy(msgspec.Struct, frozen=True):
    """How documents of one destination look."""

    style: Literal["full", "minimal"]
    """minimal leaves out what equals the API's default."""
    secrets: Literal["omit", "mask", "encrypt"]
    """Documents are masked whatever it says: omit is nobody asking for one, encrypt for `in_clear` too."""
    mask_key: bytes
    """Key of the digests that stand for the values of Secrets: 1 to 64 bytes."""
    suspicious: Literal["flag", "mask", "ignore"] = "flag"
    """mask: what looks like a secret is masked like the values of Secrets; flag: it is told of."""
    rules: tuple[SanitizeRule, ...] = ()
    """The user's additions, for all types. A path that cannot be read withholds every object."""
    sensitive: tuple[SensitiveRule, ...] = ()
    """What is treated like the values of a Secret."""


class FieldRules(msgspec.Struct, frozen=True):
    """The user's field paths for one type."""

    strip: Paths
    insignificant: Paths


@lru_cache(maxsize=4096)
def field_rules(rules: tuple[SanitizeRule, ...], type: ResourceType) -> FieldRules:  # noqa: A002
    """The paths of all rules that match the type."""
    matching = [rule for rule in rules if any(means(pattern, type) for pattern in rule.resources)]
    return FieldRules(
        strip=tuple(parse_path(text) for rule in matching for text in rule.strip),
        insignificant=tuple(parse_path(text) for rule in matching for text in rule.insignificant),
    )
