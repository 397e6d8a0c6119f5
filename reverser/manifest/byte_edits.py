"""Changes the bytes of one document that differ from what it is to say, and no others.

The document is composed with the places of its values (`nodes`), old and new content are walked side by
side, and what differs becomes edits: a value replaced where it stands, lines removed, lines added behind
the last neighbour in its indentation, quotes and line ends. All else stays byte for byte: comments, order,
blank lines, `0644`, `on`. What comes out is read back, as kubectl reads it, and must be what was asked for.

Raises WithheldError: `Templated` where a placeholder stands in what is to change, `Anchored` where others
refer to it, `UneditableFile` for all else that cannot be changed so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.manifest.diff import same
from reverser.manifest.list_alignment import aligned
from reverser.manifest.new_values import entries, in_flow, items
from reverser.manifest.nodes import Node, UnreadableError, compose
from reverser.manifest.placeholders import has_placeholder
from reverser.manifest.scalars import number, sent
from reverser.manifest.text_edits import line_end
from reverser.manifest.value_edits import ValueEdits, ValuePosition

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_COMMA = re.compile(r"[ \t\r\n]*,")
_COLON = re.compile(r"[ \t]*:")


def patched(text: str, wanted: dict[str, Any]) -> str:
    """The document saying `wanted`. Raises WithheldError."""
    wanted_as_sent = sent(wanted)
    for candidate in _candidates(text, wanted):
        if candidate is text or same(sent(_composed(candidate).data), wanted_as_sent):
            if is_json(text) and not is_json(candidate):
                raise WithheldError("UneditableFile", "the file is JSON and cannot be edited to stay JSON")
            return candidate
    raise WithheldError("UneditableFile", "the file cannot be edited to say just that")


def is_json(text: str) -> bool:
    """Whether a document is JSON, which YAML readers read, too."""
    if text.lstrip()[:1] != "{":
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _candidates(text: str, wanted: dict[str, Any]) -> Iterator[str]:
    """Texts that may say it, the best first; `text` itself where nothing differs.

    A block of lines at the end of a text without a last line end has none either: with it, it says
    something else.
    """
    if text.endswith("\n"):
        yield _DocumentEdits(text, _composed(text)).apply(wanted)
        return
    newline = line_end(text, len(text))
    closed = text + newline
    for root in (_unclosed(_composed(closed), _composed(text)), _composed(closed)):
        edited = _DocumentEdits(closed, root).apply(wanted)
        yield text if edited is closed else edited.removesuffix(newline)
        yield edited


def _unclosed(root: Node, really: Node) -> Node:
    """The tree with the last value as it is without a line end behind it."""
    node, twin = root, really
    while node.pairs or (node.kind == "list" and node.items):
        parent, at = node, _key(node.pairs[-1][0]) if node.pairs else -1
        node, twin = (each.pairs[-1][1] if each.pairs else each.items[-1] for each in (node, twin))
        if node.kind == "scalar" and node.style in ("|", ">"):
            node.data = parent.data[at] = twin.data
    return root


def _composed(text: str) -> Node:
    try:
        root = compose(text)
    except UnreadableError as error:
        if has_placeholder(text):
            raise WithheldError("Templated", "the file is a template") from error
        raise WithheldError("UneditableFile", f"the file cannot be read: {error}") from error
    if root is None or root.kind != "map":
        raise WithheldError("UneditableFile", "the document is no map")
    return root


class _DocumentEdits(ValueEdits):
    """Walks a document and what it is to say side by side, and edits what differs."""

    def __init__(self, text: str, root: Node) -> None:
        super().__init__(text, root, json=is_json(text))

    def apply(self, wanted: dict[str, Any]) -> str:
        """The text saying `wanted`; itself where nothing differs."""
        self._edit(self._root, wanted, ValuePosition(start=0, column=0, flow=False))
        return self._applied()

    def _edit(self, node: Node, new: Any, position: ValuePosition) -> None:
        """Make the value at `node` say `new`."""
        if node.fixed and not position.fixed:
            position = msgspec.structs.replace(position, fixed=node.fixed)
        if node.kind == "alias":
            self._edit(node.items[0], new, position)
        elif node.kind == "map" and isinstance(new, dict) and new and node.pairs:
            self._map(node, new, position)
        elif node.kind == "list" and isinstance(new, list) and new and node.items:
            self._list(node, new, position)
        elif _differs(node.data, new):
            self._replace(node, new, position)

    # maps

    def _map(self, node: Node, new: dict[str, Any], position: ValuePosition) -> None:
        if node.fixed == "merge key":
            if not same(sent(node.data), sent(new)):
                self._refuse(node.fixed)
            return
        if any(key not in new or not same(sent(node.data[key]), sent(new[key])) for key in node.repeated):
            self._refuse("repeated key")
        keys = [_key(key) for key, _ in node.pairs]
        fresh = {key: value for key, value in new.items() if key not in node.data}
        removed = [key not in new for key in keys]
        if (fresh or True in removed) and position.fixed:
            self._refuse(position.fixed)
        if all(removed):
            self._replace(node, new, position)
            return
        for key, (key_node, value_node) in zip(keys, node.pairs, strict=True):
            if key in new and key not in node.repeated:
                self._edit(value_node, new[key], self._position_after_key(key_node, node, position))
        spans = [(key.start, max(key.end, value.end)) for key, value in node.pairs]
        self._remove(spans, removed, flow=node.flow)
        if fresh and node.flow:
            bare, indent = self._flow_style(node, position)
            named = {in_flow(key, bare=bare): each for key, each in fresh.items()}
            pieces = [f"{key}: {in_flow(each, bare=bare, indent=indent)}" for key, each in named.items()]
            self._add_in_flow(spans, node, pieces)
        elif fresh:
            column = self._column(node.pairs[-1][0].start)
            lines = entries(fresh, column, self._local(node))
            self._insert(self._line_end(spans[-1][1]), f"{lines}\n")

    def _position_after_key(self, key: Node, parent: Node, position: ValuePosition) -> ValuePosition:
        colon = _COLON.match(self._text, key.end)
        start = colon.end() if colon else -1
        column = 0 if parent.flow else self._column(key.start)
        around = (position.around or parent) if parent.flow else None
        return ValuePosition(
            start=start, column=column, flow=parent.flow, fixed=position.fixed, around=around
        )

    # lists

    def _list(self, node: Node, new: list[Any], position: ValuePosition) -> None:
        rows = aligned(node.data, new)
        if position.fixed and any(None in row for row in rows):
            self._refuse(position.fixed)
        stays = [False] * len(node.items)
        for old_at, new_at in rows:
            if old_at is not None and new_at is not None:
                stays[old_at] = True
        if not any(stays):
            self._replace(node, new, position)
            return
        starts = [each.start for each in node.items] if node.flow else self._dashes(node)
        spans = [
            (start, max(each.end, start + (not node.flow)))
            for start, each in zip(starts, node.items, strict=True)
        ]
        column = 0 if node.flow else self._column(starts[0])
        around = (position.around or node) if node.flow else None
        last: int | None = None
        behind: dict[int | None, list[Any]] = {}
        for old_at, new_at in rows:
            if new_at is None:
                continue
            if old_at is None:
                behind.setdefault(last, []).append(new[new_at])
                continue
            last = old_at
            item_position = ValuePosition(
                start=starts[old_at] + (not node.flow),
                column=column,
                flow=node.flow,
                dash=not node.flow,
                fixed=position.fixed,
                around=around,
            )
            self._edit(node.items[old_at], new[new_at], item_position)
        self._remove(spans, [not stay for stay in stays], flow=node.flow)
        for at, values in behind.items():
            self._add_items(
                node, spans, at, values, ValuePosition(start=0, column=column, flow=node.flow, around=around)
            )

    def _dashes(self, node: Node) -> list[int]:
        """Where the dash of each item stands."""
        dashes, at = [], node.start
        for each in node.items:
            gap = _GAP.match(self._text, at)
            start = gap.end() if gap else at
            if self._text[start : start + 1] != "-":
                raise WithheldError("UneditableFile", "a list is written in a way that cannot be edited")
            dashes.append(start)
            at = max(each.end, start + 1)
        return dashes

    def _add_items(
        self,
        node: Node,
        spans: list[tuple[int, int]],
        at: int | None,
        values: list[Any],
        position: ValuePosition,
    ) -> None:
        column = position.column
        if node.flow:
            bare, indent = self._flow_style(node, position)
            pieces = [in_flow(value, bare=bare, indent=indent) for value in values]
            if at is None:
                self._insert(spans[0][0], "".join(f"{piece}, " for piece in pieces))
            else:
                self._add_in_flow(spans, node, pieces, at)
            return
        lines = items(values, column, self._local(node))
        if at is not None:
            self._insert(self._line_end(spans[at][1]), f"{lines}\n")
        elif self._begins_line(spans[0][0]):
            self._insert(self._line_start(spans[0][0]), f"{lines}\n")
        else:
            self._insert(spans[0][0], f"{lines.lstrip(' ')}\n{' ' * column}")

    # what is common to both

    def _remove(self, spans: list[tuple[int, int]], removed: list[bool], *, flow: bool) -> None:
        """Remove entries; at least one stays."""
        first = removed.index(False)
        for at, (start, end) in enumerate(spans):
            if not removed[at]:
                continue
            if flow and at > first:
                lines = self._lines_in_flow(start, end) if False in removed[at:] else None
                self._cut(*(lines or (spans[at - 1][1], end)))
            elif flow or (at < first and not self._begins_line(spans[0][0])):
                if at == 0:
                    self._cut_first(spans, first, flow=flow)
            else:
                self._cut(self._line_start(start), self._line_end(end))

    def _lines_in_flow(self, start: int, end: int) -> tuple[int, int] | None:
        """The lines of an entry between brackets with the comma behind it, if nothing else is on them."""
        comma = _COMMA.match(self._text, end)
        if (
            comma is None
            or not self._begins_line(start)
            or self._rest_of_line(comma.end())[:1] not in ("", "#")
        ):
            return None
        return self._line_start(start), self._line_end(comma.end())

    def _cut_first(self, spans: list[tuple[int, int]], first: int, *, flow: bool) -> None:
        """Remove entries up to number `first`, which moves to where they began, or leaves comments there."""
        start, end = spans[0][0], spans[first - 1][1]
        if flow:
            lines = [self._lines_in_flow(*span) for span in spans[:first]]
            if None not in lines:
                for each in filter(None, lines):
                    self._cut(*each)
                return
        behind = end if flow else self._line_end(end)
        if "#" not in self._text[behind : spans[first][0]]:
            self._cut(start, spans[first][0])
        elif flow:
            comma = _COMMA.match(self._text, end)
            self._cut(start, comma.end() if comma else end)
        else:
            self._cut(len(self._text[:start].rstrip(" \t")), len(self._text[:behind].rstrip("\r\n")))

    def _add_in_flow(self, spans: list[tuple[int, int]], node: Node, pieces: list[str], at: int = -1) -> None:
        """Between brackets, behind entry `at`, parted as the neighbours are."""
        gap = self._text[node.start + 1 : spans[0][0]]
        gap = f",{gap}" if "\n" in gap else ", "
        if len(spans) > 1:
            gap = self._text[spans[-2][1] : spans[-1][0]]
        if "#" in gap or "," not in gap:
            gap = ", "
        self._insert(spans[at][1], "".join(f"{gap}{piece}" for piece in pieces))


def _differs(old: Any, new: Any) -> bool:
    """As kubectl sends it, `1.0` is `1`; an integer that is to become a float is written so all the same."""
    if _is_number(old) and _is_number(new):
        return not same(number(old), number(new)) or (type(old) is int and type(new) is float)
    return not same(old, new)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _key(node: Node) -> str:
    return node.data if isinstance(node.data, str) else str(node.data).lower()
