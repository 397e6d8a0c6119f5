"""Which workloads a HorizontalPodAutoscaler scales.

With server-side apply nothing in a Deployment tells that its `replicas` belong to an autoscaler,
so the autoscalers themselves are remembered. The index is seeded from the journal's records, for
a stream that resumes lists nothing. It knows autoscalers only while some rule selects them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from reverser.model.change import Change, Stream
from reverser.model.entry import Record
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import left_out

Target: TypeAlias = tuple[str, str, str, str, str]
"""Cluster, namespace, group, kind and name of a workload."""

GROUP, RESOURCE = "autoscaling", "horizontalpodautoscalers"


class AutoscalerIndex:
    """The scale targets of all known autoscalers."""

    def __init__(self) -> None:
        self._targets: dict[ObjectKey, Target] = {}
        """By autoscaler."""
        self._named: Counter[Target] = Counter()

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
            self._drop(change.key)
        else:
            self._keep(change.key, change.object)

    def listed(self, stream: Stream, misses: Callable[[ObjectKey], bool]) -> None:
        """A complete list of `stream` proves that some are gone."""
        if (stream.type.group, stream.type.resource) != (GROUP, RESOURCE):
            return
        for key in [key for key in self._targets if misses(key)]:
            self._drop(key)

    def scales(self, change: Change) -> bool:
        """Whether an autoscaler names the object of this change."""
        key = change.key
        return (key.cluster, key.namespace, key.group, change.stream.type.kind, key.name) in self._named

    def _keep(self, key: ObjectKey, obj: dict[str, Any]) -> None:
        target = scale_target(obj)
        if target is not None:
            self._drop(key)
            self._targets[key] = scaled = (key.cluster, key.namespace, *target)
            self._named[scaled] += 1

    def _drop(self, key: ObjectKey) -> None:
        target = self._targets.pop(key, None)
        if target is not None:
            self._named[target] -= 1
            if not self._named[target]:
                del self._named[target]


def scale_target(obj: dict[str, Any]) -> tuple[str, str, str] | None:
    """(group, kind, name) of what a HorizontalPodAutoscaler scales; None if it does not say."""
    spec = obj.get("spec")
    target = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
    if not isinstance(target, dict):
        return None
    version, kind, name = (target.get(key, "") for key in ("apiVersion", "kind", "name"))
    if not (isinstance(version, str) and isinstance(kind, str) and isinstance(name, str) and kind and name):
        return None
    return version.rpartition("/")[0], kind, name
