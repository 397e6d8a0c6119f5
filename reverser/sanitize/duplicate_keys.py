"""Lists in which two items have one merge key: the API server stores them, but server-side apply
refuses the document. The object is stored as it is, and this says what is odd about it.

Checked are the lists whose keys the server does not force to be unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from reverser.sanitize.json_content import Content, mapping, rows
from reverser.sanitize.workloads import TEMPLATES, Kind, pod_spec

OF_POD: dict[str, tuple[str, ...]] = {"imagePullSecrets": ("name",), "hostAliases": ("ip",)}
OF_CONTAINER: dict[str, tuple[str, ...]] = {"env": ("name",), "ports": ("containerPort", "protocol")}
NAMED: dict[Kind, tuple[str, ...]] = {
    ("", "ServiceAccount"): ("secrets",),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): ("spec", "variables"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): ("spec", "variables"),
}
"""Lists of maps with `name` as their key."""
SETS: dict[Kind, tuple[str, str]] = {("storage.k8s.io", "CSIDriver"): ("spec", "volumeLifecycleModes")}
"""Lists of values; `metadata.finalizers` is one of every kind."""


def duplicates(content: Content, kind: Kind) -> tuple[str, ...]:
    """A sentence for each list with duplicate merge keys."""
    return tuple(_all(content, kind))


def _all(content: Content, kind: Kind) -> Iterator[str]:
    yield from _of_set(content, ("metadata", "finalizers"))
    if kind in SETS:
        yield from _of_set(content, SETS[kind])
    if kind in NAMED:
        *way, key = NAMED[kind]
        parent = mapping(content, *way) if way else content
        yield from _of_list(parent or {}, key, ("name",), ".".join(way))
    spec = pod_spec(content, kind)
    if spec is not None:
        yield from _of_spec(spec, ".".join((*TEMPLATES[kind], "spec")))


def _of_set(content: Content, path: tuple[str, str]) -> Iterator[str]:
    values = (mapping(content, path[0]) or {}).get(path[1])
    if isinstance(values, list):
        yield from _duplicates([(value,) for value in values], ".".join(path))


def _of_spec(spec: Content, path: str) -> Iterator[str]:
    for key, names in OF_POD.items():
        yield from _of_list(spec, key, names, path)
    for group in ("initContainers", "containers"):
        for container in rows(spec, group):
            for key, names in OF_CONTAINER.items():
                yield from _of_list(container, key, names, f"{path}.{group}[{container.get('name')}]")


def _of_list(parent: Content, key: str, names: tuple[str, ...], path: str) -> Iterator[str]:
    items = rows(parent, key)
    if len(items) < 2:
        return
    columns = [[item.get(name, "") for item in items] for name in names]
    yield from _duplicates(list(zip(*columns, strict=True)), f"{path}.{key}")


def _duplicates(keys: Sequence[tuple[Any, ...]], path: str) -> Iterator[str]:
    if len(set(keys)) == len(keys):
        return  # almost always, and counting takes ten times as long
    for values, count in Counter(keys).items():
        if count > 1:
            which = "/".join(str(value) for value in values if value != "")
            yield f"{path.removeprefix('.')} has {which} {count} times: server-side apply refuses it"
