"""New values as text in the style of the file that they are put into.

Strings are spelled as in our own files (`emitter`), so that every reader takes them for strings; indentation
and quotes follow the neighbours.

A map is indented as its own entries are; where they do not tell, as most of the file is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from reverser.manifest.emitter import one_line, quoted, scalar, text_of
from reverser.manifest.nodes import Node


class Style(msgspec.Struct, frozen=True):
    """How a file is indented."""

    step: int = 2
    """Columns from a key to the keys below it."""
    offset: int = 0
    """Columns from a key to the dashes below it."""


def below(value: Any, pad: int, style: Style) -> str:
    """What follows `key:`, whose key stands at column `pad`, without the last line end."""
    if isinstance(value, dict) and value:
        return "\n" + entries(value, pad + style.step, style)
    if isinstance(value, list) and value:
        return "\n" + items(value, pad + style.offset, style)
    return f" {_leaf(value, pad)}"


def entries(value: dict[str, Any], pad: int, style: Style) -> str:
    """A map in block style, its keys at column `pad`."""
    return "\n".join(f"{' ' * pad}{one_line(key)}:{below(each, pad, style)}" for key, each in value.items())


def items(value: list[Any], pad: int, style: Style) -> str:
    """A list in block style, its dashes at column `pad`."""
    return "\n".join(f"{' ' * pad}- {item(each, pad, style)}" for each in value)


def item(value: Any, pad: int, style: Style) -> str:
    """What follows `- ` at column `pad`."""
    if isinstance(value, dict) and value:
        return entries(value, pad + 2, style).lstrip(" ")
    if isinstance(value, list) and value:
        return items(value, pad + 2, style).lstrip(" ")
    return _leaf(value, pad)


def _leaf(value: Any, pad: int) -> str:
    return text_of(value, " " * pad) if isinstance(value, str) else scalar(value)


def alike(value: Any, before: str) -> str:
    """A single value on one line, in the quotes of the text that it replaces."""
    if not isinstance(value, str):
        return scalar(value)
    plain = one_line(value)
    if before.startswith("'") and "\n" not in value and "\\" not in plain.replace("\\\\", ""):
        return "'" + value.replace("'", "''") + "'"
    return quoted(value) if before.startswith('"') else plain


def in_flow(value: Any, *, bare: bool, indent: str = "") -> str:
    """A value between brackets. `bare`: words stand there without quotes; `indent`: one entry a line."""
    if isinstance(value, dict) and value:
        return _bracketed("{}", _pairs(value, bare=bare, indent=indent), indent)
    if isinstance(value, list) and value:
        deeper = _deeper(indent)
        return _bracketed("[]", (in_flow(each, bare=bare, indent=deeper) for each in value), indent)
    if not isinstance(value, str):
        return scalar(value)
    plain = one_line(value)
    return plain if bare and plain == value and not set(value) & set(",[]{}: ") else quoted(value)


def _pairs(value: dict[str, Any], *, bare: bool, indent: str) -> Iterator[str]:
    deeper = _deeper(indent)
    for key, each in value.items():
        yield f"{in_flow(key, bare=bare)}: {in_flow(each, bare=bare, indent=deeper)}"


def _bracketed(brackets: str, parts: Iterator[str], indent: str) -> str:
    if not indent:
        return f"{brackets[0]}{', '.join(parts)}{brackets[1]}"
    inner = _deeper(indent)
    return f"{brackets[0]}{inner}{f',{inner}'.join(parts)}{indent}{brackets[1]}"


def _deeper(indent: str) -> str:
    """`indent` is a line end and the blanks of the line that opens the bracket."""
    return f"{indent}  " if indent else ""


Column = Callable[[int], int]
"""Of a place in the text."""


def whole(root: Node, column: Column) -> Style:
    """What most entries of a document do; kubectl's way where there are none."""
    steps: Counter[int] = Counter()
    offsets: Counter[int] = Counter()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        for is_map, columns in _indented(node, column):
            (steps if is_map else offsets)[columns] += 1
        nodes += [value for _, value in node.pairs if not value.flow]
        nodes += [each for each in node.items if not each.flow and node.kind == "list"]
    return Style(_most(steps, 2), _most(offsets, 0))


def local(node: Node, column: Column, otherwise: Style) -> Style:
    """What the entries of one map do."""
    step, offset = otherwise.step, otherwise.offset
    for is_map, columns in _indented(node, column):
        step, offset = (columns, offset) if is_map else (step, columns)
    return Style(step, offset)


def _indented(node: Node, column: Column) -> Iterator[tuple[bool, int]]:
    """(whether it is a map, by how many columns) of the block values of a map."""
    if node.flow:
        return
    for key, value in node.pairs:
        if not value.flow and (value.pairs or (value.items and value.kind == "list")):
            yield value.kind == "map", max(column(value.start) - column(key.start), 0)


def _most(counted: Counter[int], otherwise: int) -> int:
    return counted.most_common(1)[0][0] if counted else otherwise
