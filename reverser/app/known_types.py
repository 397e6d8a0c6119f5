"""The resource types that discovery has told of so far, as others ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reverser.app.assembly import Assembly
from reverser.app.cluster_reports import ClusterReports
from reverser.errors import TransientError
from reverser.model.resource import ResourceType

CAUSES = {("", "namespaces"), ("apiextensions.k8s.io", "customresourcedefinitions")}
"""Types whose deletion deletes objects of other types."""


class KnownTypes:
    """Types by cluster. What a cluster's reports hold is replaced as a whole when discovery tells of more."""

    def __init__(self, assembly: Assembly, reports: Mapping[str, ClusterReports]) -> None:
        self._assembly = assembly
        self._reports = reports
        self._witnessed: dict[str, tuple[Sequence[ResourceType], dict[tuple[str, str], ResourceType]]] = {}

    def witnessed(self, cluster: str) -> Mapping[tuple[str, str], ResourceType]:
        """Types that facts are of use for, by (group, plural): of changes, and of what causes cascades."""
        types = self._of(cluster)
        known, found = self._witnessed.get(cluster, ((), {}))
        if known is not types:
            routes = self._assembly.routes.get(cluster, ())
            wanted = [each for each in types if any(route.wants_type(each) for route in routes)]
            causes = [each for each in types if (each.group, each.resource) in CAUSES]
            found = {(each.group, each.resource): each for each in (*wanted, *causes)}
            self._witnessed[cluster] = (types, found)
        return found

    def resolve(self, cluster: str, group: str, kind: str) -> ResourceType | None:
        """The type of a file in the branch. Raises TransientError before discovery has told of any."""
        types = self._of(cluster)
        if not types:
            raise TransientError(f"the types of cluster {cluster} are not known yet")
        return next((each for each in types if (each.group, each.kind) == (group, kind)), None)

    def _of(self, cluster: str) -> Sequence[ResourceType]:
        reports = self._reports.get(cluster)
        return () if reports is None else reports.types
