"""Manifests that a person keeps in the daemons' folders, for objects that come, change and go in the cluster.

The manifest of an object is there before the object, so the daemon edits it where it stands. Only a history
that is rewound may leave a file of ours beside it: the person brings back a manifest that was taken out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML

from tests.e2e.load import KINDS
from tests.e2e.servers import ControlPlane
from tests.soak.actors import MERGE, As, InGit

NAMES = 12
"""Objects with a manifest in each namespace."""
DELETES = 0.15
REMARK = "# kept by hand: ask Ada"
MANIFEST = f"""\
{REMARK}
apiVersion: v1
kind: ConfigMap
metadata: {{{{name: {{name}}, namespace: {{namespace}}}}}}
data:
    value: '{{value}}'  # of the day
"""


def names() -> list[str]:
    """Of the objects."""
    return [f"byhand-{number}" for number in range(1, NAMES + 1)]


def theirs(namespace: str, name: str) -> str:
    """The person's manifest, in the folder of the daemon that writes the namespace."""
    return f"{namespace}/manifests/{name}.yaml"


def ours(namespace: str, name: str) -> str:
    """The file that a daemon would make."""
    return f"{namespace}/{namespace}/configmaps/{name}.yaml"


def keeper(plane: ControlPlane, clone: InGit, namespaces: tuple[str, ...], seed: int) -> Callable[[], None]:
    """Changes or deletes an object, or makes it after its manifest."""
    chance, seen = random.Random(f"{seed}/keeper"), As(plane, "ada")

    def act() -> None:
        namespace, name = chance.choice(namespaces), chance.choice(names())
        value, path = str(chance.randint(1, 999)), KINDS["ConfigMap"].format(namespace)
        found = seen.http.get(f"{path}/{name}")
        if found.status_code == 404:
            text = MANIFEST.format(name=name, namespace=namespace, value=0)
            clone.add(theirs(namespace, name), text, beside=ours(namespace, name))
            metadata = {"name": name}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}
            return seen.create(path, body)
        assert found.is_success, found.text
        if chance.random() < DELETES:
            done = seen.http.delete(f"{path}/{name}")
        else:
            done = seen.http.patch(f"{path}/{name}", json={"data": {"value": value}}, headers=MERGE)
        assert done.is_success, done.text
        return None

    return act


def wrong(namespace: str, live: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    """What the branch says otherwise than the cluster; `live`: the data of those objects that there are."""
    for name in names():
        found = [path for path in (ours(namespace, name), theirs(namespace, name)) if path in files]
        if name not in live:
            yield from (f"{path} describes what is not there" for path in found[:1])
        elif not found:
            yield f"{theirs(namespace, name)} is missing"
        elif (data := YAML(typ="safe", pure=True).load(files[found[0]].decode())["data"]) != live[name]:
            yield f"{found[0]} says {data}, not {live[name]}"
        if found[-1:] == [theirs(namespace, name)] and REMARK.encode() not in files[found[-1]]:
            yield f"{found[-1]} lost its comment"
