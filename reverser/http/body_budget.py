"""How many bytes the bodies of one endpoint may hold at a time, all requests together.

Each request takes what it holds, as it was sent and unpacked, and gives all of it back when it is
answered. A request that gets no more is refused; the API server sends an audit batch again.
Admission and audit have a budget each, so that neither can use up the other's.
"""

from __future__ import annotations

from types import TracebackType


class Budget:
    """Bytes for all requests of one endpoint."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0
        """By all requests that are not answered yet."""

    def share(self) -> Share:
        """What one request holds; nothing at first."""
        return Share(self)

    def take(self, count: int) -> bool:
        """Hold so many bytes more; False when that is too much, and none is held then."""
        if self.held_bytes + count > self._max_bytes:
            return False
        self.held_bytes += count
        return True

    def give(self, count: int) -> None:
        """Hold so many bytes less."""
        self.held_bytes -= count


class Share:
    """What one request holds of a budget, until the block ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held_bytes = 0

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give_all()

    def take(self, count: int) -> bool:
        """Hold so many bytes more, if the budget allows it."""
        taken = self._budget.take(count)
        self._held_bytes += count if taken else 0
        return taken

    def give(self, count: int) -> None:
        """Hold so many bytes less."""
        self._budget.give(count)
        self._held_bytes -= count

    def give_all(self) -> None:
        """Hold nothing."""
        self.give(self._held_bytes)
