"""Many custom resources at once: 500 GitRepoConfigs of 50 namespaces, and 2,000 WatchRules.

The real daemon on a real API server; each GitRepoConfig has a repository of its own, all on one Git host,
which is reached by http. Every rule selects one of four types by a label. The floor of a change is that of
`latency`, by http too.
"""

from __future__ import annotations

import random
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from tests.bench import ref
from tests.bench.floor import Floor
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most, percentile
from tests.bench.size import Children, mib
from tests.custom_resources import API_VERSION, crds, git_repo_config, namespace, watch_rule
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane
from tests.integration.gitserver import GitServer, serving

API = f"/apis/{API_VERSION}"
PER_NAMESPACE = 10
TYPES = {
    "configmaps": ("/api/v1", {}),
    "limitranges": ("/api/v1", {"spec": {"limits": []}}),
    "serviceaccounts": ("/api/v1", {}),
    "roles": ("/apis/rbac.authorization.k8s.io/v1", {"rules": []}),
}
"""Plural -> where the API serves it, and what an object of it has besides metadata."""
GOAL_FLOORS = 2
GOAL_WRITES_A_MINUTE = 1100
GOAL_IN_FORCE_SECONDS = 1
CHANGES_A_SECOND = 100
WARM_UP = 3
"""The first changes of both sides, which are not counted."""
PAUSE_SECONDS = 0.3
"""Between changes that are timed."""
MOST_SECONDS = 1200.0
RESTARTED = (
    "gitopsreverser_watch_restarts_total",
    "gitopsreverser_writer_starts_total",
)
MERGE = {"Content-Type": "application/merge-patch+json"}


class Sizes(msgspec.Struct, frozen=True):
    """How much of everything."""

    configs: int
    changes: int
    """That are timed one by one."""
    rule_changes: int
    load_seconds: int

    @property
    def rules(self) -> int:
        """One for each type."""
        return self.configs * len(TYPES)


FULL = Sizes(500, 60, 10, 120)
QUICK = Sizes(20, 10, 3, 10)


class Scene:
    """What the measurements look at."""

    def __init__(self, plane: ControlPlane, server: GitServer, daemon: Daemon, sizes: Sizes) -> None:
        self.plane = plane
        self.server = server
        self.daemon = daemon
        self.sizes = sizes

    def remote(self, number: int) -> Remote:
        """The repository of a GitRepoConfig."""
        return Remote(self.server.folder / f"{_name(number)}.git")

    def restarts(self) -> dict[str, float]:
        """Counters that go up when a stream or a writer begins again."""
        return {name: self.daemon.metric(name) for name in RESTARTED}


def measure(options: Options) -> list[Row]:
    """All rows."""
    sizes = QUICK if options.quick else FULL
    say(f"resources: {sizes.configs} GitRepoConfigs, {sizes.rules:,} WatchRules")
    (options.folder / "host").mkdir()
    with (
        ControlPlane.start(options.folder / "plane", controllers=False) as plane,
        serving(options.folder / "host") as server,
    ):
        _install(plane)
        server.commit({"README.md": "live\n"}, "Begin")
        _fill(plane, server, sizes)
        daemon = Daemon(
            options.folder / "daemon",
            plane.kubeconfig(),
            "",
            destinations=[],
            rules=[],
            resources={},
            tenancy={"allow_urls": ["127.0.0.1:*/*"]},
        )
        scene = Scene(plane, server, daemon, sizes)
        with daemon:
            assert daemon.process is not None
            with Children(daemon.process.pid, 1.0) as children:
                rows = [
                    *_start(scene),
                    *_latency(scene, options.folder),
                    *_rule_changes(scene),
                    *_load(scene),
                ]
            rows.append(
                Row(
                    f"highest memory of the daemon, {_what(sizes)}",
                    f"{mib(daemon.process.pid, 'VmHWM'):,.0f} MiB",
                )
            )
            rows.append(
                Row(
                    f"its git children then, {_what(sizes)}",
                    f"{children.mib:,.0f} MiB, {children.most} at once",
                )
            )
            daemon.stop(120)
    return rows


def _what(sizes: Sizes) -> str:
    return f"{sizes.configs} configs, {sizes.rules:,} rules"


def _name(number: int) -> str:
    return f"live-{number:03}"


def _namespace(number: int) -> str:
    return f"team-{number // PER_NAMESPACE:02}"


def _install(plane: ControlPlane) -> None:
    for crd in crds():
        plane.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    for plural in ("gitrepoconfigs", "watchrules", "clusterwatchrules"):
        wait_for(plural, lambda plural=plural: plane.http.get(f"{API}/{plural}").is_success)


def _fill(plane: ControlPlane, server: GitServer, sizes: Sizes) -> None:
    for number in range(0, sizes.configs, PER_NAMESPACE):
        plane.create("/api/v1/namespaces", namespace(_namespace(number)))

    def create(number: int) -> None:
        name, where = _name(number), _namespace(number)
        shutil.copytree(server.bare, server.folder / f"{name}.git")
        url = server.url.replace("live.git", f"{name}.git")
        for plural, (api, more) in TYPES.items():
            path = f"{api}/namespaces/{where}/{plural}"
            for label in (name, f"other-{name}"):
                plane.create(path, {"metadata": {"name": label, "labels": {"repository": label}}, **more})
            rule = watch_rule(f"{name}-{plural}", where, name, plural, objectSelector=_selector(name))
            plane.create(f"{API}/namespaces/{where}/watchrules", rule)
        plane.create(f"{API}/namespaces/{where}/gitrepoconfigs", git_repo_config(name, where, url))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(sizes.configs)))


def _selector(*names: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "repository", "operator": "In", "values": [*names]}]}


def _start(scene: Scene) -> list[Row]:
    """From the start of the process until every status says Ready and every repository has its objects."""
    began = time.perf_counter()
    wait_for("all Ready", lambda: scene.daemon.alive() and _all_ready(scene), MOST_SECONDS)
    seconds = time.perf_counter() - began
    wait_for(
        "the snapshots", lambda: all(map(_has_snapshot(scene), range(scene.sizes.configs))), MOST_SECONDS
    )
    written = time.perf_counter() - began
    say(f"resources: all Ready after {seconds:.1f} s, all snapshots pushed after {written:.1f} s")
    return [
        Row(f"start to all Ready, {_what(scene.sizes)}", f"{seconds:,.1f} s"),
        Row(f"start to all snapshots pushed, {_what(scene.sizes)}", f"{written:,.1f} s"),
    ]


def _all_ready(scene: Scene) -> bool:
    time.sleep(0.5)
    return all(
        _ready(each)
        for plural in ("gitrepoconfigs", "watchrules")
        for each in scene.plane.get(f"{API}/{plural}")["items"]
    )


def _ready(obj: dict[str, Any]) -> bool:
    conditions = obj.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _has_snapshot(scene: Scene) -> Callable[[int], bool]:
    beginning = ref.read(scene.server.bare)
    return lambda number: ref.read(scene.remote(number).path) != beginning


def _latency(scene: Scene, folder: Path) -> list[Row]:
    """Changes one by one, each in another repository, beside the floor by the same Git host."""
    floor_remote = scene.server.folder / "floor.git"
    shutil.copytree(scene.server.bare, floor_remote)
    floor = Floor(floor_remote, folder, scene.server.url.replace("live.git", "floor.git"))
    numbers = random.Random(1).choices(range(scene.sizes.configs), k=WARM_UP + scene.sizes.changes)
    ours, floors = [], []
    for revision, number in enumerate(numbers):
        time.sleep(PAUSE_SECONDS)
        remote = scene.remote(number)
        old = ref.read(remote.path)
        _change(scene.plane, number, f"one-{revision}")
        answered = time.perf_counter()
        ours.append(ref.moved(remote.path, old) - answered)
        time.sleep(PAUSE_SECONDS)
        content = f"data:\n  revision: one-{revision}\n".encode()
        floors.append(floor.change("v1/configmaps/one.yaml", content, remote.message().encode()))
    floor.close()
    ours, floors = ours[WARM_UP:], floors[WARM_UP:]
    middle, middle_floor = statistics.median(ours), statistics.median(floors)
    say(f"resources: change to remote {middle:.3f} s, floor {middle_floor:.3f} s")
    what = f"change to remote by http, {_what(scene.sizes)}"
    return [
        *(Row(f"{what}, p{p}", f"{percentile(ours, p) * 1000:.0f} ms") for p in (50, 99)),
        Row("floor: fast-import + push by http, p50", f"{percentile(floors, 50) * 1000:.0f} ms"),
        at_most(f"{what}, p50 in floors", percentile(ours, 50) / percentile(floors, 50), GOAL_FLOORS, "×"),
    ]


def _change(plane: ControlPlane, number: int, value: str) -> None:
    path = f"/api/v1/namespaces/{_namespace(number)}/configmaps/{_name(number)}"
    plane.http.patch(path, json={"data": {"revision": value}}, headers=MERGE).raise_for_status()


def _rule_changes(scene: Scene) -> list[Row]:
    """Each rule selects one object more; it is in force when the object's file is in the branch."""
    sizes, before, seconds = scene.sizes, scene.restarts(), list[float]()
    for number in random.Random(2).sample(range(sizes.configs), sizes.rule_changes):
        time.sleep(PAUSE_SECONDS)
        name, remote = _name(number), scene.remote(number)
        old = ref.read(remote.path)
        path = f"{API}/namespaces/{_namespace(number)}/watchrules/{name}-limitranges"
        spec = {"objectSelector": _selector(name, f"other-{name}")}
        scene.plane.http.patch(path, json={"spec": spec}, headers=MERGE).raise_for_status()
        answered = time.perf_counter()
        seconds.append(ref.moved(remote.path, old) - answered)
        assert f"v1/limitranges/{_namespace(number)}/other-{name}.yaml" in remote.paths()
    after = scene.restarts()
    others = sum(after.values()) - sum(before.values()) - sizes.rule_changes  # one stream each is concerned
    say(f"resources: rule in force after {statistics.median(seconds):.3f} s, restarts {before} {after}")
    what = f"one of {sizes.rules:,} rules changes"
    return [
        at_most(f"{what}: pushed by it, p50", percentile(seconds, 50), GOAL_IN_FORCE_SECONDS, "s", 2),
        Row(f"{what}: other streams and writers restarted", f"{others:.0f}", "0", 2.0 if not others else 0.0),
    ]


def _load(scene: Scene) -> list[Row]:
    """Writes of statuses while changes come in as fast as the goal says, spread over all repositories."""
    sizes = scene.sizes
    before, began = _status_writes(scene.plane), time.perf_counter()
    made = _changes_at(scene.plane, sizes)
    seconds = time.perf_counter() - began
    writes = (_status_writes(scene.plane) - before) / seconds * 60
    say(f"resources: {made / seconds:.0f} changes a second, {writes:.0f} status writes a minute")
    backlog = _backlog(scene.daemon)
    caught_up = time.perf_counter()
    wait_for("the backlog", lambda: not _backlog(scene.daemon), MOST_SECONDS)
    caught_up = time.perf_counter() - caught_up
    what = f"{made / seconds:.0f} changes a second over {sizes.configs} repositories"
    return [
        at_most(f"status writes a minute at {what}", writes, GOAL_WRITES_A_MINUTE, "", 0),
        Row(
            f"not yet pushed after {seconds:.0f} s of it",
            f"{backlog:,.0f} changes; pushed {caught_up:.1f} s later",
        ),
    ]


def _backlog(daemon: Daemon) -> float:
    time.sleep(0.5)
    return daemon.metric("gitopsreverser_git_commit_queue_size", 60)


def _changes_at(plane: ControlPlane, sizes: Sizes) -> int:
    """How many changes were made."""
    due = range(sizes.load_seconds * CHANGES_A_SECOND)
    began = time.perf_counter()

    def change(number: int) -> None:
        time.sleep(max(0.0, began + number / CHANGES_A_SECOND - time.perf_counter()))
        _change(plane, number % sizes.configs, f"load-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, due))
    return len(due)


def _status_writes(plane: ControlPlane) -> float:
    """As the API server counts them."""
    lines = plane.http.get("/metrics").text.splitlines()
    ours = ('group="configbutler.ai"', 'subresource="status"')
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("apiserver_request_total{") and all(label in line for label in ours)
    )
