"""Reads files that are exactly as the emitter writes them, four times as fast as a YAML reader.

The lines are read by the emitter's own few forms, and what comes of it is rendered again: only if that gives
the same bytes is it believed. Since every reader gets from `render(content)` what `content` is, the answer is
what any YAML reader would have given. Everything else is None, and read by `manifest.nodes`.

After a takeover thousands of our files are read before the first commit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.manifest.emitter import render
from reverser.manifest.scalars import resolve

_EMPTY: dict[str, Any] = {"{}": dict, "[]": list}


class _OtherFormError(ValueError):
    """The emitter does not write this."""


def read(content: bytes) -> dict[str, Any] | None:
    """The document; None when the bytes are not what `render` makes of one."""
    try:
        document = _Lines(content.decode().split("\n")).document()
        return document if render(document) == content else None
    except (ValueError, IndexError, RecursionError, msgspec.DecodeError, WithheldError):
        return None


class _Lines:
    """Reads one line after the other. What it makes of lines in another form is wrong, and found out."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def document(self) -> dict[str, Any]:
        """The map that all lines together are."""
        return self._map("")

    def _map(self, pad: str) -> dict[str, Any]:
        content: dict[str, Any] = {}
        start, lines = len(pad), self._lines
        while (line := lines[self._next]).startswith(pad) and line[start : start + 1] not in (" ", ""):
            if line.startswith("- ", start):
                break
            key, rest = _split(line[start:])
            self._next += 1
            content[key] = self._value(rest, pad) if rest else self._nested(pad)
        return content

    def _nested(self, pad: str) -> Any:
        """What stands below `key:`."""
        if self._lines[self._next].startswith(f"{pad}- "):
            return self._list(pad)
        return self._map(f"{pad}  ")

    def _list(self, pad: str) -> list[Any]:
        items: list[Any] = []
        start, lines = f"{pad}- ", self._lines
        inner = f"{pad}  "
        while (line := lines[self._next]).startswith(start):
            rest = line[len(start) :]
            if rest.startswith("- "):
                lines[self._next] = inner + rest
                items.append(self._list(inner))
            elif _is_entry(rest):
                lines[self._next] = inner + rest
                items.append(self._map(inner))
            else:
                self._next += 1
                items.append(self._value(rest, pad))
        return items

    def _value(self, text: str, pad: str) -> Any:
        if text[0] == "|":
            return self._block(text, f"{pad}  ")
        return _scalar(text)

    def _block(self, header: str, pad: str) -> str:
        first = self._next
        while self._lines[self._next].startswith(pad) or (
            not self._lines[self._next] and self._next + 1 < len(self._lines)
        ):
            self._next += 1
        text = "\n".join(line[len(pad) :] for line in self._lines[first : self._next])
        return text if header.endswith("-") else f"{text}\n"


def _split(entry: str) -> tuple[str, str]:
    """(key, what stands behind it on the line)."""
    if entry[0] == '"':
        end = _end_of_quoted(entry)
        key, rest = str(_scalar(entry[:end])), entry[end:]
    else:
        mark = entry.find(": ")
        mark = mark if mark >= 0 else len(entry) - 1
        key, rest = entry[:mark], entry[mark:]
    if rest[0] != ":":
        raise _OtherFormError
    return key, rest[2:]


def _is_entry(text: str) -> bool:
    """Whether an item of a list is the first line of a map."""
    if text[0] == '"':
        return text[_end_of_quoted(text) :].startswith(":")
    return ": " in text or text.endswith(":")


def _end_of_quoted(text: str) -> int:
    """Where the text between double quotes at the beginning ends."""
    end = text.index('"', 1)
    while (end - len(text[:end].rstrip("\\"))) % 2:
        end = text.index('"', end + 1)
    return end + 1


def _scalar(text: str) -> Any:
    if text[0] == '"':
        return msgspec.json.decode(text)
    if text in _EMPTY:
        return _EMPTY[text]()
    value = resolve(text)
    if isinstance(value, float):
        raise _OtherFormError  # whole ones are written in several ways
    return value
