"""One soak: what is set up, what happens when, and what must hold at the end.

Two daemons, each with a namespace and a folder of its own, write to one branch. Users, an autoscaler
and a writer of odd objects change the cluster, a person commits, and somebody force-pushes. The API
server is restarted, etcd is put back to an older copy, and the remote refuses everybody for a while.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from reverser.model.destination import Destination
from reverser.model.rule import Rule
from tests.e2e.daemon import Daemon
from tests.e2e.expected import difference, expected_files
from tests.e2e.load import CRD, KINDS
from tests.e2e.remote import Remote, git, install_hook
from tests.e2e.servers import ControlPlane
from tests.soak import manifests
from tests.soak.actors import SCALED, USERS, Actor, InGit, autoscaler, hostile, scaled, user
from tests.soak.sample import Sample, grown, look, size_mib

NAMESPACES = ("east", "west")
REFUSES_SECONDS = 60.0
CONVERGE_SECONDS = 240.0
PERSON_SECONDS = 4.0
ODD_SECONDS = 5.0
KEEPER_SECONDS = 3.0
SCALES_SECONDS = 1.0
TELLS_SECONDS = 30.0
LOOKS_SECONDS = 2.0
FAULTS = ("copy", "restart", "restore", "refuse", "rewind")

AT = {"copy": 0.2, "restart": 0.35, "restore": 0.5, "refuse": 0.7}
"""When a fault begins, as a part of the whole time."""
REWINDS = 8
"""How many force-pushes in the whole time."""


class Trial:
    """One run; `problems` is what did not hold."""

    def __init__(self, folder: Path, seconds: float, seed: int, rate: float, faults: tuple[str, ...]) -> None:
        self._folder = folder
        self._seconds = seconds
        self._seed = seed
        self._rate = rate
        self._faults = faults
        self._remote = Remote(folder / "remote.git")
        git("-C", self._remote.path, "config", "core.logAllRefUpdates", "always")
        self._person = InGit(folder, self._remote, "person")
        self._stranger = InGit(folder, self._remote, "stranger")
        self._keeper = InGit(folder, self._remote, "keeper")
        self.done = Counter[str]()
        self.samples: dict[str, list[Sample]] = {name: [] for name in NAMESPACES}
        self.acted_seconds = 1.0
        self.problems: list[str] = []

    def run(self) -> None:
        """All of it."""
        self._person.found()
        with ControlPlane.start(self._folder / "plane", controllers=False) as plane, ExitStack() as stack:
            self._plane = plane
            plane.kubectl("create", "-f", "-", input=json.dumps(CRD))
            plane.kubectl("wait", "--for=condition=Established", f"crd/{CRD['metadata']['name']}")
            for namespace in NAMESPACES:
                plane.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
                for path, document in scaled(namespace):
                    plane.create(path, document)
            self._daemons = {name: stack.enter_context(self._daemon(name)) for name in NAMESPACES}
            for daemon in self._daemons.values():
                daemon.ready().settled()
            with self._acting():
                self._pass_time()
            self._converge()
            self._look()

    def _daemon(self, name: str) -> Daemon:
        return Daemon(
            self._folder / name,
            self._plane.kubeconfig(),
            self._remote.url,
            clusters=[{"name": name, "kubeconfig": str(self._plane.kubeconfig())}],
            destinations=[{"name": "live", "url": self._remote.url, "path": name}],
            rules=[{"name": name, "cluster": name, "destination": "live", "namespaces": [name]}],
        )

    @contextmanager
    def _acting(self) -> Iterator[None]:
        plane, seed = self._plane, self._seed
        actors = [
            Actor("user", len(USERS) / self._rate, user(plane, name, NAMESPACES, seed), self.done)
            for name in USERS
        ]
        actors.append(Actor("autoscaler", SCALES_SECONDS, autoscaler(plane, NAMESPACES, seed), self.done))
        actors.append(Actor("odd object", ODD_SECONDS, hostile(plane, NAMESPACES, seed), self.done))
        actors.append(Actor("person", PERSON_SECONDS, partial(self._person.write, NAMESPACES), self.done))
        keeps = manifests.keeper(plane, self._keeper, NAMESPACES, seed)
        actors.append(Actor("manifest kept", KEEPER_SECONDS, keeps, self.done))
        if "rewind" in self._faults:
            actors.append(Actor("rewind", self._seconds / REWINDS, self._stranger.rewind, self.done))
        begun = time.monotonic()
        for actor in actors:
            actor.start()
        try:
            yield
        finally:
            for actor in actors:
                actor.stop()
            self.acted_seconds = time.monotonic() - begun
        self.problems += [f"{actor.name} broke: {actor.broken!r}" for actor in actors if actor.broken]

    def _pass_time(self) -> None:
        """Do what is due, and look; time in which a server is started again does not count."""
        passed, told, due = 0.0, 0.0, self._schedule()
        while passed < self._seconds or due:
            for name, act in _take_due(due, passed):
                print(f"{passed:6.0f} s  {name}", flush=True)
                act()
            for name, daemon in self._daemons.items():
                daemon.alive()
                self.samples[name].append(look(daemon))
            if passed >= told + TELLS_SECONDS:
                told = passed
                print(f"{passed:6.0f} s  {dict(self.done)}", flush=True)
            time.sleep(LOOKS_SECONDS)  # nothing is waited for: time passes
            passed += LOOKS_SECONDS

    def _schedule(self) -> list[tuple[float, str, Callable[[], object]]]:
        refuses = min(REFUSES_SECONDS, self._seconds / 6)
        acts: dict[str, Callable[[], object]] = {
            "copy": self._copy,
            "restart": self._plane.restart_apiserver,
            "restore": self._restore,
            "refuse": self._refuse,
        }
        rows = [(AT[name] * self._seconds, name, act) for name, act in acts.items() if self._wanted(name)]
        if self._wanted("refuse"):
            rows.append((AT["refuse"] * self._seconds + refuses, "accept again", self._accept))
        return sorted(rows, key=lambda row: row[0])

    def _wanted(self, fault: str) -> bool:
        return fault in self._faults or (fault == "copy" and "restore" in self._faults)

    def _copy(self) -> None:
        self._etcd_copy = self._plane.copy_etcd()

    def _restore(self) -> None:
        self._plane.restore_etcd(self._etcd_copy)

    def _refuse(self) -> None:
        self._hook = install_hook(self._remote.path, "pre-receive", "echo closed for the night >&2; exit 1")

    def _accept(self) -> None:
        self._hook.unlink()

    def _converge(self) -> None:
        """Wait until all is in Git, as the API server has it now."""
        print("       s  quiet", flush=True)
        end = time.monotonic() + CONVERGE_SECONDS
        self._retried(self._person.push, end)
        while (missing := self._differences()) and time.monotonic() < end:
            time.sleep(2)
        self.problems += missing

    def _retried(self, act: Callable[[], object], end: float) -> None:
        while True:
            try:
                act()
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
            else:
                return

    def _differences(self) -> list[str]:
        problems = []
        for name in NAMESPACES:
            rule = Rule(name=name, destination="live", namespaces=(name,))
            withheld = set[str]()  # what was written of them before they became so stays
            place = Destination("live", self._remote.url, path=name)
            wanted = expected_files(self._plane, rule, place, withheld)
            found = self._texts([path for path in self._remote.paths() if path.startswith(f"{name}/")])
            kept = {
                where(name, each)
                for where in (manifests.ours, manifests.theirs)
                for each in manifests.names()
            }
            beside = kept | withheld | self._person.files.keys()
            if told := difference(_unscaled(_without(beside, found)), _unscaled(_without(kept, wanted))):
                problems.append(f"{name}: {told}")
            problems += manifests.wrong(name, self._kept(name), found)
        return problems

    def _kept(self, namespace: str) -> dict[str, Any]:
        """The data of ConfigMaps by their names."""
        found = self._plane.get(KINDS["ConfigMap"].format(namespace))["items"]
        return {each["metadata"]["name"]: each.get("data") for each in found}

    def _texts(self, paths: list[str]) -> dict[str, bytes]:
        folder = self._folder / "looked"
        if not folder.exists():
            git("clone", "--quiet", self._remote.url, folder)
        git("fetch", "--quiet", "origin", "main", cwd=folder)
        git("reset", "--quiet", "--hard", "FETCH_HEAD", cwd=folder)
        return {path: (folder / path).read_bytes() for path in paths if (folder / path).is_file()}

    def _look(self) -> None:
        """What must hold beside equal trees."""
        files = self._remote.files(self._folder / "final")
        theirs = {name: text.encode() for name, text in self._person.files.items()}
        self.problems += [f"{name} is not the person's" for name in theirs if files.get(name) != theirs[name]]
        self.problems += [] if self.done["person"] else ["the person never got anything in"]
        strange = [path for path in files if path.split("/")[0] not in (*NAMESPACES, "person")]
        self.problems += [f"nobody's file: {path}" for path in strange]
        self.problems += self._trespasses()
        back = self._stranger.dropped & set(self._remote.commits())
        self.problems += [f"{len(back)} commits came back that a force-push had dropped"] if back else []
        git("clone", "--quiet", "--bare", "--no-local", self._remote.url, self._folder / "fresh.git")
        clone_mib = size_mib(self._folder / "fresh.git")
        for name, daemon in self._daemons.items():
            self.samples[name].append(look(daemon))
            self.problems += grown(name, self.samples[name], clone_mib)

    def _trespasses(self) -> list[str]:
        """Files outside of its own folder, and those of the person, that a daemon's commit touched, in all
        that was ever pushed."""
        form = "--format=%x01%H %(trailers:key=Kubernetes-Cluster,valueonly,separator=%x2C)"
        log = git("-C", self._remote.path, "log", "--all", "--reflog", "--name-only", form)
        found = list[str]()
        for part in log.split("\1")[1:]:
            head, *paths = filter(None, part.splitlines())
            cluster = re.sub(r"^\S+ ?", "", head).strip()
            own = f"{cluster}/"
            bad = (path for path in paths if not path.startswith(own) or path in self._person.files)
            found += [f"{cluster} touched {path}" for path in bad if cluster]
        return found[:20]


def _take_due(
    due: list[tuple[float, str, Callable[[], object]]], passed: float
) -> Iterator[tuple[str, Callable[[], object]]]:
    while due and due[0][0] <= passed:
        _, name, act = due.pop(0)
        yield name, act


def _without(paths: Collection[str], files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path not in paths}


def _unscaled(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the number of replicas of what is autoscaled: it comes into Git with another change only."""
    ending = f"/{SCALED}.yaml"
    return {
        path: re.sub(rb"(?m)^  replicas: \d+\n", b"", content) if path.endswith(ending) else content
        for path, content in files.items()
    }


def report(trial: Trial) -> str:
    """A table for a person."""
    rows = [
        f"{'changes by users':28} {trial.done['user']:8} {trial.done['user'] / trial.acted_seconds:8.1f} /s"
    ]
    rows += [f"{name:28} {count:8}" for name, count in sorted(trial.done.items()) if name != "user"]
    for name, samples in trial.samples.items():
        if not samples:
            continue
        for what in ("memory_mib", "journal_mib", "repository_mib"):
            values = [getattr(each, what) for each in samples]
            third = values[len(values) // 3]
            rows.append(f"{name + ' ' + what:28} {third:8.0f} {values[-1]:8.0f} {max(values):8.0f} most")
    rows += ["", *(trial.problems or ["all held"])]
    return "\n".join(rows)
