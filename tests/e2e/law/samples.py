"""The sample objects: `samples/<resource>[.<group>].yaml` holds several of one type.

Each is made once in every way that people have, so that `$way` in a manifest is the way's token,
`$number` its digit and `$namespace` its namespace, which is also the one of a manifest that does
not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import msgspec
import yaml

from reverser.model.resource import ResourceType

FOLDER = Path(__file__).parent / "samples"
RESOURCES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
_FIRST = (
    "customresourcedefinitions.apiextensions.k8s.io",
    "priorityclasses.scheduling.k8s.io",
    "runtimeclasses.node.k8s.io",
    "storageclasses.storage.k8s.io",
    "namespaces",
    "limitranges",
    "serviceaccounts",
    "persistentvolumes",
)
_LAST = ("apiservices.apiregistration.k8s.io",)


class Way(msgspec.Struct, frozen=True):
    """One way to make objects."""

    name: str
    """For people: `create`, `apply`, `server-side` or `post`."""
    number: int
    """1 to 4."""

    @property
    def token(self) -> str:
        """What stands for `$way`: found in no other word of a manifest."""
        return f"way{self.number}"

    @property
    def namespaces(self) -> tuple[str, str]:
        """Where the objects live; the second one has a limit range and a quota."""
        return f"law-{self.token}", f"law-{self.token}-limited"


WAYS = tuple(Way(name, number) for number, name in enumerate(("create", "apply", "server-side", "post"), 1))


def manifests(way: Way, types: dict[str, ResourceType]) -> Iterator[tuple[ResourceType, dict[str, Any]]]:
    """Every sample of these types for one way, in an order in which they can be created."""
    for resource in sorted(types.keys() & set(RESOURCES), key=_rank):
        for manifest in _read(resource, way):
            if types[resource].namespaced:
                manifest["metadata"].setdefault("namespace", way.namespaces[0])
            yield types[resource], manifest


def _rank(resource: str) -> tuple[int, str]:
    if resource in _LAST:
        return len(_FIRST) + 1, resource
    return (_FIRST.index(resource) if resource in _FIRST else len(_FIRST)), resource


def _read(resource: str, way: Way) -> Iterator[dict[str, Any]]:
    text = Template((FOLDER / f"{resource}.yaml").read_text())
    filled = text.safe_substitute(way=way.token, number=way.number, namespace=way.namespaces[0])
    yield from yaml.safe_load_all(filled)
