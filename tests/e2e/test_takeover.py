"""A leader dies or stops, and a replica with an empty disk takes over: no state lost, no commit twice."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane
from tests.e2e.sops import AgeKey, program

KILLS = int(os.environ.get("REVERSER_TAKEOVERS", "3"))
LEADER = {"lease_seconds": 2, "renew_seconds": 1.5, "retry_seconds": 0.3}
OBJECTS = 8
SECRET_TAKEOVERS = int(os.environ.get("REVERSER_TAKEOVERS", "2"))


class Fleet:
    """Replicas one after the other, each with a data directory of its own."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.plane = plane
        self.namespace = namespace
        self.folder = folder
        self.remote = Remote(folder / "remote.git")
        self.all: list[Daemon] = []
        self.destination: dict[str, Any] = {"name": "live", "url": self.remote.url, "window": "0s"}
        self.resources = ["configmaps", "secrets"]

    def start(self) -> Daemon:
        """One replica more, with nothing on its disk."""
        rule = {"name": "shop", "destination": "live", "namespaces": [self.namespace]}
        daemon = Daemon(
            self.folder / f"replica-{len(self.all)}",
            self.plane.kubeconfig(),
            self.remote.url,
            leader=LEADER | {"namespace": self.namespace, "identity": f"replica-{len(self.all)}"},
            destinations=[self.destination],
            rules=[rule | {"resources": self.resources}],
        )
        self.all.append(daemon)
        return daemon.start()

    def path(self, kind: str = "configmaps") -> str:
        """Where objects are created."""
        return f"/api/v1/namespaces/{self.namespace}/{kind}"

    def put(self, name: str, value: int) -> None:
        """Create a ConfigMap, or give it another value."""
        body = {"metadata": {"name": name}, "data": {"value": str(value)}}
        if self.plane.http.put(f"{self.path()}/{name}", json=body).status_code == httpx.codes.NOT_FOUND:
            self.plane.create(self.path(), body)

    def value(self, name: str, commit: str = "main") -> int | None:
        """What the branch says of a ConfigMap; None: it has no file."""
        path = f"{self.namespace}/configmaps/{name}.yaml"
        if path not in self.remote.paths(commit):
            return None
        return int(self.remote.show(path, commit).partition("value: ")[2].splitlines()[0].strip("\"'"))

    def has(self, name: str, value: int, seconds: float = 60) -> None:
        """Wait until the branch says so."""
        wait_for(f"{name}={value}", lambda: self.value(name) == value, seconds)

    def changes(self) -> list[tuple[str, str, str]]:
        """(commit, path, value) of every ConfigMap that a commit has written, oldest first."""
        found, commit, path, empty = list[tuple[str, str, str]](), "", "", list[str]()
        text = git("-C", self.remote.path, "log", "--reverse", "-p", "--format=commit %H", "main")
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "commit":
                commit = rest
                empty.append(commit)
            elif word == "+++":
                path = rest.removeprefix("b/")
                empty = [each for each in empty if each != commit]
            elif word == "---":
                empty = [each for each in empty if each != commit]
            elif line.startswith("+  value: "):
                found.append((commit, path, line.partition("value: ")[2].strip("\"'")))
        assert not empty, "commits that change nothing"
        return found

    def kill(self) -> None:
        """End all of them."""
        for each in self.all:
            each.kill()


@pytest.fixture
def fleet(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Fleet]:
    """No replica yet; those that a test starts are ended afterwards."""
    made = Fleet(plane, namespace, tmp_path)
    yield made
    made.kill()


class Load:
    """Counts objects up, creates and deletes one now and then, in a thread."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._random = random.Random(15)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.values: dict[str, int] = {}
        self.error: BaseException | None = None

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        number = 0
        try:
            while not self._stop.wait(0.05):
                number += 1
                name = f"object-{self._random.randrange(OBJECTS)}"
                if name in self.values and self._random.random() < 0.1:
                    self._fleet.plane.http.delete(f"{self._fleet.path()}/{name}")
                    del self.values[name]
                else:
                    self._fleet.put(name, number)
                    self.values[name] = number
        except BaseException as error:
            self.error = error


def push_a_note(fleet: Fleet, number: int) -> None:
    """Somebody else commits into the branch."""
    folder = fleet.folder / "person"
    if not folder.exists():
        git("clone", "--quiet", fleet.remote.path, folder)
    (folder / f"note-{number}.txt").write_text("by hand\n")
    git("add", f"note-{number}.txt", cwd=folder)
    git("commit", "--quiet", "-m", "A note", cwd=folder)

    def pushed() -> bool:
        git("pull", "--quiet", "--rebase", "origin", "main", cwd=folder)
        try:
            git("push", "--quiet", "origin", "HEAD:main", cwd=folder)
        except AssertionError:
            return False
        return True

    wait_for("a push of a person", pushed)


def test_leaders_that_are_killed_under_load(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """Each leader is killed, and a new one with an empty disk takes over: values only rise, and all arrive.

    A value that is committed twice, or after a later one, would be a change that never happened.
    """
    leader, seconds = fleet.start(), list[float]()
    fleet.put("probe", 0)
    fleet.has("probe", 0)
    with Load(fleet) as load:
        for number in range(1, KILLS + 1):
            follower = fleet.start()
            time.sleep(random.Random(number).uniform(1.0, 4.0))
            leader.kill()
            killed = time.monotonic()
            push_a_note(fleet, number)
            fleet.put("probe", number)
            fleet.has("probe", number)
            seconds.append(time.monotonic() - killed)
            leader = follower
    assert load.error is None
    fleet.put("probe", KILLS + 1)
    fleet.has("probe", KILLS + 1)
    with capsys.disabled():
        ordered = sorted(seconds)
        print(f"\n  takeover: p50 {ordered[len(ordered) // 2]:.1f} s, max {ordered[-1]:.1f} s")

    names = {f"object-{number}" for number in range(OBJECTS)}
    assert {name: value for name in names if (value := fleet.value(name)) is not None} == load.values
    newest: dict[str, int] = {}
    for commit, path, value in fleet.changes():
        assert int(value) > newest.get(path, -1), f"{path} goes back in {commit}"
        newest[path] = int(value)
    assert sum(path.startswith("note-") for path in fleet.remote.paths()) == KILLS
    assert any("going on from a checkpoint" in each.log.read_text() for each in fleet.all)


@pytest.mark.parametrize("way", ["mask", "encrypt"])
def test_secrets_that_stay_make_no_commit(fleet: Fleet, tmp_path: Path, way: str) -> None:
    """Leaders follow one another, each with an empty disk: what has not changed is not written again.

    The last Secret is written right before a kill, when no checkpoint tells of it yet.
    """
    if way == "encrypt":
        key = AgeKey(tmp_path / "age.txt")
        fleet.destination["sops"] = {"program": program("sops"), "age": [key.recipient]}
    fleet.destination["secrets"] = way
    leader = fleet.start()
    make_secret(fleet, "first")
    for number in range(SECRET_TAKEOVERS):
        follower = fleet.start()
        follower.ready()
        make_secret(fleet, f"secret-{number}")
        if number % 2:
            leader.kill()
        else:
            assert leader.stop() == 0
        wait_for("the next leader", lambda: follower.logged("going on from a checkpoint"))  # noqa: B023
        leader = follower
    leader.ready()
    fleet.put("web", 1)
    fleet.has("web", 1)
    assert len(fleet.remote.commits()) == SECRET_TAKEOVERS + 2
    assert not any("key" in path or "checkpoint" in path for path in fleet.remote.paths())


def make_secret(fleet: Fleet, name: str) -> None:
    """Create a Secret, and wait for its file."""
    secret = {"metadata": {"name": name}, "stringData": {"password": "hunter2"}}
    fleet.plane.create(fleet.path("secrets"), secret)
    path = f"{fleet.namespace}/secrets/{name}.yaml"
    wait_for("the Secret's file", lambda: path in fleet.remote.paths())
