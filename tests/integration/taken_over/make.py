"""Made `c043fca.tar.xz`: what a daemon of commit c043fca leaves behind when its remote is away.

    git archive c043fca | tar x -C OLD && cd OLD && PYTHONPATH=. python .../taken_over/make.py OUT.tar.xz

The archive has the data directory (`data`), the remote (`live.git`) and the objects of the cluster
(`objects.json`). A Namespace, a Deployment, a Service and three ConfigMaps are pushed; an update by alice, a
creation and a deletion are pending. Audit also reported an update by bob that no watch had brought yet.
"""

from __future__ import annotations

import json
import sqlite3
import ssl
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
import trio
from reverser.config.tables import Webhook

from reverser.app.daemon import Daemon
from reverser.config import Cluster, Config, Operations
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from reverser.sandbox import Sandbox

Object = dict[str, Any]
BOUND_SECONDS = 60
PORTS = [{"containerPort": 8080, "protocol": "TCP"}]
CONTAINER = {"name": "web", "image": "shop:1.0", "ports": PORTS, "env": [{"name": "LEVEL", "value": "info"}]}
LABELS = {"app": "web"}
OBJECTS: list[Object] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}},
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]},
    },
]


def config_map(name: str, value: str) -> Object:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


def audited(obj: Object, user: str) -> Object:
    """The event of an update that ended just now."""
    metadata, now = obj["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    uri = f"/api/v1/namespaces/shop/configmaps/{metadata['name']}"
    return {
        "level": "RequestResponse",
        "auditID": f"{user}-1",
        "stage": "ResponseComplete",
        "requestURI": uri,
        "verb": "update",
        "user": {"username": user, "groups": ["dev"]},
        "userAgent": "kubectl/v1.34",
        "objectRef": {
            "resource": "configmaps",
            "namespace": "shop",
            "name": metadata["name"],
            "apiVersion": "v1",
        },
        "responseStatus": {"metadata": {}, "code": 200},
        "requestObject": {"data": obj["data"]},
        "responseObject": obj,
        "requestReceivedTimestamp": now,
        "stageTimestamp": now,
    }


class World:
    """A cluster, a daemon and its remote."""

    def __init__(self, folder: Path, sandbox: Sandbox, logged: list[Object]) -> None:
        self.folder, self.sandbox, self._logged = folder, sandbox, logged
        self.remote = folder / "live.git"
        self.objects: dict[tuple[str, str], Object] = {}
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.remote)], check=True)
        self.config = Config(
            data_dir=str(folder / "data"),
            grace_seconds=1,
            operations=Operations(bind="127.0.0.1:0"),
            webhook=Webhook(bind="127.0.0.1:0"),
            clusters=(Cluster(kubeconfig=str(sandbox.kubeconfig(folder / "kubeconfig"))),),
            destinations=(Destination(name="live", url=self.remote.as_uri()),),
            rules=(Rule(name="everything", destination="live"),),
        )

    async def apply(self, obj: Object) -> Object:
        stored = await self.sandbox.apply(obj)
        self.objects[obj["kind"], obj["metadata"]["name"]] = stored
        return stored

    async def tell(self, obj: Object, user: str) -> None:
        """Have the audit webhook tell of an update."""
        [url] = [each["url"] for each in self._logged if each["event"] == "webhooks at"]
        body = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [audited(obj, user)]}
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        async with httpx.AsyncClient(verify=trust) as client:
            (await client.post(f"{url}/audit/default", json=body)).raise_for_status()

    def files(self) -> set[str]:
        command = ["git", "-C", str(self.remote), "ls-tree", "-r", "--name-only", "main"]
        return {*subprocess.run(command, capture_output=True, check=False, text=True).stdout.split()}

    def pending(self) -> int:
        with closing(sqlite3.connect(self.folder / "data/journal.sqlite")) as database:
            [count] = database.execute("SELECT count(*) FROM entries WHERE NOT waiting").fetchone()
        return int(count)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(BOUND_SECONDS):
        while not condition():
            await trio.sleep(0.05)


async def make(world: World) -> None:
    """Run the daemon: with its remote at first, without it later."""
    for obj in [*OBJECTS, *(config_map(name, "1") for name in ("prices", "stable", "old"))]:
        await world.apply(obj)
    daemon = Daemon(world.config, lambda: world.config)
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.run)
        await until(lambda: len(world.files()) == len(world.objects))
        await until(lambda: not world.pending())
        away = world.remote.with_name("away.git")
        world.remote.rename(away)
        unseen = {"name": "unseen", "namespace": "shop", "uid": "u", "resourceVersion": "90"}
        await world.tell({**config_map("unseen", "1"), "metadata": unseen}, "bob")
        await world.tell(await world.apply(config_map("prices", "2")), "alice")
        await world.apply(config_map("late", "1"))
        await world.sandbox.delete("v1", "ConfigMap", "old", "shop")
        await until(lambda: world.pending() == 3)
        daemon.stop()
    away.rename(world.remote)
    del world.objects["ConfigMap", "old"]
    (world.folder / "objects.json").write_text(json.dumps([*world.objects.values()]))


async def main(target: Path) -> None:
    logged: list[Object] = []

    def log(_logger: object, _method: str, event: Any) -> str:
        logged.append(dict(event))
        return str(event)

    structlog.configure(processors=[log], cache_logger_on_first_use=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Sandbox.open() as sandbox:
            await make(World(folder, sandbox, logged))
        with tarfile.open(target, "w:xz") as archive:
            for each in ("data", "live.git", "objects.json"):
                archive.add(folder / each, each, filter=_archived)


def _archived(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without sample hooks, and without the user who made it."""
    entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, "", ""
    return None if entry.name.endswith((".sample", "/lock")) else entry


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
