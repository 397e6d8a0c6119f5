"""Replaces one value of a document in the style of what stands there: quotes, indentation, brackets. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.manifest import new_values
from reverser.manifest.emitter import quoted, text_of
from reverser.manifest.new_values import Style, alike, below, in_flow, item
from reverser.manifest.nodes import Node
from reverser.manifest.text_edits import TextEdits

NEIGHBOURS = 2000
"""Characters that are looked at to see how a bracket is filled."""
_BLANKS = re.compile(r"[ \t]*")


class ValuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value stands."""

    start: int
    """Behind its key's colon, or behind its dash; -1: the key is written in another way."""
    column: int
    """Of the key or dash that the value stands below; 0 between brackets."""
    flow: bool
    """Whether it stands between brackets."""
    dash: bool = False
    """Whether it is an item of a list in lines."""
    fixed: str = ""
    """Why nothing in it can be edited, as `Node.fixed` says of it or of what it is in."""
    around: Node | None = None
    """The outermost brackets around it."""


class ValueEdits(TextEdits):
    """Edits of single values."""

    def __init__(self, text: str, root: Node, *, json: bool) -> None:
        """`json`: the text is JSON, and stays JSON."""
        super().__init__(text)
        self._root = root
        self._json = json
        self._style: Style | None = None

    def _replace(self, node: Node, new: Any, position: ValuePosition) -> None:
        """Another value in the place of `node`."""
        if position.fixed:
            self._refuse(position.fixed)
        if position.start < 0:
            raise WithheldError("UneditableFile", "a key is written in a way that cannot be edited")
        if position.flow:
            bare, _ = self._flow_style(node, position)
            text = in_flow(new, bare=bare)
            self._put(node.start, node.end, text if node.end > node.start else f" {text}")
        elif node.kind == "scalar" and not _is_block(new):
            self._scalar(node, new, position)
        elif _is_block(new):
            self._block(node, new, position)
        elif self._line_start(node.start) <= position.start:
            self._put(node.start, node.end, in_flow(new, bare=True))
        else:
            self._cut(self._line_start(node.start), self._line_end(node.end))
            self._insert(position.start, f" {self._leaf(new, position)}")

    def _scalar(self, node: Node, new: Any, position: ValuePosition) -> None:
        old = self._text[node.start : node.end]
        if node.style in ("|", ">"):
            text = self._literal(old, new) if isinstance(new, str) and "\n" in new else ""
            self._put(node.start, node.end, text or f"{self._leaf(new, position)}\n")
            return
        text = self._leaf(new, position) if isinstance(new, str) and "\n" in new else alike(new, old)
        start, end = self._span(node, position)
        if text.startswith("|") and self._rest_of_line(end):
            text = quoted(new)
        self._put(start, end, text if node.end > node.start else f" {text}")

    def _span(self, node: Node, position: ValuePosition) -> tuple[int, int]:
        """Where a value stands; of an empty one where it would, with the blanks up to the end of the line."""
        if node.end > node.start:
            return node.start, node.end
        blanks = _BLANKS.match(self._text, position.start)
        alone = not self._rest_of_line(position.start)
        return position.start, blanks.end() if blanks and alone else position.start

    def _literal(self, old: str, new: str) -> str:
        """Text of several lines with the indentation of the block that it replaces."""
        header, _, body = old.partition("\n")
        first = next((line for line in body.split("\n") if line.strip()), "")
        indent = len(first) - len(first.lstrip(" "))
        if indent < 2 or new[0] in " \t\n":
            return ""
        text = text_of(new, " " * (indent - 2))
        if not text.startswith("|"):
            return ""
        head, _, rest = text.partition("\n")
        remark = re.search(r"(?<![ \t])[ \t]++#[^\r\n]*", header)
        return f"{head}{remark[0] if remark else ''}\n{rest}\n"

    def _block(self, node: Node, new: Any, position: ValuePosition) -> None:
        """A map or a list in lines of its own."""
        like = self._local(node)
        inline = self._line_start(node.start) <= position.start
        if position.dash and inline and not self._rest_of_line(node.end) and node.style not in ("|", ">"):
            text = item(new, position.column, like)
            self._put(node.start, node.end, text if node.end > node.start else f" {text}", at=position.start)
            return
        if position.dash:
            text = "\n" + " " * (position.column + 2) + item(new, position.column, like)
        else:
            text = below(new, position.column, like)
        if not inline:
            self._put(self._line_start(node.start), self._line_end(node.end), f"{text[1:]}\n")
        elif node.style in ("|", ">"):
            self._put(position.start, node.end, f"{text}\n")
        else:
            self._cut(position.start, max(node.end, position.start))
            self._insert(self._line_end(max(node.end, position.start)), f"{text[1:]}\n")

    def _leaf(self, new: Any, position: ValuePosition) -> str:
        return text_of(new, " " * position.column) if isinstance(new, str) else in_flow(new, bare=True)

    def _flow_style(self, node: Node, position: ValuePosition) -> tuple[bool, str]:
        """(whether words stand there without quotes, what begins a line where each entry has one)."""
        inside = self._text[node.start : min(node.end, node.start + NEIGHBOURS)]
        bare = self._bare(node, inside, position.around or node)
        if "\n" not in inside:
            return bare, ""
        line = self._text[self._line_start(node.start) : node.start]
        return bare, f"\n{line[: len(line) - len(line.lstrip(' '))]}  "

    def _bare(self, node: Node, inside: str, around: Node) -> bool:
        """As the words in the brackets are; as all around them where they hold none."""
        if self._json or '"' in inside:
            return False
        if node.pairs or any(isinstance(each.data, str) for each in node.items):
            return True
        return '"' not in self._text[around.start : min(around.end, around.start + NEIGHBOURS)]

    def _local(self, node: Node) -> Style:
        if self._style is None:
            self._style = new_values.whole(self._root, self._column)
        return new_values.local(node, self._column, self._style)

    def _refuse(self, fixed: str) -> None:
        if fixed in ("tag", "repeated key"):
            raise WithheldError("UneditableFile", f"a {fixed} stands where the file is to be edited")
        raise WithheldError(
            "Anchored", f"the file has an {fixed} where it is to be edited".replace("an m", "a m")
        )


def _is_block(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)
