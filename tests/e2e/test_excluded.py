"""Writes that rules exclude, at a real API server: whose commits they are in, and that files stay true."""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reverser.sanitize.managed_fields import changed_at
from tests.cli import reverser
from tests.e2e.daemon import wait_for
from tests.e2e.expected import difference
from tests.e2e.remote import git
from tests.e2e.setting import Setting
from tests.ports import free_port

FLUX = "system:serviceaccount:flux-system:kustomize-controller"
FLUX_AUTHOR = "kustomize-controller (flux-system)"
COMMITTER = "Reverser"
LONG = "1h"
SHORT = "2s"


class Cluster:
    """A setting whose API server calls the daemon, with Flux and people in its namespace."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._url = f"https://127.0.0.1:{free_port()}"

    def begin(self, excluded_window: str, **rule: Any) -> None:
        """Start the daemon with this in its rule, and wait until the API server calls it."""
        self.configure(excluded_window, **rule)
        self.setting.daemon.start().ready()
        self.webhook("install", "--url", self._url)
        for user in ("alice", "bob", FLUX):
            name = user.rpartition(":")[2]
            self.setting.plane.kubectl(
                *("create", "rolebinding", name, "-n", self.setting.namespace),
                *("--clusterrole=cluster-admin", f"--user={user}"),
            )
        wait_for("the first call", self._called)

    def configure(self, excluded_window: str, **rule: Any) -> None:
        """Write the configuration file anew."""
        daemon = self.setting.daemon
        (destination,), (selecting,) = daemon.tables["destinations"], daemon.tables["rules"]
        daemon.write(
            webhook={"bind": self._url.removeprefix("https://")},
            destinations=[destination | {"excluded_window": excluded_window}],
            rules=[selecting | rule],
        )

    def webhook(self, *arguments: str) -> None:
        admin = self.setting.plane.kubeconfig()
        config = self.setting.daemon.config
        done = reverser("webhook", *arguments, "--config", config, kubeconfig=admin)
        assert done.returncode == 0, done.stderr

    def _called(self) -> bool:
        self.setting.daemon_idle()
        return self.setting.daemon.metric("gitopsreverser_admission_reviews_total") > 0

    def create(self, user: str, name: str) -> None:
        self._kubectl(user, "create", "configmap", name, f"--from-literal={_person(user)}=0")

    def patch(self, user: str, name: str, value: object) -> None:
        """Set the user's own key, so that it is seen who wrote what."""
        data = json.dumps({"data": {_person(user): str(value)}})
        self._kubectl(user, "patch", "configmap", name, "--type=merge", "-p", data)

    def delete(self, user: str, name: str) -> None:
        self._kubectl(user, "delete", "configmap", name)

    def _kubectl(self, user: str, *arguments: str) -> None:
        self.setting.plane.kubectl("-n", self.setting.namespace, *arguments, user=user)

    def path(self, name: str) -> str:
        return f"{self.setting.namespace}/configmaps/{name}.yaml"

    def commits(self, name: str) -> list[str]:
        """The authors of the commits of one object, oldest first."""
        return self._log("%an", name)

    def told(self, key: str, name: str) -> list[str]:
        """The values of a trailer in the commits of one object, one text a commit, oldest first."""
        return self._log(f"%(trailers:key={key},valueonly,separator=%x2C)", name)

    def _log(self, form: str, name: str) -> list[str]:
        path = self.path(name)
        text = git(
            "-C", self.setting.remote.path, "log", "--reverse", f"--format={form}|", "main", "--", path
        )
        return [line.removesuffix("|") for line in text.splitlines()]

    def true(self) -> bool:
        """Whether a clone equals the API server, byte for byte."""
        return difference(self.setting.cloned(), self.setting.wanted()) == ""


def _person(user: str) -> str:
    return user.rpartition(":")[2]


@pytest.fixture
def cluster(setting: Setting) -> Iterator[Cluster]:
    made = Cluster(setting)
    yield made
    made.webhook("uninstall")


def test_what_flux_writes_is_folded_into_what_alice_does(cluster: Cluster) -> None:
    """Flux makes no commit; Alice's next one has both and says so; what waits lands when the daemon stops."""
    cluster.begin(LONG, exclude_users=["system:serviceaccount:flux-system:*"], excluded="fold")
    cluster.create("alice", "a")
    cluster.create(FLUX, "b")
    cluster.patch(FLUX, "a", 1)
    cluster.patch(FLUX, "a", 2)
    cluster.setting.daemon_idle()
    assert cluster.commits("a") == ["alice"]
    assert cluster.commits("b") == []

    cluster.patch("alice", "a", 3)
    wait_for("Alice's commit", lambda: len(cluster.commits("a")) == 2)
    cluster.patch("bob", "a", 4)
    wait_for("Bob's commit", lambda: len(cluster.commits("a")) == 3)

    assert cluster.commits("a") == ["alice", "alice", "bob"]
    assert cluster.told("Kubernetes-User", "a") == ["alice", "alice", "bob"]
    assert cluster.told("Kubernetes-Folded-User", "a") == ["", FLUX, ""]
    second = git(
        "-C", cluster.setting.remote.path, "log", "-1", "--skip=1", "--format=%b", "--", cluster.path("a")
    )
    assert 'data.alice: "0" -> "3"\n\nFolded in:\n' in second
    assert 'data.kustomize-controller: "1" -> "2"' in second

    cluster.delete(FLUX, "a")
    cluster.setting.daemon_idle()
    assert cluster.path("a") in cluster.setting.remote.paths()
    assert cluster.setting.daemon.stop() == 0
    assert cluster.true()
    assert cluster.commits("a")[-1] == cluster.commits("b")[-1] == COMMITTER
    assert cluster.told("Kubernetes-Excluded-User", "b") == [FLUX]


def test_a_fight_is_seen_though_nothing_is_left_of_it(cluster: Cluster) -> None:
    """Flux takes back what Alice did and she does it again: her commit is there, and tells of Flux."""
    cluster.begin(LONG, exclude_users=[FLUX], excluded="fold")
    cluster.create("alice", "a")
    for user, value in (("alice", "mine"), (FLUX, "flux's"), ("alice", "mine")):
        data = json.dumps({"data": {"k": value}})
        cluster._kubectl(user, "patch", "configmap", "a", "--type=merge", "-p", data)
    cluster.setting.daemon_idle()

    authors = git("-C", cluster.setting.remote.path, "log", "--format=%an", "--grep=configmaps/a by", "main")
    assert authors.splitlines() == ["alice"] * 3
    folded = git(
        "-C", cluster.setting.remote.path, "log", "-1", "--format=%b", "--grep=configmaps/a by", "main"
    )
    assert (
        'by system:serviceaccount:flux-system:kustomize-controller (admission): data.k: "mine" -> ' in folded
    )
    assert cluster.true()


def test_skipped_writes_gather_in_a_commit_of_the_committer(cluster: Cluster) -> None:
    """What Flux does is true within the time that is set, in few commits, and never under another's name."""
    cluster.begin(SHORT, exclude_users=[FLUX])
    cluster.create("alice", "a")
    for number in range(1, 4):
        for name in ("b", "c"):
            if number == 1:
                cluster.create(FLUX, name)
            cluster.patch(FLUX, name, number)
        cluster.patch("alice", "a", number)
    cluster.patch("alice", "b", "x")
    cluster.delete(FLUX, "c")
    wait_for("a true clone", cluster.true)

    assert cluster.commits("a") == ["alice"] * 4
    assert set(cluster.commits("b")) == {COMMITTER, "alice"}
    assert cluster.commits("b").count("alice") == 1
    assert set(cluster.told("Kubernetes-Folded-User", "b")) == {""}
    assert FLUX_AUTHOR not in git("-C", cluster.setting.remote.path, "log", "--format=%an", "main")


def test_only_some_users_make_commits(cluster: Cluster) -> None:
    """With `only_users` Bob's writes are excluded; one of which nobody knows who made it is not."""
    cluster.begin(LONG, only_users=["al*", "admin"])
    cluster.create("alice", "a")
    cluster.patch("bob", "a", 1)
    cluster.setting.daemon_idle()
    assert cluster.commits("a") == ["alice"]
    cluster.webhook("uninstall")
    wait_for("a write that nobody was told of", lambda: _unheard(cluster))

    assert cluster.commits("a")[:2] == ["alice", COMMITTER]
    assert cluster.commits("a")[-1] == "unknown"


def _unheard(cluster: Cluster) -> bool:
    cluster.patch("bob", "a", random.random())
    cluster.setting.daemon_idle()
    return cluster.commits("a")[-1] == "unknown"


def test_managers_are_excluded_without_a_webhook(setting: Setting) -> None:
    """What a field manager writes is excluded by its name alone; what others write is not."""
    (destination,), (rule,) = setting.daemon.tables["destinations"], setting.daemon.tables["rules"]
    setting.daemon.write(
        destinations=[destination | {"excluded_window": LONG}],
        rules=[rule | {"exclude_managers": ["argocd-*"], "excluded": "fold"}],
    )
    setting.daemon.start().ready()
    cluster = Cluster(setting)
    cluster.create("admin", "a")
    _next_second(setting)
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"synced": "1"}}
    setting.plane.kubectl(
        *("-n", setting.namespace, "apply", "--server-side", "--field-manager=argocd-controller", "-f", "-"),
        input=json.dumps(document),
    )
    setting.daemon_idle()
    assert len(cluster.commits("a")) == 1
    _next_second(setting)
    cluster.patch("admin", "a", 1)
    setting.daemon_idle()

    assert len(cluster.commits("a")) == 2
    assert cluster.told("Kubernetes-Folded-Manager", "a") == ["", "argocd-controller"]
    assert cluster.true()


def _next_second(setting: Setting) -> None:
    """Managers have times of whole seconds, and the newest is the one that counts."""
    object_ = setting.plane.get(f"/api/v1/namespaces/{setting.namespace}/configmaps/a")
    written_at = changed_at(object_)
    assert written_at is not None
    wait_for("the next second", lambda: time.time() >= written_at + 1)


class Writers:
    """Flux and Alice, each in a thread, on the same objects, with values that never come again."""

    def __init__(self, cluster: Cluster, names: str) -> None:
        self._cluster = cluster
        self._names = names
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(user,)) for user in (FLUX, "alice")]
        self.errors: list[BaseException] = []

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, user: str) -> None:
        try:
            for number in itertools.count():
                if self._stop.is_set():
                    return
                self._cluster.patch(user, self._names[number % len(self._names)], number)
        except BaseException as error:
            self.errors.append(error)


@pytest.mark.parametrize("word", ["skip", "fold"])
def test_killed_while_excluded_writes_wait(cluster: Cluster, word: str) -> None:
    """Killed again and again: every entry lands once, none of Flux's under its name, and files are true."""
    cluster.begin(SHORT, exclude_users=[FLUX], excluded=word)
    for name in "abc":
        cluster.create("alice", name)
    chance, daemon = random.Random(word), cluster.setting.daemon

    with Writers(cluster, "abc") as writers:
        for _ in range(6):
            time.sleep(chance.uniform(0.5, 4))
            daemon.kill()
            daemon.start().ready()
        cluster.setting.daemon_idle()
    assert writers.errors == []
    wait_for("a true clone", cluster.true, 60)
    wait_for("an empty queue", lambda: daemon.metric("gitopsreverser_git_commit_queue_size") == 0)
    assert daemon.stop() == 0

    with sqlite3.connect(f"file:{daemon.folder / 'data/journal.sqlite'}?mode=ro", uri=True) as db:
        ((last,),) = db.execute("SELECT seq FROM sqlite_sequence WHERE name='entries'").fetchall()
    assert sorted(cluster.setting.remote.entries()) == list(range(1, last + 1))
    authors = set(git("-C", cluster.setting.remote.path, "log", "--format=%an", "main").splitlines())
    assert "alice" in authors
    assert FLUX_AUTHOR not in authors
    trailer = {"skip": "Kubernetes-Excluded-User", "fold": "Kubernetes-Folded-User"}[word]
    assert f"{trailer}: {FLUX}" in git("-C", cluster.setting.remote.path, "log", "--format=%B", "main")
