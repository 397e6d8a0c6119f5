"""Paths that come and go one by one, in their order, without sorting all of them again each time. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator


class Listed:
    """A sorted set of paths."""

    def __init__(self, found: Iterable[str]) -> None:
        self._set = set(found)
        self._rows = sorted(self._set)

    def __contains__(self, path: str) -> bool:
        return path in self._set

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def put(self, path: str, *, there: bool) -> None:
        """Take a path in, or out."""
        if there is (path in self._set):
            return
        if there:
            self._set.add(path)
            insort(self._rows, path)
        else:
            self._set.remove(path)
            del self._rows[bisect_left(self._rows, path)]

    def below(self, folder: str) -> bool:
        """Whether a path is inside the folder."""
        index = bisect_left(self._rows, f"{folder}/")
        return index < len(self._rows) and self._rows[index].startswith(f"{folder}/")
