"""Splits a stream of bytes into lines, at `\\n` only: JSON lines may hold U+0085 and U+2028."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from reverser.kube.errors import Garbled

LINE_BYTES_MOST = 64 * 1024 * 1024
"""An object is 3 MB at most where etcd has its usual limit, and JSON may need 6 bytes for a character."""


class Linewise:
    """The lines of a stream. What stands behind the last newline when it ends is no line."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._whole: deque[bytes] = deque()
        self._begun: list[bytes] = []
        self._size = 0

    def __aiter__(self) -> Linewise:
        return self

    async def __anext__(self) -> bytes:
        while not self._whole:
            self._feed(await anext(self._chunks))
        return self._whole.popleft()

    def received(self) -> bytes | None:
        """The next line if it has come already."""
        return self._whole.popleft() if self._whole else None

    def _feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._begun.append(first)
        self._size = len(others[-1]) if others else self._size + len(first)
        if self._size > LINE_BYTES_MOST:
            raise Garbled("the API server sends a line without an end")
        if others:
            lines = (b"".join(self._begun), *others[:-1])
            self._whole.extend(line for line in lines if line)
            self._begun = [others[-1]]
