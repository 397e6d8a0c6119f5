"""What `[[sensitive]]` hides stays hidden while CRDs change versions and short names, go and come."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest

from tests.canaries import Canaries
from tests.e2e.canary import everywhere
from tests.e2e.daemon import wait_for
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting

SECONDS = float(os.environ.get("REVERSER_HIDING_SECONDS", "0"))
SEED = int(os.environ.get("REVERSER_HIDING_SEED", "0")) or time.time_ns() % 10**9
GROUP = "hiding.example"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
VERSIONS = ("v1beta1", "v1", "v2")
PATHS = ["spec.password", "spec.users[*].token"]
SENSITIVE = [
    {"resources": [f"databases.v1beta1.{GROUP}"], "paths": [*PATHS, "spec.auth.password"]},
    {"resources": ["hst"], "paths": PATHS},
    {"resources": ["hwh"]},
]
OPEN = {
    "type": "object",
    "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
}


class Types:
    """The CRDs of the group, as an operator's releases change them."""

    def __init__(self, plane: ControlPlane, canaries: Canaries, namespace: str) -> None:
        self._plane = plane
        self._canaries = canaries
        self._namespace = namespace
        self._size = 0

    def define(self, plural: str, served: str = "v1", short: tuple[str, ...] = ()) -> None:
        """A CRD that serves this version alone, and has these short names."""
        versions = [
            {
                "name": each,
                "served": each == served,
                "storage": each == "v1",
                "schema": {"openAPIV3Schema": OPEN},
            }
            for each in VERSIONS
        ]
        names = {"plural": plural, "kind": plural.capitalize()[:-1], "shortNames": list(short)}
        spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": versions}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{GROUP}"},
            "spec": spec,
        }
        self._plane.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(definition)
        )
        wait_for(f"{plural} in {served}", lambda: self._plane.http.get(self._path(plural, served)).is_success)

    def remove(self, plural: str) -> None:
        """The CRD goes, and all of its objects with it."""
        self._plane.kubectl("delete", "crd", f"{plural}.{GROUP}", "--ignore-not-found")

    def write(self, plural: str, served: str, name: str = "main") -> int:
        """An object with new values that nobody may see; its size, which everybody may."""
        self._size += 1
        token, password = self._canaries.value(), self._canaries.value()
        spec = {"password": password, "users": [{"name": "a", "token": token}], "size": self._size}
        body: dict[str, Any] = {
            "apiVersion": f"{GROUP}/{served}",
            "kind": plural.capitalize()[:-1],
            "metadata": {"name": name, "namespace": self._namespace, "annotations": self._copies(spec)},
            "spec": spec,
        }
        query = {"fieldManager": "person", "force": "true"}
        content = {"Content-Type": "application/apply-patch+yaml"}
        path = f"{self._path(plural, served)}/{name}"
        done = self._plane.http.patch(path, params=query, content=json.dumps(body), headers=content)
        assert done.is_success, done.text
        return self._size

    def _copies(self, spec: dict[str, Any]) -> dict[str, str]:
        names = ("kopf.zalando.org/last-handled-configuration", "cluster.x-k8s.io/conversion-data")
        return {name: json.dumps({"spec": spec}) for name in names}

    def _path(self, plural: str, served: str) -> str:
        return f"/apis/{GROUP}/{served}/namespaces/{self._namespace}/{plural}"


@pytest.fixture
def types(setting: Setting) -> Iterator[Types]:
    made = Types(setting.plane, Canaries(), setting.namespace)
    yield made
    for plural in ("databases", "stores", "warehouses", "lockers"):
        made.remove(plural)


def _file(setting: Setting, plural: str, *said: str) -> str:
    """The file of the object in the remote, once it says all of this."""

    def found() -> str:
        files = setting.cloned()
        mine = f"{setting.namespace}/{plural}."
        texts = (content.decode() for path, content in files.items() if mine in path)
        text = next(texts, "")
        return text if text and all(each in text for each in said) else ""

    return str(wait_for(f"{plural} with {said}", lambda: setting.daemon.alive() and found(), 60))


def test_nothing_hidden_shows_while_types_change(setting: Setting, types: Types) -> None:
    """No value is ever in remote, journal, data directory, log or probes, whatever its type is called."""
    canaries = types._canaries
    live = {"name": "live", "url": setting.remote.url, "secrets": "mask"}
    definitions = {"name": "crds", "destination": "live", "resources": ["customresourcedefinitions"]}
    rules = [*setting.daemon.tables["rules"], definitions]  # whose events make discovery quick
    setting.daemon.write(sensitive=SENSITIVE, destinations=[live], rules=rules)
    types.define("databases", "v1beta1")
    types.define("stores", short=("hst",))
    types.define("warehouses", short=("hwh",))
    setting.daemon.start().ready()
    for plural in ("databases", "stores", "warehouses"):
        served = "v1beta1" if plural == "databases" else "v1"
        size = types.write(plural, served)
        said = ("hmac:",) if plural == "warehouses" else (f"size: {size}", "password: hmac:")
        _file(setting, plural, *said)

    setting.stalled("spec.auth.password")

    types.define("databases", "v1")
    types.define("stores")
    types.define("warehouses", "v2")
    for plural, served in (("databases", "v1"), ("stores", "v1")):
        _file(setting, plural, f"{GROUP}/{served}", f"size: {types.write(plural, served)}", "password: hmac:")
    types.write("warehouses", "v2")
    _file(setting, "warehouses", f"{GROUP}/v2", "hmac:")

    pages = [httpx.get(f"{setting.daemon.url}/{page}").text for page in ("readyz", "metrics")]
    assert setting.daemon.stop() == 0
    types.define("databases", "v2")
    types.remove("stores")
    types.define("stores", "v2")
    types.write("stores", "v2")
    types.write("databases", "v2")
    setting.daemon.start().ready()
    for plural in ("databases", "stores"):
        _file(setting, plural, f"{GROUP}/v2", f"size: {types.write(plural, 'v2')}", "password: hmac:")

    types.remove("stores")
    types.define("lockers")
    types.write("lockers", "v1")
    setting.stalled("PatternMatchesNothing")
    setting.daemon_idle()
    wait_for("lockers", lambda: setting.daemon.metric("gitopsreverser_withheld_objects") == 1)
    pages += [httpx.get(f"{setting.daemon.url}/{page}").text for page in ("readyz", "metrics")]
    assert "lockers" in pages[-2]
    assert not setting.has("lockers.hiding.example/")
    setting.daemon.stop()

    found = [hit for place, content in everywhere(setting, pages) for hit in canaries.found(place, content)]
    assert found == []


@pytest.mark.skipif(not SECONDS, reason="set REVERSER_HIDING_SECONDS for the long run")
def test_nothing_hidden_shows_in_a_long_run(setting: Setting, types: Types) -> None:
    """The same for a random program of versions, short names, deletions and restarts; the seed is printed."""
    print(f"REVERSER_HIDING_SEED={SEED}")
    chance, until = Random(SEED), time.monotonic() + SECONDS
    live = {"name": "live", "url": setting.remote.url, "secrets": chance.choice(("mask", "omit"))}
    definitions = {"name": "crds", "destination": "live", "resources": ["customresourcedefinitions"]}
    rules = [*setting.daemon.tables["rules"], definitions]
    setting.daemon.write(sensitive=SENSITIVE, destinations=[live], rules=rules)
    served: dict[str, str] = {"databases": "v1beta1", "stores": "v1", "warehouses": "v1"}
    short = {"stores": ("hst",), "warehouses": ("hwh",)}
    for plural, version in served.items():
        types.define(plural, version, short.get(plural, ()))
    setting.daemon.start().ready().settled()
    steps, written = 0, 0
    while time.monotonic() < until:
        steps += 1
        plural = chance.choice((*short, "databases"))
        match chance.randrange(8):
            case 0 | 1:
                served[plural] = chance.choice(VERSIONS)
                types.define(plural, served[plural], chance.choice(((), short.get(plural, ()))))
            case 2:
                types.remove(plural)
                served.pop(plural, None)
            case 3 if chance.random() < 0.3:
                chance.choice((setting.daemon.stop, setting.daemon.kill))()
                setting.daemon.start().ready()
            case _ if plural in served:
                types.write(plural, served[plural], f"o{chance.randrange(5)}")
                written += 1
    setting.daemon_idle()
    pages = [httpx.get(f"{setting.daemon.url}/{page}").text for page in ("readyz", "metrics")]
    setting.daemon.stop()
    print(f"{steps} steps, {written} writes, {len(setting.remote.commits())} commits")

    canaries = types._canaries
    assert [hit for place, text in everywhere(setting, pages) for hit in canaries.found(place, text)] == []
