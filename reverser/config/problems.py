"""Gathers the problems of one file, at most one for each key.

A key that already has a problem is not looked at again: its value in the decoded struct is only
the default that stands in for what could not be read.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from reverser.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Report:
    """The problems found so far, in the order of finding."""

    def __init__(self) -> None:
        self._problems: dict[str, Problem] = {}

    @property
    def problems(self) -> list[Problem]:
        return list(self._problems.values())

    def add(self, path: str, message: str, hint: str = "") -> None:
        """Note a problem; a second one of the same key is dropped."""
        self._problems.setdefault(path, Problem(path, message, hint))

    def has_problem(self, path: str) -> bool:
        """Whether the key itself, or a part of its value, already has a problem."""
        return any(_within(known, path) for known in self._problems)

    def faulty(self, path: str) -> bool:
        """Whether the key, a part of its value, or a table around it already has a problem."""
        return any(_within(path, known) or _within(known, path) for known in self._problems)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


def show(value: Any) -> str:
    """A value as TOML spells it, cut to a length that fits a line."""
    text = "true" if value is True else "false" if value is False else _quoted(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _quoted(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    return '"' + value.replace("\n", "\\n") + '"' if isinstance(value, str) else str(value)


def one_of(allowed: Iterable[Any]) -> str:
    """`auto, console or json`."""
    *head, last = [show(each).strip('"') for each in allowed]
    return f"{', '.join(head)} or {last}" if head else last


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known word; empty when none is near."""
    by_folded = {each.lower().replace("-", "_"): each for each in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), by_folded, n=1, cutoff=0.6)
    return f"did you mean {by_folded[near[0]]}?" if near else ""


def key_paths(names: Sequence[Any], path: str) -> list[str]:
    """The key path of each table of a list: by name where the names tell them apart, else by number."""
    return [
        f"{path}.{name}" if isinstance(name, str) and name and names.count(name) == 1 else f"{path}[{index}]"
        for index, name in enumerate(names)
    ]
