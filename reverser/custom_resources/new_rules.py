"""WatchRules of the last minute whose GitRepoConfig is of another namespace.

One `kubectl apply` may bring a rule before the GitRepoConfig that admits it. Until then the rule is refused
with the very answer that it gets for good where the GitRepoConfig refuses it, so nobody can find out by
guessing which GitRepoConfigs there are. For a minute that answer is no call for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from reverser.custom_resources.access import referenced
from reverser.custom_resources.api_types import WatchRule
from reverser.custom_resources.model import ObjectName

NEW_SECONDS = 60.0


class NewRules:
    """Which rules are new, and when one of them is so no more."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` has Unix seconds."""
        self._clock = clock
        self._new: dict[ObjectName, str] = {}
        """With the time of creation, as Kubernetes spells it: sorts as the times do."""

    def among(self, rules: Mapping[ObjectName, WatchRule]) -> frozenset[ObjectName]:
        """The new ones of all WatchRules."""
        # A time in the future is that of a clock that differs from ours, and says nothing.
        since, until = self._spelt(-NEW_SECONDS), self._spelt(NEW_SECONDS)
        self._new = {
            name: rule.metadata.creation_timestamp
            for name, rule in rules.items()
            if since < rule.metadata.creation_timestamp <= until
            and referenced(rule).namespace != rule.metadata.namespace
        }
        return frozenset(self._new)

    def aged(self) -> bool:
        """Whether one of those that were new is so no more."""
        since = self._spelt(-NEW_SECONDS)
        return any(created <= since for created in self._new.values())

    def _spelt(self, seconds_from_now: float) -> str:
        time = datetime.fromtimestamp(self._clock() + seconds_from_now, UTC)
        return time.strftime("%Y-%m-%dT%H:%M:%SZ")
