"""Which workloads a HorizontalPodAutoscaler scales.

With server-side apply nothing in a Deployment tells that its `replicas` belong to an autoscaler,
so the autoscalers themselves are remembered. The index is seeded from the journal's records, for
a stream that resumes lists nothing. It knows autoscalers only while some rule selects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from reverser.bugs import left_out
from reverser.model.change import Change, Stream
from reverser.model.entry import Record
from reverser.model.resource import ObjectKey
from reverser.stages.sanitize import scale_target

GROUP, RESOURCE = "autoscaling", "horizontalpodautoscalers"


class Scaled:
    """The scale targets of all known autoscalers."""

    def __init__(self) -> None:
        self._targets: dict[ObjectKey, tuple[str, str, str]] = {}

    def seed(self, records: Iterable[Record]) -> None:
        """Take over the autoscalers that the journal knows."""
        for record in records:
            if (record.key.group, record.key.resource) == (GROUP, RESOURCE):
                with left_out("scaled", record.key):
                    self._keep(record.key, msgspec.json.decode(record.content))

    def note(self, change: Change) -> None:
        """Learn from a change, if it is one of an autoscaler."""
        if (change.key.group, change.key.resource) != (GROUP, RESOURCE):
            return
        if change.deleted:
            self._targets.pop(change.key, None)
        else:
            self._keep(change.key, change.object)

    def listed(self, stream: Stream, misses: Callable[[ObjectKey], bool]) -> None:
        """A complete list of `stream` proves that some are gone."""
        if (stream.type.group, stream.type.resource) != (GROUP, RESOURCE):
            return
        for key in [key for key in self._targets if misses(key)]:
            del self._targets[key]

    def scales(self, change: Change) -> bool:
        """Whether an autoscaler names the object of this change."""
        if not self._targets:
            return False
        key, wanted = change.key, (change.key.group, change.stream.type.kind, change.key.name)
        return any(
            target == wanted and (hpa.cluster, hpa.namespace) == (key.cluster, key.namespace)
            for hpa, target in self._targets.items()
        )

    def _keep(self, key: ObjectKey, obj: dict[str, Any]) -> None:
        target = scale_target(obj)
        if target is not None:
            self._targets[key] = target
