"""Exactly once, in order, under kill -9 at any moment."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from reverser.model.destination import Destination
from reverser.model.rule import Rule
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.expected import difference, expected_files
from tests.e2e.load import Load
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane

KILLS = 50
KINDS = ("ConfigMap", "Role", "ServiceAccount", "Service")


class Writers:
    """Random changes at a steady rate, from a thread of their own."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.error: BaseException | None = None

    def __enter__(self) -> Writers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._stop.wait(0.03):
                self._load.step()
        except BaseException as error:
            self.error = error


def _last_seq(data: Path) -> int:
    with sqlite3.connect(f"file:{data / 'journal.sqlite'}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT seq FROM sqlite_sequence WHERE name='entries'").fetchone()[0])


class Person:
    """Pushes to the branch between our commits, as often as it takes."""

    def __init__(self, remote: Remote, folder: Path) -> None:
        self._remote = remote
        self._folder = folder
        self.files: dict[str, bytes] = {}

    def push(self) -> None:
        """One commit with one file more."""
        if not self._folder.exists():
            git("clone", "--quiet", self._remote.path, self._folder)
        name = f"notes/{len(self.files)}.txt"
        self.files[name] = b"by hand\n"
        (self._folder / name).parent.mkdir(exist_ok=True)
        (self._folder / name).write_bytes(self.files[name])
        git("add", name, cwd=self._folder)
        git("commit", "--quiet", "-m", "A note", cwd=self._folder)
        wait_for("a push in between", self._pushed)

    def _pushed(self) -> bool:
        git("pull", "--quiet", "--rebase", "origin", "main", cwd=self._folder)
        command = ["git", "push", "--quiet", "origin", "HEAD:main"]
        return subprocess.run(command, cwd=self._folder, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("seed", [20261123])
def test_killed_fifty_times(plane: ControlPlane, namespace: str, tmp_path: Path, seed: int) -> None:
    """Killed 50 times under load, with a person pushing in between: every entry is there once, in order.

    The clone equals the cluster, and the person's files are as they were pushed.
    """
    chance = random.Random(seed)
    remote = Remote(tmp_path / "remote.git")
    rule = {"name": "shop", "destination": "live", "namespaces": [namespace]}
    daemon = Daemon(tmp_path / "daemon", plane.kubeconfig(), remote.url, rules=[rule])
    load = Load(plane, namespace, seed, KINDS)
    person = Person(remote, tmp_path / "person")
    for _ in range(30):
        load.create()

    # On a slow machine no life is long enough for the first push.
    daemon.start()
    wait_for("the first push", remote.head, 60)
    daemon.kill()

    with Writers(load) as writers:
        for number in range(KILLS):
            daemon.start()
            if number % 5 == 4:
                person.push()
            # Half of the kills fall into the start, half into the work.
            time.sleep(chance.uniform(0.2, 1.2) if chance.random() < 0.5 else chance.uniform(1.2, 2.5))
            daemon.kill()
    assert writers.error is None
    daemon.start().ready()
    shop = Rule(name="shop", destination="live", namespaces=(namespace,))
    wanted = expected_files(plane, shop, Destination(name="live", url=remote.url)) | person.files
    wait_for("all files", lambda: remote.paths() == set(wanted), 60)
    wait_for("an empty queue", lambda: daemon.metric("gitopsreverser_git_commit_queue_size") == 0)
    assert daemon.stop() == 0

    assert difference(remote.files(tmp_path / "clone"), wanted) == ""
    entries = remote.entries()
    assert entries == list(range(1, _last_seq(daemon.folder / "data") + 1))
    assert person.files
