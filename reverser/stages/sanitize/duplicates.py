"""Lists in which two items have one merge key: the API server stores them, but server-side apply
refuses the document. The object is stored as it is, and this says what is odd about it.

Checked are the lists whose keys the server does not force to be unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reverser.stages.sanitize.content import Content, rows
from reverser.stages.sanitize.templates import TEMPLATES, Kind, pod_spec

OF_POD: dict[str, tuple[str, ...]] = {"imagePullSecrets": ("name",), "hostAliases": ("ip",)}
OF_CONTAINER: dict[str, tuple[str, ...]] = {"env": ("name",), "ports": ("containerPort", "protocol")}


def duplicates(content: Content, kind: Kind) -> tuple[str, ...]:
    """A sentence for each list of the pod spec with duplicate merge keys."""
    spec = pod_spec(content, kind)
    if spec is None:
        return ()
    place = ".".join((*TEMPLATES[kind], "spec"))
    return tuple(_of_spec(spec, place))


def _of_spec(spec: Content, place: str) -> Iterator[str]:
    for key, names in OF_POD.items():
        yield from _of_list(spec, key, names, place)
    for group in ("initContainers", "containers"):
        for container in rows(spec, group):
            for key, names in OF_CONTAINER.items():
                yield from _of_list(container, key, names, f"{place}.{group}[{container.get('name')}]")


def _of_list(parent: Content, key: str, names: tuple[str, ...], place: str) -> Iterator[str]:
    items = rows(parent, key)
    if len(items) < 2:
        return
    counts = Counter(tuple(item.get(name, "") for name in names) for item in items)
    for values, count in counts.items():
        if count > 1:
            which = "/".join(str(value) for value in values if value != "")
            yield f"{place}.{key} has {which} {count} times: server-side apply refuses it"
