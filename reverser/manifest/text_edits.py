"""Edits of one text: spans that are replaced, removed or inserted, with the lines around them. Pure."""

from __future__ import annotations

from reverser.errors import WithheldError
from reverser.manifest.placeholders import BEGINS


def line_end(text: str, at: int) -> str:
    """How the line before a position ends, or the first one."""
    newline = text.rfind("\n", 0, at)
    newline = text.find("\n", at) if newline < 0 else newline
    return "\r\n" if newline > 0 and text[newline - 1] == "\r" else "\n"


class TextEdits:
    """Collects (start, end, text) in any order; no two of them overlap."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: list[tuple[int, int, str]] = []

    def _applied(self) -> str:
        """The text with all edits; itself without any."""
        if not self._edits:
            return self._text
        parts, at = [], 0
        for start, end, text in sorted(self._edits, key=lambda edit: edit[:2]):
            parts += [self._text[at:start], text]
            at = end
        return "".join([*parts, self._text[at:]])

    def _put(self, start: int, end: int, text: str, *, at: int = -1) -> None:
        """Replace a span; an empty one stands at `at`."""
        if start == end and at >= 0:
            start = end = at
        if BEGINS.search(self._text, start, end):
            raise WithheldError("Templated", "the file has a placeholder where it is to be edited")
        self._edits.append((start, end, text.replace("\n", line_end(self._text, start))))

    def _cut(self, start: int, end: int) -> None:
        self._put(start, end, "")

    def _insert(self, at: int, text: str) -> None:
        plain = text.replace("\r\n", "\n")
        self._edits.append((at, at, plain.replace("\n", line_end(self._text, at))))

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Behind the line that ends with, or goes on at, `at`."""
        if at and self._text[at - 1] == "\n":
            return at
        newline = self._text.find("\n", at)
        return len(self._text) if newline < 0 else newline + 1

    def _rest_of_line(self, at: int) -> str:
        return self._text[at : self._line_end(at)].strip()

    def _begins_line(self, at: int) -> bool:
        """Whether nothing but blanks stands before it on its line."""
        return not self._text[self._line_start(at) : at].strip()

    def _column(self, at: int) -> int:
        return at - self._line_start(at)
