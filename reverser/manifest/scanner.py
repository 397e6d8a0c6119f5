"""Which objects a repository file describes, also where the file cannot be edited.

Thousands of files of others are looked at when a branch is first seen, and most describe nothing: lines
are scanned, and only a document that the scan does not understand (flow style, aliases, lists of objects)
is read whole. The scan bears carriage returns, a byte order mark, tabs and the placeholders of templates:
whoever applies the folder applies such a file, too, and a second one would stop him.

`read` depends on its arguments alone: its answer can be kept for as long as the blob is the same.
`object_index` tells which of the documents of a folder is the one to edit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from reverser.manifest.kustomization import Kustomization, is_kustomization, read_kustomization
from reverser.manifest.nodes import as_data
from reverser.manifest.patch_detection import is_patch
from reverser.manifest.placeholders import has_placeholder
from reverser.unexpected_errors import BUG

NAME_MOST = 1000
EDIT_MOST = 4 * 1024 * 1024

_SEPARATOR = re.compile(r"---(?:\s.*)?", re.DOTALL)
_FIELD = re.compile(
    r"([ \t]*)([\"']?)(apiVersion|kind|metadata|name|namespace)\2[ \t]*:(?:[ \t](.*))?", re.DOTALL
)
_COMMENT = re.compile(r"(?:^|[ \t])#")
_ANCHOR = re.compile(r"(?<!\S)&\S++[ \t]++")
_ODD = re.compile(r"[*!|>{\[]")
_END = re.compile(r"^\.\.\.[ \t\r]*$", re.MULTILINE)
"""Nobody who splits a file at `---` reads on behind it."""
_BLANK = re.compile(r"[ \t\r\n]*")
_NAMES = re.compile(r"apiVersion")
_LIST = re.compile(r"^kind:[ \t]+[\"']?\w*List[\"']?[ \t\r]*$", re.MULTILINE)
_ITEMS = re.compile(
    r"^items:[ \t]*(?:#[^\n]*)?\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*([ ]*)(?=-[ \t\r\n])", re.MULTILINE
)


class Identity(msgspec.Struct, frozen=True):
    """The object that one YAML document describes."""

    group: str
    kind: str
    namespace: str
    """Empty when the document names none."""
    name: str
    """It may hold placeholders, `${env}` or `{{ .Values.env }}`."""


class Described(msgspec.Struct, frozen=True):
    """One object in a file."""

    identity: Identity
    index: int
    """The number of its document in the file."""
    reason: str = ""
    """Why it cannot be edited, as far as that is known without an edit: one CamelCase word."""
    why: str = ""
    """The same as half a sentence: `stands in a list of objects`."""
    patch: bool = False
    """It lacks what the API server asks of every new object of its kind: it only changes another one."""
    placeholders: bool = False
    """Placeholders stand in its document: an edit at one of them is not possible."""


class Manifest(msgspec.Struct, frozen=True):
    """What is in one file."""

    objects: tuple[Described, ...] = ()
    kustomization: Kustomization | None = None


NOTHING = Manifest()


def read(path: str, content: bytes) -> Manifest:
    """What a file is about; of the path only the name counts."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return NOTHING
    if is_kustomization(path):
        return Manifest(kustomization=read_kustomization(text))
    if _NAMES.search(text) is None:
        return NOTHING
    objects = tuple(_described(text))
    if len(content) > EDIT_MOST:
        why = f"is larger than {EDIT_MOST // 1024**2} MiB"
        objects = tuple(msgspec.structs.replace(each, reason="UneditableFile", why=why) for each in objects)
    return Manifest(objects)


def scanned(content: bytes) -> Manifest:
    """What the lines of a file tell, for one that `read` fails on because of a bug: it is not edited."""
    identities = enumerate(map(_scanned, documents(content.decode(errors="replace").removeprefix("\ufeff"))))
    why = "cannot be read because of a bug of reverser"
    return Manifest(tuple(Described(each, index, BUG, why) for index, each in identities if each is not None))


def documents(text: str) -> list[str]:
    """The YAML documents of a file, each with the line that opens it; joined they are the file."""
    parts: list[list[str]] = [[]]
    for line in _lines(text):
        if line.startswith("---") and _SEPARATOR.fullmatch(line) and parts != [[]]:
            parts.append([])
        parts[-1].append(line)
    return ["".join(lines) for lines in parts]


def _lines(text: str) -> list[str]:
    """Lines as kubectl has them: only a line feed ends one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _described(text: str) -> Iterator[Described]:
    for index, document in enumerate(documents(text.removeprefix("\ufeff"))):
        if _NAMES.search(document) is None:
            continue
        identity = _scanned(document)
        if identity is None or identity.kind.endswith("List"):
            yield from _read_whole(document, index)
        else:
            yield from _described_as(identity, index, document)


def _described_as(identity: Identity, index: int, document: str) -> Iterator[Described]:
    if has_placeholder(identity.name + identity.namespace):
        yield Described(identity, index, "Templated", "names its object by a placeholder")
    else:
        patch = is_patch(identity.group, identity.kind, document)
        yield Described(identity, index, patch=patch, placeholders=has_placeholder(document))
    if (identity.group, identity.kind) == ("bitnami.com", "SealedSecret"):
        secret = Identity("", "Secret", identity.namespace, identity.name)
        yield Described(secret, index, "Encrypted", "seals it for a controller in the cluster")


def _read_whole(document: str, index: int) -> Iterator[Described]:
    content = as_data(document)
    why = "stands in a list of objects"
    listed = _items(content) if content is not None else _items_by_lines(document)
    if content is None and listed is None and document.lstrip().startswith("{"):
        why = "stands behind other JSON, or before it"
        listed = [_identity(each) for each in _stream(document)]
    if listed is not None:
        yield from (Described(each, index, "UneditableFile", why) for each in listed if each is not None)
        return
    identity = _identity(content)
    if identity is not None:
        yield from _described_as(identity, index, document)


def _items(content: Any) -> list[Identity | None] | None:
    """The items of a list of objects; None when it is none."""
    items = content.get("items") if isinstance(content, dict) else None
    kind = str(content.get("kind", "")) if isinstance(items, list) else ""
    if not isinstance(items, list) or not kind.endswith("List"):
        return None
    # `kubectl apply` takes items that name no type for those of their list.
    own = {"apiVersion": content.get("apiVersion"), "kind": kind.removesuffix("List")}
    return [_identity(own | item if isinstance(item, dict) else None) for item in items]


def _stream(document: str) -> Iterator[Any]:
    """JSON values one behind the other, which kubectl reads as documents."""
    decoder, rest = json.JSONDecoder(), document.strip()
    at = 0
    while at < len(rest):
        try:
            value, at = decoder.raw_decode(rest, at)
        except (ValueError, RecursionError):
            return
        yield value
        blank = _BLANK.match(rest, at)
        at = blank.end() if blank else at


def _items_by_lines(document: str) -> list[Identity | None] | None:
    """The same of a document in block style that is too long to be read, or a template."""
    start = _ITEMS.search(document)
    if start is None or not _LIST.search(document):
        return None
    dash = re.compile(rf"^{start[1]}-(?=[ \t\r\n])", re.MULTILINE)
    starts = [match.start() for match in dash.finditer(document, start.start(1))]
    ends = [*starts[1:], len(document)]
    return [_scanned(_dedented(document[at:end])) for at, end in zip(starts, ends, strict=True)]


def _dedented(item: str) -> str:
    """An item of a list as a document of its own, as far as it is indented like its first line."""
    lines = item.replace("-", " ", 1).split("\n")
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    pad = len(first) - len(first.lstrip(" "))
    return "\n".join(line[pad:] for line in lines if not line[:pad].strip())


def _identity(content: Any) -> Identity | None:
    metadata = content.get("metadata") if isinstance(content, dict) else None
    if not isinstance(metadata, dict):
        return None
    version, kind, name = content.get("apiVersion"), content.get("kind"), metadata.get("name")
    if not (isinstance(version, str) and isinstance(kind, str) and isinstance(name, str)):
        return None
    if not version or not kind or not 0 < len(name) <= NAME_MOST:
        return None
    return Identity(version.rpartition("/")[0], kind, str(metadata.get("namespace") or ""), name)


def _scanned(document: str) -> Identity | None:
    """By the lines of a document in block style; None when they do not tell, or tell two things."""
    fields: dict[str, str] = {}
    inside, depth = "", -1
    for line in _END.split(document, maxsplit=1)[0].split("\n"):
        rest = line.lstrip(" \t")
        if rest[:1] in ("", "#", "\r"):
            continue
        indent = len(line) - len(rest)
        if indent == 0 and rest[0] != "-":
            inside, depth = "", -1
        elif inside and depth < 0:
            depth = indent
        match = _FIELD.fullmatch(line.rstrip("\r"))
        if match is None or (indent and not (inside and indent == depth)):
            continue
        field, value = match[3], _plain(match[4] or "")
        if indent == 0:
            inside = field if field == "metadata" else ""
        if not _set_field(fields, f"metadata.{field}" if indent else field, value):
            return None
    kind, name, version = (fields.get(field) for field in ("kind", "metadata.name", "apiVersion"))
    if not kind or not name or not version or len(name) > NAME_MOST:
        return None
    return Identity(version.rpartition("/")[0], kind, fields.get("metadata.namespace", ""), name)


def _set_field(fields: dict[str, str], field: str, value: str) -> bool:
    """Take one field down; False when its line does not tell, or tells something else than before."""
    if field == "metadata" and value:
        named = _in_brackets(value) if value[0] == "{" and value[-1] == "}" else {}
        return bool(named) and all(fields.setdefault(key, each) == each for key, each in named.items())
    if "\\" in value or (_ODD.match(value) and not value.startswith("{{")):
        return False
    return fields.setdefault(field, value) == value


def _in_brackets(value: str) -> dict[str, str]:
    """Name and namespace of `{name: web, namespace: shop}`."""
    data = as_data(value)
    fields = data if isinstance(data, dict) else {}
    return {
        f"metadata.{key}": each for key in ("name", "namespace") if isinstance(each := fields.get(key), str)
    }


def _plain(value: str) -> str:
    comment = _COMMENT.search(value)
    value = _ANCHOR.sub("", (value[: comment.start()] if comment else value).strip(), count=1)
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
