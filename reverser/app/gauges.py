"""The gauges that somebody who reads `/metrics` brings up to date.

A destination may go while the journal is read: its gauges are gone then, and are not set again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.destination import is_subject_of_resource
from reverser.model.journal import Journal


async def refresh(
    metrics: Metrics, health: Health, journal: Journal, destinations: Callable[[], Sequence[str]]
) -> None:
    """Set the gauges; a journal that cannot be read leaves them as they are."""
    of_resources = sum(map(is_subject_of_resource, health.stalled_subjects))
    metrics.set("stalled_conditions", health.stalled_count - of_resources)
    metrics.set("stalled_git_repo_configs", of_resources)
    try:
        withheld = Counter(row.destination for row in await journal.withheld())
        backlogs = await journal.backlogs(destinations())
        for name in backlogs.keys() & {*destinations()}:  # others went meanwhile, and their gauges with them
            backlog = backlogs[name]
            age = max(0.0, time.time() - backlog.oldest_at) if backlog.entries else 0.0
            metrics.set("withheld_objects", withheld[name], destination=name)
            metrics.set("git_commit_queue_size", backlog.entries, destination=name)
            metrics.set("oldest_unpushed_entry_age_seconds", age, destination=name)
    except (TransientError, StalledError):
        return
