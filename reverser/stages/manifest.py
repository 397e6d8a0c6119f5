"""Which objects a repository file describes: found by scanning lines, not by parsing YAML.

Thousands of foreign files are looked at when a branch is first seen, and most describe nothing.
A file that cannot be edited safely is left alone: templates, anchors, tabs, text that is no UTF-8.
"""

from __future__ import annotations

import re

import msgspec

_SEPARATOR = re.compile(r"^---(?:\s.*)?$")
_FIELD = re.compile(r"( *)(apiVersion|kind|metadata|name|namespace):(?:[ \t](.*))?")
_COMMENT = re.compile(r"(?:^|[ \t])#")
_UNSAFE = re.compile(r"\{\{|\$\{|^ *+(?:\t|<<[ \t]*+:|[^#\n'\"]*:[ \t]++[&*]\w)|^%", re.MULTILINE)
"""Each of these looks at a line once: a stranger's file may be made to be slow."""


class Identity(msgspec.Struct, frozen=True):
    """The object that one YAML document describes."""

    group: str
    kind: str
    namespace: str
    """Empty when the document names none."""
    name: str


def identities(content: bytes) -> list[Identity | None] | None:
    """One identity a document, in order; None for a file that must be left alone."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if _UNSAFE.search(text) or "\r" in text or text.startswith("\ufeff"):
        return None
    return [_identity(document) for document in documents(text)]


def documents(text: str) -> list[str]:
    """The YAML documents of a file, each with the line that opens it; joined they are the file."""
    found: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if line.startswith("---") and _SEPARATOR.match(line.rstrip("\n")) and found != [[]]:
            found.append([])
        found[-1].append(line)
    return ["".join(lines) for lines in found]


def _identity(document: str) -> Identity | None:
    fields: dict[str, str] = {}
    inside = ""
    depth = 0
    for line in document.split("\n"):
        if line[:1] not in ("", " ", "#", "-"):
            inside, depth = "", 0
        match = _FIELD.fullmatch(line)
        if match is None:
            continue
        indent, field, value = len(match[1]), match[2], _plain(match[3] or "")
        if indent == 0:
            inside = field if field == "metadata" else ""
            if fields.setdefault(field, value) != value:
                return None
        elif inside and indent == (depth := depth or indent):
            fields.setdefault(f"metadata.{field}", value)
    kind, name = fields.get("kind"), fields.get("metadata.name")
    if not kind or not name or not fields.get("apiVersion"):
        return None
    group = fields["apiVersion"].rpartition("/")[0]
    return Identity(group, kind, fields.get("metadata.namespace", ""), name)


def _plain(value: str) -> str:
    comment = _COMMENT.search(value)
    value = (value[: comment.start()] if comment else value).strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
