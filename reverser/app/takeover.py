"""What a process does after it became the leader and before it observes anything.

Nothing yet.
"""

from __future__ import annotations

from reverser.model.journal import Journal


async def take_over(_journal: Journal) -> None:
    """Bring the journal into line with what former leaders have done."""
