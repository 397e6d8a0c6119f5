"""Brings the gauges up to date: asked for when somebody reads `/metrics`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.ports import Journal


async def refresh(metrics: Metrics, health: Health, journal: Journal, destinations: Sequence[str]) -> None:
    """Set the gauges; a journal that cannot be read leaves them as they are."""
    metrics.set("stalled_conditions", health.stalled_count)
    try:
        withheld = Counter(row.destination for row in await journal.withheld())
        for name in destinations:
            backlog = await journal.backlog(name)
            age = max(0.0, time.time() - backlog.oldest_at) if backlog.entries else 0.0
            metrics.set("withheld_objects", withheld[name], destination=name)
            metrics.set("git_commit_queue_size", backlog.entries, destination=name)
            metrics.set("oldest_unpushed_entry_age_seconds", age, destination=name)
    except (TransientError, StalledError):
        return
