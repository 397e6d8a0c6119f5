"""The types that are served now: the built-in table and what CustomResourceDefinitions add."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reverser.sandbox.refusal import Refusal, not_served
from reverser.sandbox.types import Served, built_in


class Catalogue:
    """Served types by group, version and plural; of one type the preferred version comes first."""

    def __init__(self) -> None:
        self._served = {_key(served): served for served in built_in()}

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    def add(self, types: Iterable[Served]) -> None:
        """Serve these too, at once."""
        self._served |= {_key(served): served for served in types}

    def remove(self, table: tuple[str, str]) -> None:
        """Serve no version of this type any more."""
        self._served = {key: served for key, served in self._served.items() if served.table != table}

    def find(self, group: str, version: str, resource: str) -> Served:
        """The type at a path. Refuses with NotFound."""
        try:
            return self._served[group, version, resource]
        except KeyError:
            raise not_served() from None

    def of_kind(self, api_version: str, kind: str) -> Served:
        """The type that objects with these two fields have. Refuses with BadRequest."""
        for served in self:
            if (served.type.api_version, served.type.kind) == (api_version, kind):
                return served
        raise Refusal("BadRequest", f'no matches for kind "{kind}" in version "{api_version}"')

    def groups(self) -> dict[str, dict[str, list[Served]]]:
        """group -> version -> types, with the versions of each group by Kubernetes' priority."""
        result: dict[str, dict[str, list[Served]]] = {}
        for served in sorted(self, key=lambda served: priority(served.type.version)):
            result.setdefault(served.type.group, {}).setdefault(served.type.version, []).append(served)
        return result


def priority(version: str) -> tuple[int, int, int]:
    """Sorts v2 before v1 before v1beta2 before v1alpha1 before anything else."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not match:
        return 3, 0, 0
    stage = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return stage, -int(match[1]), -int(match[3] or 0)


def _key(served: Served) -> tuple[str, str, str]:
    return served.type.group, served.type.version, served.type.resource
