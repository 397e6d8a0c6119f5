"""How a file is indented: a map as its own entries are; where they do not tell, as most of the file is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from reverser.manifest.new_values import Style
from reverser.manifest.nodes import Node

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
