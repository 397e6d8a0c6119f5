"""The API's LabelSelector: checked, matched against labels, and spelt in kubectl's syntax for rules.

All of its parts must hold; an empty one selects everything. In, NotIn, Exists and DoesNotExist mean what they
mean in the API: NotIn also holds for labels without the key. What the API server would refuse is a ValueError
with a sentence, so that a selector that nobody can read never selects anything. So is one that is too large:
selectors of many GitRepoConfigs and rules are read in one go, and nobody's may delay the others'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from reverser.custom_resources.api_types import LabelSelector, LabelSelectorRequirement
from reverser.select.labels import Requirement, Selector
from reverser.text import cut, visible

MOST_CHARACTERS = 100_000
"""Of all keys and values of one selector."""
MOST_REQUIREMENTS = 200
"""Entries of `matchLabels` and `matchExpressions` of one selector together."""
MOST_VALUES = 2_000
"""Of all `matchExpressions` of one selector together."""
MOST_REMEMBERED = 128
"""Selectors that are not read again: a policy is asked about by each rule that names its GitRepoConfig."""
OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
_PART = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_PREFIX = re.compile(rf"{_PART}(?:\.{_PART})*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(rf"(?:{_NAME.pattern})?")


class SelectorTooLarge(ValueError):
    """A selector that asks for more work than one object may."""


def read(selector: LabelSelector) -> Selector:
    """The selector as it is matched. Raises ValueError with a sentence that says what is wrong."""
    _check_size(selector)
    return _read(tuple(selector.match_labels.items()), selector.match_expressions)


@lru_cache(maxsize=MOST_REMEMBERED)
def _read(equal: tuple[tuple[str, str], ...], more: tuple[LabelSelectorRequirement, ...]) -> Selector:
    pairs = [_requirement(key, "In", (value,)) for key, value in equal]
    return Selector((*pairs, *(_requirement(each.key, each.operator, each.values) for each in more)))


def spelt(selector: LabelSelector | None) -> str:
    """The selector as `select.labels` reads it; empty without one. Raises ValueError as `read` does."""
    if selector is None:
        return ""
    return ",".join(sorted({_spelt(each) for each in read(selector).requirements}))


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil the selector. Raises ValueError as `read` does."""
    return read(selector).matches(labels)


def _check_size(selector: LabelSelector) -> None:
    _check(len(selector.match_labels) + len(selector.match_expressions), MOST_REQUIREMENTS, "requirements")
    _check(sum(len(each.values) for each in selector.match_expressions), MOST_VALUES, "values")
    _check(sum(map(len, _texts(selector))), MOST_CHARACTERS, "characters")


def _check(number: int, most: int, what: str) -> None:
    if number > most:
        raise SelectorTooLarge(f"has {number:,} {what}; {most:,} is the most that is read")


def _texts(selector: LabelSelector) -> Iterator[str]:
    for key, value in selector.match_labels.items():
        yield key
        yield value
    for each in selector.match_expressions:
        yield each.key
        yield from each.values


def _requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    if not _is_key(key):
        raise ValueError(f"{_quoted(key)} is not the key of a label")
    if operator not in OPERATORS:
        raise ValueError(f"{_quoted(operator)} is not an operator; write {', '.join(OPERATORS)}")
    if operator in ("In", "NotIn") and not values:
        raise ValueError(f"{operator} of {_quoted(key)} needs values")
    if operator in ("Exists", "DoesNotExist") and values:
        raise ValueError(f"{operator} of {_quoted(key)} takes no values")
    for value in values:
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{_quoted(value)} is not the value of a label")
    return Requirement(key, OPERATORS[operator], frozenset(values))  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix)):
        return False
    return _NAME.fullmatch(name) is not None


def _spelt(requirement: Requirement) -> str:
    key, values = requirement.key, sorted(requirement.values)
    match requirement.operator:
        case "exists":
            return key
        case "absent":
            return f"!{key}"
    if len(values) == 1:
        return f"{key}{'=' if requirement.operator == 'in' else '!='}{values[0]}"
    return f"{key} {requirement.operator} ({','.join(values)})"


def _quoted(text: str) -> str:
    return f'"{cut(visible(text), 80)}"'
