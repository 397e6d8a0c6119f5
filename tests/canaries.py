"""Unique values that must not be found again, in whatever spelling, nor in what is packed."""

from __future__ import annotations

import base64
import itertools
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any


class Canaries:
    """Unique values, each looked for in every spelling."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.values: list[str] = []

    def value(self) -> str:
        """Another one."""
        self.values.append(f"canary-{next(self._numbers)}-5b7c1e9a3d")
        return self.values[-1]

    def encoded(self) -> str:
        """Another one, in base64."""
        return base64.b64encode(self.value().encode()).decode()

    def instead(self, content: Any) -> Any:
        """The same content with another one in place of each text."""
        if isinstance(content, dict):
            return {name: self.instead(value) for name, value in content.items()}
        if isinstance(content, list):
            return [self.instead(item) for item in content]
        return self.value() if isinstance(content, str) else content

    def found(self, place: str, content: bytes) -> list[str]:
        """Which of them a text holds, plainly or in base64 at whatever offset."""
        return [
            f"{value} in {place}"
            for value in self.values
            if any(spelling in content for spelling in _spellings(value.encode()))
        ]


def cells(database: Path) -> Iterator[tuple[str, bytes]]:
    """What stands in each cell of a SQLite file; unpacked where it is compressed."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield from ((table, _plain(cell)) for cell in row)


def _plain(cell: Any) -> bytes:
    raw = cell if isinstance(cell, bytes) else str(cell).encode()
    try:
        return zlib.decompress(raw)
    except zlib.error:
        return raw


def _spellings(value: bytes) -> Iterator[bytes]:
    yield value
    yield value.hex().encode()
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + value)
        yield encoded[4 if shift else 0 : -4]
