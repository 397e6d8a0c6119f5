"""Which resource types the clusters serve, and by which version each is read. Pure.

`TypeCatalog` is the one place to look a type up: observers fill it with what discovery answers, and the
webhooks, the writers and the checks of rules read it.

Discovery blinks: a group can be missing from one answer and back in the next, during an upgrade or while an
aggregated API restarts. So a type that is new counts at once, and one that is missing goes after a grace.

Behind one address may be API servers of two releases, which prefer different versions of a type. The version
decides the `apiVersion` of every file, so the one in use stays for as long as it is served; another one is
taken when every answer has preferred it for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.errors import TransientError
from reverser.model.resource import CASCADING, ResourceType

GRACE_SECONDS = 60.0
STEADY_SECONDS = 300.0
"""For how long another version must be preferred before it is read."""

Named: TypeAlias = Callable[[Sequence[ResourceType], Collection[ResourceType]], Sequence[ResourceType]]
"""(the types that count as served, those of them that the newest answer lacks) -> the types with the patterns
of the configuration that mean them."""


class _Served(msgspec.Struct):
    """One type."""

    type: ResourceType
    """In the version in use."""
    seen_at: float
    preferred: str
    """The version that the newest answer preferred."""
    preferred_since: float
    changed_at: float = float("-inf")
    """When the version in use changed last."""


def _every_type(_type: ResourceType) -> bool:
    return True


def _as_served(types: Sequence[ResourceType], _missing: Collection[ResourceType]) -> Sequence[ResourceType]:
    return types


class ServedTypes:
    """The types that one cluster serves, as far as discovery has reported them."""

    def __init__(
        self, wants: Callable[[ResourceType], bool] = _every_type, named: Named = _as_served
    ) -> None:
        """`wants`: whether some rule selects objects of a type."""
        self._wants = wants
        self._named = named
        self._served: dict[tuple[str, str], _Served] = {}
        self._learned_at = 0.0
        self._with_authors: Mapping[tuple[str, str], ResourceType] = {}
        self.named: Sequence[ResourceType] = ()
        """The served types, with the patterns of the configuration that mean them."""

    @property
    def types(self) -> tuple[ResourceType, ...]:
        """The types that count as served, each in one version."""
        return tuple(served.type for served in self._served.values())

    @property
    def missing(self) -> frozenset[ResourceType]:
        """Those of them that the newest answer lacks."""
        return frozenset(each.type for each in self._served.values() if each.seen_at < self._learned_at)

    def learn(self, types: Iterable[ResourceType], now: float) -> None:
        """Add an answer: all versions of a type by preference; `now` in seconds of any steady clock."""
        self._learned_at = now
        offered: dict[tuple[str, str], list[ResourceType]] = {}
        for type_ in types:
            offered.setdefault((type_.group, type_.resource), []).append(type_)
        for name, versions in offered.items():
            self._served[name] = _after_answer(self._served.get(name), versions, now)
        for name, served in list(self._served.items()):
            if now - served.seen_at > GRACE_SECONDS:
                del self._served[name]
        self.reconsider()

    def reconsider(self) -> None:
        """Look at the types anew: the configuration may mean and want others than before."""
        self.named = self._named(self.types, self.missing)
        by_name = {(each.group, each.resource): each for each in self.named}
        self._with_authors = {
            name: type_ for name, type_ in by_name.items() if name in CASCADING or self._wants(type_)
        }

    def with_author(self, group: str, plural: str) -> ResourceType | None:
        """A type whose changes get an author: one that a rule selects, or whose deletion deletes others."""
        return self._with_authors.get((group, plural))

    def may_need_author(self, group: str, plural: str) -> bool:
        """Whether facts about the type may be of use; any may, as long as nothing is known."""
        return not self.named or (group, plural) in self._with_authors


class TypeCatalog:
    """The types of all clusters."""

    def __init__(self) -> None:
        self._clusters: Mapping[str, ServedTypes] = {}
        self._unknown = ServedTypes()

    def forget(self, cluster: str) -> None:
        """The cluster is observed no more, or another one is reached under its name."""
        self._clusters = {name: types for name, types in self._clusters.items() if name != cluster}

    def observe(self, clusters: Mapping[str, Callable[[], ServedTypes]]) -> None:
        """From now on these clusters are observed. `clusters`: what collects the types of one that is new."""
        self._clusters = {name: self._clusters.get(name) or begin() for name, begin in clusters.items()}
        for types in self._clusters.values():
            types.reconsider()

    def of(self, cluster: str) -> ServedTypes:
        """The types of one cluster; none where it is not observed."""
        return self._clusters.get(cluster, self._unknown)

    def of_kind(self, cluster: str, group: str, kind: str) -> ResourceType | None:
        """The type of a file in the branch. Raises TransientError before discovery has answered."""
        types = self.of(cluster).named
        if not types:
            raise TransientError(f"the types of cluster {cluster} are not known yet")
        return next((each for each in types if (each.group, each.kind) == (group, kind)), None)


def _after_answer(served: _Served | None, versions: list[ResourceType], now: float) -> _Served:
    """The type after an answer that has these versions of it."""
    first = versions[0]
    if served is None:
        return _Served(first, now, first.version, now)
    since = served.preferred_since if served.preferred == first.version else now
    in_use = [type_ for type_ in versions if type_.version == served.type.version]
    if in_use and (in_use[0].version == first.version or now - since < STEADY_SECONDS):
        return _Served(in_use[0], now, first.version, since, served.changed_at)
    if not in_use and now - served.changed_at < STEADY_SECONDS:
        # Two servers that have no version in common: the type must not go to and fro between them.
        return msgspec.structs.replace(served, preferred=first.version, preferred_since=since)
    return _Served(first, now, first.version, since, now)
