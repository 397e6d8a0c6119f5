"""Changes the bytes of one document that differ from what it is to say, and no others.

The document is composed with the places of its values (`nodes`), old and new content are walked side by
side, and what differs becomes edits: a value replaced where it stands, lines removed, lines added behind
the last neighbour in its indentation, quotes and line ends. All else stays byte for byte: comments, order,
blank lines, `0644`, `on`. What comes out is read back, as kubectl reads it, and must be what was asked for.

Raises WithheldError: `Templated` where a placeholder stands in what is to change, `Anchored` where others
refer to it, `UneditableFile` for all else that cannot be changed so.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.manifest import new_values
from reverser.manifest.emitter import quoted, text_of
from reverser.manifest.equality import same
from reverser.manifest.list_alignment import aligned
from reverser.manifest.new_values import Style, alike, below, entries, in_flow, item, items
from reverser.manifest.nodes import Node, UnreadableError, compose
from reverser.manifest.placeholders import BEGINS, has_placeholder
from reverser.manifest.scalars import number, sent

NEIGHBOURS = 2000
"""Characters that are looked at to see how a bracket is filled."""
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_BLANKS = re.compile(r"[ \t]*")
_COMMA = re.compile(r"[ \t\r\n]*,")
_COLON = re.compile(r"[ \t]*:")


def patched(text: str, wanted: dict[str, Any]) -> str:
    """The document saying `wanted`. Raises WithheldError."""
    asked = sent(wanted)
    for made in _tries(text, wanted):
        if made is text or same(sent(_composed(made).data), asked):
            if is_json(text) and not is_json(made):
                raise WithheldError("UneditableFile", "the file is JSON and cannot be edited to stay JSON")
            return made
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


def line_end(text: str, at: int) -> str:
    """How the line before a place ends, or the first one."""
    found = text.rfind("\n", 0, at)
    found = text.find("\n", at) if found < 0 else found
    return "\r\n" if found > 0 and text[found - 1] == "\r" else "\n"


def _tries(text: str, wanted: dict[str, Any]) -> Iterator[str]:
    """Texts that may say it, the best first; `text` itself where nothing differs.

    A block of lines at the end of a text without a last line end has none either: with it, it says
    something else.
    """
    if text.endswith("\n"):
        yield _Edits(text, _composed(text)).made(wanted)
        return
    newline = line_end(text, len(text))
    closed = text + newline
    for root in (_unclosed(_composed(closed), _composed(text)), _composed(closed)):
        made = _Edits(closed, root).made(wanted)
        yield text if made is closed else made.removesuffix(newline)
        yield made


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


class _Place:
    """Where a value stands: behind what, below which column, and whether between brackets."""

    def __init__(
        self,
        slot: int,
        column: int,
        *,
        flow: bool,
        dash: bool = False,
        fixed: str = "",
        around: Node | None = None,
    ) -> None:
        self.slot = slot
        self.column = column
        self.flow = flow
        self.dash = dash
        self.fixed = fixed
        self.around = around
        """The outermost brackets around it."""


class _Edits:
    """Collects (start, end, text) in any order; no two of them overlap."""

    def __init__(self, text: str, root: Node) -> None:
        self._text = text
        self._root = root
        self._style: Style | None = None
        self._json = is_json(text)
        self.found: list[tuple[int, int, str]] = []

    def made(self, wanted: dict[str, Any]) -> str:
        """The text saying `wanted`; itself where nothing differs."""
        self.value(self._root, wanted, _Place(0, 0, flow=False))
        return self._applied() if self.found else self._text

    def _applied(self) -> str:
        parts, at = [], 0
        for start, end, text in sorted(self.found, key=lambda edit: edit[:2]):
            parts += [self._text[at:start], text]
            at = end
        return "".join([*parts, self._text[at:]])

    def value(self, node: Node, new: Any, place: _Place) -> None:
        """Make the value at `node` say `new`."""
        if node.fixed and not place.fixed:
            place = copy.copy(place)
            place.fixed = node.fixed
        if node.kind == "alias":
            self.value(node.items[0], new, place)
        elif node.kind == "map" and isinstance(new, dict) and new and node.pairs:
            self._map(node, new, place)
        elif node.kind == "list" and isinstance(new, list) and new and node.items:
            self._list(node, new, place)
        elif _differs(node.data, new):
            self._replace(node, new, place)

    # maps

    def _map(self, node: Node, new: dict[str, Any], place: _Place) -> None:
        if node.fixed == "merge key":
            if not same(sent(node.data), sent(new)):
                self._refuse(node.fixed)
            return
        if any(key not in new or not same(sent(node.data[key]), sent(new[key])) for key in node.repeated):
            self._refuse("repeated key")
        keys = [_key(key) for key, _ in node.pairs]
        fresh = {key: value for key, value in new.items() if key not in node.data}
        gone = [key not in new for key in keys]
        if (fresh or True in gone) and place.fixed:
            self._refuse(place.fixed)
        if all(gone):
            self._replace(node, new, place)
            return
        for key, (key_node, value_node) in zip(keys, node.pairs, strict=True):
            if key in new and key not in node.repeated:
                self.value(value_node, new[key], self._behind(key_node, node, place))
        spans = [(key.start, max(key.end, value.end)) for key, value in node.pairs]
        self._remove(spans, gone, flow=node.flow)
        if fresh and node.flow:
            bare, indent = self._flow_style(node, place)
            named = {in_flow(key, bare=bare): each for key, each in fresh.items()}
            pieces = [f"{key}: {in_flow(each, bare=bare, indent=indent)}" for key, each in named.items()]
            self._add_in_flow(spans, node, pieces)
        elif fresh:
            column = self._column(node.pairs[-1][0].start)
            lines = entries(fresh, column, self._local(node))
            self._insert(self._line_end(spans[-1][1]), f"{lines}\n")

    def _behind(self, key: Node, parent: Node, place: _Place) -> _Place:
        found = _COLON.match(self._text, key.end)
        slot = found.end() if found else -1
        column = 0 if parent.flow else self._column(key.start)
        around = (place.around or parent) if parent.flow else None
        return _Place(slot, column, flow=parent.flow, fixed=place.fixed, around=around)

    # lists

    def _list(self, node: Node, new: list[Any], place: _Place) -> None:
        rows = aligned(node.data, new)
        if place.fixed and any(None in row for row in rows):
            self._refuse(place.fixed)
        stays = [False] * len(node.items)
        for old_at, new_at in rows:
            if old_at is not None and new_at is not None:
                stays[old_at] = True
        if not any(stays):
            self._replace(node, new, place)
            return
        starts = [each.start for each in node.items] if node.flow else self._dashes(node)
        spans = [
            (start, max(each.end, start + (not node.flow)))
            for start, each in zip(starts, node.items, strict=True)
        ]
        column = 0 if node.flow else self._column(starts[0])
        around = (place.around or node) if node.flow else None
        last: int | None = None
        behind: dict[int | None, list[Any]] = {}
        for old_at, new_at in rows:
            if new_at is None:
                continue
            if old_at is None:
                behind.setdefault(last, []).append(new[new_at])
                continue
            last = old_at
            slot = starts[old_at] + (not node.flow)
            where = _Place(slot, column, flow=node.flow, dash=not node.flow, fixed=place.fixed, around=around)
            self.value(node.items[old_at], new[new_at], where)
        self._remove(spans, [not stay for stay in stays], flow=node.flow)
        for at, values in behind.items():
            self._add_items(node, spans, at, values, _Place(0, column, flow=node.flow, around=around))

    def _dashes(self, node: Node) -> list[int]:
        """Where the dash of each item stands."""
        found, at = [], node.start
        for each in node.items:
            gap = _GAP.match(self._text, at)
            start = gap.end() if gap else at
            if self._text[start : start + 1] != "-":
                raise WithheldError("UneditableFile", "a list is written in a way that cannot be edited")
            found.append(start)
            at = max(each.end, start + 1)
        return found

    def _add_items(
        self, node: Node, spans: list[tuple[int, int]], at: int | None, values: list[Any], place: _Place
    ) -> None:
        column = place.column
        if node.flow:
            bare, indent = self._flow_style(node, place)
            pieces = [in_flow(value, bare=bare, indent=indent) for value in values]
            if at is None:
                self._insert(spans[0][0], "".join(f"{piece}, " for piece in pieces))
            else:
                self._add_in_flow(spans, node, pieces, at)
            return
        lines = items(values, column, self._local(node))
        if at is not None:
            self._insert(self._line_end(spans[at][1]), f"{lines}\n")
        elif self._alone(spans[0][0]):
            self._insert(self._line_start(spans[0][0]), f"{lines}\n")
        else:
            self._insert(spans[0][0], f"{lines.lstrip(' ')}\n{' ' * column}")

    # what is common to both

    def _remove(self, spans: list[tuple[int, int]], gone: list[bool], *, flow: bool) -> None:
        """Remove entries; at least one stays."""
        first = gone.index(False)
        for at, (start, end) in enumerate(spans):
            if not gone[at]:
                continue
            if flow and at > first:
                lines = self._lines_in_flow(start, end) if False in gone[at:] else None
                self._cut(*(lines or (spans[at - 1][1], end)))
            elif flow or (at < first and not self._alone(spans[0][0])):
                if at == 0:
                    self._cut_first(spans, first, flow=flow)
            else:
                self._cut(self._line_start(start), self._line_end(end))

    def _lines_in_flow(self, start: int, end: int) -> tuple[int, int] | None:
        """The lines of an entry between brackets with the comma behind it, if nothing else is on them."""
        comma = _COMMA.match(self._text, end)
        if comma is None or not self._alone(start) or self._rest(comma.end())[:1] not in ("", "#"):
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
        kept = end if flow else self._line_end(end)
        if "#" not in self._text[kept : spans[first][0]]:
            self._cut(start, spans[first][0])
        elif flow:
            comma = _COMMA.match(self._text, end)
            self._cut(start, comma.end() if comma else end)
        else:
            self._cut(len(self._text[:start].rstrip(" \t")), len(self._text[:kept].rstrip("\r\n")))

    def _add_in_flow(self, spans: list[tuple[int, int]], node: Node, pieces: list[str], at: int = -1) -> None:
        """Between brackets, behind entry `at`, parted as the neighbours are."""
        gap = self._text[node.start + 1 : spans[0][0]]
        gap = f",{gap}" if "\n" in gap else ", "
        if len(spans) > 1:
            gap = self._text[spans[-2][1] : spans[-1][0]]
        if "#" in gap or "," not in gap:
            gap = ", "
        self._insert(spans[at][1], "".join(f"{gap}{piece}" for piece in pieces))

    def _replace(self, node: Node, new: Any, place: _Place) -> None:
        """Another value in the place of `node`."""
        if place.fixed:
            self._refuse(place.fixed)
        if place.slot < 0:
            raise WithheldError("UneditableFile", "a key is written in a way that cannot be edited")
        if place.flow:
            bare, _ = self._flow_style(node, place)
            text = in_flow(new, bare=bare)
            self._put(node.start, node.end, text if node.end > node.start else f" {text}")
        elif node.kind == "scalar" and not _is_block(new):
            self._scalar(node, new, place)
        elif _is_block(new):
            self._block(node, new, place)
        elif self._line_start(node.start) <= place.slot:
            self._put(node.start, node.end, in_flow(new, bare=True))
        else:
            self._cut(self._line_start(node.start), self._line_end(node.end))
            self._insert(place.slot, f" {self._leaf(new, place)}")

    def _scalar(self, node: Node, new: Any, place: _Place) -> None:
        old = self._text[node.start : node.end]
        if node.style in ("|", ">"):
            text = self._literal(old, new) if isinstance(new, str) and "\n" in new else ""
            self._put(node.start, node.end, text or f"{self._leaf(new, place)}\n")
            return
        text = self._leaf(new, place) if isinstance(new, str) and "\n" in new else alike(new, old)
        start, end = self._span(node, place)
        if text.startswith("|") and self._rest(end):
            text = quoted(new)
        self._put(start, end, text if node.end > node.start else f" {text}")

    def _span(self, node: Node, place: _Place) -> tuple[int, int]:
        """Where a value stands; of an empty one where it would, with the blanks up to the end of the line."""
        if node.end > node.start:
            return node.start, node.end
        blanks = _BLANKS.match(self._text, place.slot)
        alone = not self._rest(place.slot)
        return place.slot, blanks.end() if blanks and alone else place.slot

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

    def _block(self, node: Node, new: Any, place: _Place) -> None:
        """A map or a list in lines of its own."""
        like = self._local(node)
        inline = self._line_start(node.start) <= place.slot
        if place.dash and inline and not self._rest(node.end) and node.style not in ("|", ">"):
            text = item(new, place.column, like)
            self._put(node.start, node.end, text if node.end > node.start else f" {text}", at=place.slot)
            return
        if place.dash:
            text = "\n" + " " * (place.column + 2) + item(new, place.column, like)
        else:
            text = below(new, place.column, like)
        if not inline:
            self._put(self._line_start(node.start), self._line_end(node.end), f"{text[1:]}\n")
        elif node.style in ("|", ">"):
            self._put(place.slot, node.end, f"{text}\n")
        else:
            self._cut(place.slot, max(node.end, place.slot))
            self._insert(self._line_end(max(node.end, place.slot)), f"{text[1:]}\n")

    def _leaf(self, new: Any, place: _Place) -> str:
        return text_of(new, " " * place.column) if isinstance(new, str) else in_flow(new, bare=True)

    def _flow_style(self, node: Node, place: _Place) -> tuple[bool, str]:
        """(whether words stand there without quotes, what begins a line where each entry has one)."""
        inside = self._text[node.start : min(node.end, node.start + NEIGHBOURS)]
        bare = self._bare(node, inside, place.around or node)
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

    # the text

    def _put(self, start: int, end: int, text: str, *, at: int = -1) -> None:
        """Replace a span; an empty one stands at `at`."""
        if start == end and at >= 0:
            start = end = at
        if BEGINS.search(self._text, start, end):
            raise WithheldError("Templated", "the file has a placeholder where it is to be edited")
        self.found.append((start, end, text.replace("\n", line_end(self._text, start))))

    def _cut(self, start: int, end: int) -> None:
        self._put(start, end, "")

    def _insert(self, at: int, text: str) -> None:
        plain = text.replace("\r\n", "\n")
        self.found.append((at, at, plain.replace("\n", line_end(self._text, at))))

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Behind the line that ends with, or goes on at, `at`."""
        if at and self._text[at - 1] == "\n":
            return at
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found + 1

    def _rest(self, at: int) -> str:
        return self._text[at : self._line_end(at)].strip()

    def _alone(self, at: int) -> bool:
        """Whether nothing stands before it on its line."""
        return not self._text[self._line_start(at) : at].strip()

    def _column(self, at: int) -> int:
        return at - self._line_start(at)

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


def _differs(old: Any, new: Any) -> bool:
    """As kubectl sends it, `1.0` is `1`; an integer that is to become a float is written so all the same."""
    if _is_number(old) and _is_number(new):
        return not same(number(old), number(new)) or (type(old) is int and type(new) is float)
    return not same(old, new)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_block(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _key(node: Node) -> str:
    return node.data if isinstance(node.data, str) else str(node.data).lower()
