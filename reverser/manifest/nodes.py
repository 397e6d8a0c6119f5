"""One YAML document as a tree of nodes that know their place in the text, read as kubectl reads it.

Text in, nodes out; `byte_edits` changes the text by them. A node says what stands in the way of an edit: an
anchor that others refer to, a merge key, a key that stands there twice. The tree is built from PyYAML's
events without recursion, so that a stranger's file can be as deep as it likes. Which texts are numbers is
in `scalars`.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
import yaml

from reverser.manifest.scalars import NoJson, resolve

READ_WHOLE_MOST = 256 * 1024
"""Characters of a document that `as_data` reads, unless it is JSON."""
DEPTH_MOST = 220
"""We write 200 levels at most."""
_LINES = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
"""What ends a line for YAML and for nobody else."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING = ("!", "tag:yaml.org,2002:str")


class UnreadableError(ValueError):
    """Text that kubectl cannot read, or reads otherwise than it looks."""


class Node(msgspec.Struct, eq=False):
    """One value."""

    kind: Literal["map", "list", "scalar", "alias"]
    start: int
    """Where it begins, with its anchor and tag."""
    end: int
    """Behind its last character; of a block, behind that of its last value."""
    data: Any = None
    """What it means, as JSON content."""
    flow: bool = False
    """Whether it stands between brackets."""
    style: str = ""
    """Of a scalar: `'`, `"`, `|`, `>`, or nothing."""
    pairs: list[tuple[Node, Node]] = msgspec.field(default_factory=list)
    """Of a map, in the order of the file."""
    items: list[Node] = msgspec.field(default_factory=list)
    """Of a list."""
    fixed: str = ""
    """Why nothing in it can be edited: `anchor`, `alias`, `tag`, `merge key`."""
    repeated: set[str] = msgspec.field(default_factory=set)
    """Of a map: keys that stand there more than once."""
    waiting: Node | None = None
    """While reading a map: the key whose value comes next."""


def compose(text: str) -> Node | None:
    """The document; None when it is empty. Raises UnreadableError."""
    if _LINES.search(text):
        raise UnreadableError("a line ends in a way that only YAML knows")
    try:
        return _Reader(text).read()
    except (yaml.YAMLError, NoJson, RecursionError) as error:
        raise UnreadableError("no YAML that kubectl reads") from error


def as_data(text: str) -> Any:
    """The document as data; None when it cannot be read, or is too long to be read for its name alone."""
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            pass
    if len(text) > READ_WHOLE_MOST:
        return None
    try:
        node = compose(text)
    except UnreadableError:
        return None
    return None if node is None else node.data


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[Node] = []
        self._root: Node | None = None
        self._anchors: dict[str, Node] = {}

    def read(self) -> Node | None:
        documents = 0
        for event in yaml.parse(self._text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            elif isinstance(event, yaml.NodeEvent):
                self._add(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
        if documents > 1:
            raise UnreadableError("more documents than separators")
        root = self._root
        return None if root is None or (root.kind == "scalar" and root.start == root.end) else root

    def _add(self, event: Any) -> None:
        node = self._node(event)
        if event.anchor is not None and node.kind != "alias":
            self._anchors[event.anchor] = node
        if node.kind in ("map", "list") and len(self._open) > DEPTH_MOST:
            raise UnreadableError("nested too deeply")
        self._attach(node)
        if node.kind in ("map", "list"):
            self._open.append(node)

    def _node(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            target = self._anchors.get(event.anchor or "")
            if target is None or target in self._open:
                raise UnreadableError("an alias of nothing, or of itself")
            target.fixed = target.fixed or "anchor"
            return Node("alias", start, end, target.data, fixed="alias", items=[target])
        fixed = "tag" if event.tag else ""
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, start, end, fixed)
        kind: Literal["map", "list"] = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
        data: Any = {} if kind == "map" else []
        return Node(kind, start, end, data, bool(event.flow_style), fixed=fixed)

    def _scalar(self, event: Any, start: int, end: int, fixed: str) -> Node:
        if event.tag and event.tag not in _STRING and event.tag.startswith("tag:yaml.org"):
            raise UnreadableError("a tag that says what type a value has")
        plain = not event.style and not event.tag
        data = resolve(event.value) if plain else event.value
        if event.style in ("|", ">"):
            end = start + len(_block(self._text[start:end], event.value))
        return Node("scalar", start, end, data, style=event.style or "", fixed=fixed)

    def _attach(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        if parent.kind == "list":
            parent.items.append(node)
            parent.data.append(node.data)
        elif parent.waiting is None:
            parent.waiting = node
        else:
            parent.pairs.append((parent.waiting, node))
            parent.waiting = None

    def _close(self, event: Any) -> None:
        node = self._open.pop()
        if node.kind == "map":
            for key, value in node.pairs:
                _store(node, key, value)
        if node.flow:
            node.end = event.end_mark.index
        elif node.pairs:
            node.end = max(node.pairs[-1][1].end, node.pairs[-1][0].end)
        elif node.items:
            node.end = node.items[-1].end


def _store(node: Node, key: Node, value: Node) -> None:
    """As go-yaml does: in order, the later one wins, also against a merge."""
    name = key.data
    if key.kind == "scalar" and name == "<<" and not key.style and not key.fixed:
        node.fixed = "merge key"
        sources = value.data if isinstance(value.data, list) else [value.data]
        if not all(isinstance(source, dict) for source in sources):
            raise UnreadableError("a merge of something that is no map")
        for source in reversed(sources):
            node.data.update(source)
        return
    if key.kind != "scalar" or name is None or isinstance(name, float):
        raise UnreadableError("a key that JSON does not have")
    name = name if isinstance(name, str) else str(name).lower()
    if name in node.data:
        node.repeated.add(name)
    node.data[name] = value.data


def _block(text: str, value: str) -> str:
    """A block scalar without the empty lines behind it that are none of its text."""
    header, *lines = text.split("\n")
    if "+" in header.partition("#")[0]:
        return text
    if header.startswith("|"):
        lines = lines[: len(value.rstrip("\n").split("\n")) if value.strip("\n") else 0]
    while lines and not lines[-1].strip():
        lines.pop()
    whole = "\n".join([header, *lines])
    return text[: len(whole) + 1]
