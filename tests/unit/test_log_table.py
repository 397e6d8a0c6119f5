"""docs/log.md and the code name the same log events, with the same levels and fields."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from reverser.log import LEVELS

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/log.md"
LOGGERS = {"log", "self._log"}
METHODS = {**dict.fromkeys(LEVELS, ""), "exception": "error"}
FIELDS = {"exc_info": "exception"}
"""What structlog makes of an argument."""


class Line(NamedTuple):
    """One event: in the table as one row, in the code as all calls that log it."""

    levels: frozenset[str]
    fields: frozenset[str]


def modules() -> Iterator[Path]:
    """All code of the package and of the plugins, wherever it stands."""
    for folder in ("reverser", "plugins"):
        yield from (
            path for path in sorted((ROOT / folder).rglob("*.py")) if not {"tests", "build"} & {*path.parts}
        )


class Calls(ast.NodeVisitor):
    """Finds the calls of a module that log: `log.info(…)`, or by `report = log.info if … else …`."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, frozenset[str]]] = []
        self._seen: set[ast.expr] = set()
        self._aliases: dict[str, list[str]] = {}

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.IfExp) and isinstance(node.targets[0], ast.Name):
            ways = [node.value.body, node.value.orelse]
            if all(_level(way) for way in ways):
                self._aliases[node.targets[0].id] = [_level(way) for way in ways]
                self._seen.update(ways)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        levels = [_level(node.func)]
        if isinstance(node.func, ast.Name):
            levels = self._aliases.get(node.func.id, [""])
        if any(levels):
            self._seen.add(node.func)
            for level in levels:
                self.found.append((_event(node), level, _fields(node)))
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        """A processor of structlog puts this line in the place of another one, and keeps its level."""
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
        if "event" in keys and len(keys) == len(node.keys):
            event = node.values[keys.index("event")]
            fields = frozenset(str(key) for key in keys if key != "event")
            if isinstance(event, ast.Constant):
                self.found += [(str(event.value), level, fields) for level in LEVELS]
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        assert not _level(node) or node in self._seen, f"line {node.lineno} hands a log method on"
        self.generic_visit(node)


def _level(node: ast.expr) -> str:
    if not isinstance(node, ast.Attribute) or ast.unparse(node.value) not in LOGGERS:
        return ""
    return METHODS.get(node.attr, "") or (node.attr if node.attr in METHODS else "")


def _event(call: ast.Call) -> str:
    assert len(call.args) == 1, f"line {call.lineno}: an event and fields by name, nothing else"
    [event] = call.args
    assert isinstance(event, ast.Constant), f"line {call.lineno}: an event is a constant text"
    return str(event.value)


def _fields(call: ast.Call) -> frozenset[str]:
    assert all(word.arg for word in call.keywords), f"line {call.lineno}: fields are named one by one"
    return frozenset(FIELDS.get(word.arg, word.arg) for word in call.keywords if word.arg)


def in_code() -> dict[str, Line]:
    """Event -> all levels and fields with which the code logs it."""
    levels, fields = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for path in modules():
        calls = Calls()
        calls.visit(ast.parse(path.read_text()))
        for event, level, names in calls.found:
            levels[event].add(level)
            fields[event] |= names
    return {event: Line(frozenset(levels[event]), frozenset(fields[event])) for event in levels}


def rows() -> list[list[str]]:
    """The cells of each row: event, level, fields, meaning, what to do."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def in_table() -> dict[str, Line]:
    """Event -> the levels and fields that the table gives it."""
    return {
        row[0].strip("`"): Line(frozenset(row[1].split(", ")), frozenset(re.findall(r"`(\w+)`", row[2])))
        for row in rows()
    }


def test_the_table_has_every_event_of_the_code() -> None:
    """Each event that the code logs has a row, and each row an event; levels and fields are the same."""
    assert in_table() == in_code()


def test_each_event_is_one_row_in_alphabetical_order() -> None:
    """A reader finds a line of the log by its first letters."""
    events = [row[0].strip("`") for row in rows()]

    assert events == sorted(set(events), key=str.lower)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0].strip("`"))
def test_each_event_says_what_it_means_and_what_to_do(row: list[str]) -> None:
    """A row has five cells, none of them empty."""
    assert len(row) == 5
    assert all(row[0:2] + row[3:5])
