"""From which clusters audit events come: only there is it worth waiting for one.

A cluster is quiet for hours, and its audit alive; so time says nothing. What says that audit has
stopped is that many changes in a row have waited for it in vain.
"""

from __future__ import annotations

from collections.abc import Iterable

VAIN_MOST = 100


class Hearing:
    """Which clusters are listened to, until they have been silent too often."""

    def __init__(self) -> None:
        self._vain: dict[str, int] = {}

    def heard(self, clusters: Iterable[str]) -> list[str]:
        """Facts of audit came from these; those that were not waited for until now come back."""
        fresh = [cluster for cluster in clusters if not self.expects(cluster)]
        self._vain |= dict.fromkeys(clusters, 0)
        return fresh

    def in_vain(self, cluster: str) -> None:
        """A change has waited, and nothing came."""
        self._vain[cluster] = self._vain.get(cluster, VAIN_MOST) + 1

    def expects(self, cluster: str) -> bool:
        """Whether a change there should wait for its audit event."""
        return self._vain.get(cluster, VAIN_MOST) < VAIN_MOST
