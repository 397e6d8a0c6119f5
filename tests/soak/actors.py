"""Who changes things during a soak: users, an autoscaler, a writer of odd objects, and people in Git.

Each acts in a thread of its own, until told to stop. What an API server or a remote that is away refuses
is counted and forgotten; what a user changed and when is decided by the seed.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from tests.bench.shapes import shapes
from tests.e2e.load import KINDS, Load, manifest
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane
from tests.property.hostile import HOSTILE

AUTOSCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
SCALED = "scaled"
USERS = ("alice", "bob", "carol", "dave", "eve")
NAMES_EACH = 1_000_000
"""Users name their objects by number; nobody reaches the next one's numbers."""
LIVING = 60
"""How many objects a user keeps: more are deleted first."""
HOSTILE_BYTES = 50_000
TRIES = 10
"""A person tries again at once when others were faster."""
REWOUND = 3
"""How many commits a force-push takes back."""
MERGE = {"Content-Type": "application/merge-patch+json"}
NUMBERS = [0, -0.0, 1e-9, 1.5, 1e22, 1e300, 2**53 + 1, 2**63 - 1, -(2**63), 0.1 + 0.2]
TROUBLE = (httpx.HTTPError, AssertionError, KeyError)
"""What a client meets while its server is away, or has forgotten what it made."""


class As:
    """The control plane as one user sees it."""

    def __init__(self, plane: ControlPlane, user: str) -> None:
        self.http = plane.client({"Impersonate-User": user, "Impersonate-Group": "system:masters"})

    def create(self, path: str, document: dict[str, Any]) -> None:
        """POST an object."""
        response = self.http.post(path, json=document)
        assert response.is_success, response.text


class Actor:
    """A thread that does one thing again and again; `done` counts."""

    def __init__(self, name: str, every_seconds: float, act: Callable[[], None], done: Counter[str]) -> None:
        self._every = every_seconds
        self._act = act
        self.name = name
        self._done = done
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self.broken: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what it does now."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._every, time.monotonic() - 1)  # no storm after an outage
            try:
                self._act()
                self._done[self.name] += 1
            except TROUBLE:
                self._done[f"{self.name}, refused"] += 1
            except Exception as error:
                self.broken = error
                return


def user(plane: ControlPlane, name: str, namespaces: tuple[str, ...], seed: int) -> Callable[[], None]:
    """Random changes of all kinds of objects in all namespaces."""
    chance = random.Random(f"{seed}/{name}")
    seen = As(plane, name)
    loads = [Load(seen, namespace, chance.getrandbits(30)) for namespace in namespaces]
    for load in loads:
        load._next = NAMES_EACH * (USERS.index(name) + 1)

    def act() -> None:
        load = chance.choice(loads)
        if len(load.living) > LIVING:
            load.delete()
        else:
            load.step()

    return act


def autoscaler(plane: ControlPlane, namespaces: tuple[str, ...], seed: int) -> Callable[[], None]:
    """Scales what has a HorizontalPodAutoscaler, as its controller does."""
    chance, seen = random.Random(f"{seed}/autoscaler"), As(plane, AUTOSCALER)

    def act() -> None:
        path = f"{KINDS['Deployment'].format(chance.choice(namespaces))}/{SCALED}/scale"
        body = {"spec": {"replicas": chance.randint(1, 9)}}
        response = seen.http.patch(path, json=body, headers=MERGE)
        assert response.is_success, response.text

    return act


def scaled(namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """A Deployment and its autoscaler: paths and documents."""
    deployment = manifest("Deployment", SCALED, 1)
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": SCALED},
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": SCALED},
        },
    }
    return [
        (KINDS["Deployment"].format(namespace), deployment),
        (f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers", scaler),
    ]


def hostile(plane: ControlPlane, namespaces: tuple[str, ...], seed: int) -> Callable[[], None]:
    """Objects that an API server takes and that are hard on a reader."""
    chance, seen = random.Random(f"{seed}/hostile"), As(plane, "mallory")
    odd = [*_odd(), *_shaped()]

    def act() -> None:
        kind, content = chance.choice(odd)(chance)
        name, path = f"odd-{chance.randint(1, 20)}", KINDS[kind].format(chance.choice(namespaces))
        place = seen.http.get(f"{path}/{name}")
        body = manifest(kind, name, 0) | content
        if place.status_code == 404:
            return seen.create(path, body)
        body["metadata"]["resourceVersion"] = place.json()["metadata"]["resourceVersion"]
        response = seen.http.put(f"{path}/{name}", json=body)
        assert response.is_success, response.text
        return None

    return act


Odd: TypeAlias = Callable[[random.Random], tuple[str, dict[str, Any]]]
"""Makes (kind, content)."""


def _odd() -> Iterator[Odd]:
    """ConfigMaps of texts, and custom resources of values, that readers take for something else."""
    texts: tuple[Callable[[random.Random], dict[str, str]], ...] = (
        lambda chance: {f"k{number}": text for number, text in enumerate(chance.sample(HOSTILE, 20))},
        lambda _: {"sizeLimit": "9" * 4301, "divisor": "1" * 4301},
        lambda chance: {"text": "\n".join(chance.sample(HOSTILE, 20))},
        lambda _: {"text": "a: &x [*x]\n{{ .Values }}\n${HOME}\r\n\ttab"},
    )
    for text in texts:
        yield lambda chance, text=text: ("ConfigMap", {"data": text(chance)})
    yield lambda chance: ("Widget", {"spec": dict.fromkeys(chance.sample(HOSTILE, 20))})
    yield lambda chance: ("Widget", {"spec": {"numbers": chance.sample(NUMBERS, 5)}})


def _shaped() -> Iterator[Odd]:
    """The shapes of the benchmarks, as they are before and after their change."""
    for _, (resource, *pair) in shapes(HOSTILE_BYTES):
        for document in pair if resource.kind in ("ConfigMap", "Widget") else ():
            content = {name: part for name, part in document.items() if name in ("data", "spec")}
            yield lambda _, kind=resource.kind, content=content: (kind, content)


class InGit:
    """A clone of the branch in which somebody works."""

    def __init__(self, folder: Path, remote: Remote, name: str) -> None:
        self._folder = folder / name
        self._remote = remote
        self._name = name
        self._count = 0
        self.files: dict[str, str] = {}
        """All that is theirs, as it must be in the branch at the end."""
        self.dropped = set[str]()
        """Commits that they took out of the branch."""

    def found(self) -> None:
        """The first commit of the branch."""
        git("clone", "--quiet", self._remote.url, self._folder)
        git("commit", "--quiet", "--allow-empty", "--message", "Begin", cwd=self._folder)
        git("push", "--quiet", "origin", "HEAD:main", cwd=self._folder)

    def write(self, folders: Sequence[str]) -> None:
        """A commit with some files more, and all others of theirs, on top of whatever is there.

        They describe nothing that is in the cluster, in daemons' `folders` and outside of them.
        """
        self._count += 1
        self.files[f"{self._name}/{self._count % 20}.md"] = f"# Note {self._count}\n"
        manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n{self._count}}}  # by hand\n"
        for folder in (self._name, *(f"{each}/{self._name}" for each in folders)):
            self.files[f"{folder}/{self._count % 5}.yaml"] = manifest
        self.push()

    def add(self, path: str, text: str, beside: str) -> None:
        """A commit with this file, unless that or the one `beside` is there."""

        def once() -> None:
            self.renew()
            if not any((self._folder / each).exists() for each in (path, beside)):
                self._put({path: text})
                self._commit(f"{self._name} adds {path}")

        _again(once)

    def push(self) -> None:
        """Put all of their files on top of the branch."""
        _again(self._push)

    def _push(self) -> None:
        self.renew()
        self._put(self.files)
        self._commit(f"{self._name} {self._count}")

    def _put(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _commit(self, message: str) -> None:
        git("add", "--all", cwd=self._folder)
        git("commit", "--quiet", "--allow-empty", "--message", message, cwd=self._folder)
        git("push", "--quiet", "origin", "HEAD:main", cwd=self._folder)

    def rewind(self) -> None:
        """Make the branch a history that lacks the last commits of anybody, and has one more.

        Set in the remote itself: over the wire a force-push that others are faster than is refused.
        """
        self.renew()
        before = self._commits()
        if len(before) < 2 * REWOUND:
            return
        git("reset", "--quiet", "--hard", f"HEAD~{REWOUND}", cwd=self._folder)
        git("commit", "--quiet", "--allow-empty", "--message", f"{self._name} rewinds", cwd=self._folder)
        git("push", "--quiet", "--force", "origin", "HEAD:rewound", cwd=self._folder)
        git("-C", self._remote.path, "update-ref", "refs/heads/main", "refs/heads/rewound")
        self.dropped |= before - self._commits()

    def renew(self) -> None:
        """Be where the branch is."""
        if not self._folder.exists():
            git("clone", "--quiet", self._remote.url, self._folder)
        git("fetch", "--quiet", "origin", "main", cwd=self._folder)
        git("reset", "--quiet", "--hard", "FETCH_HEAD", cwd=self._folder)

    def _commits(self) -> set[str]:
        return set(git("rev-list", "--first-parent", "HEAD", cwd=self._folder).split())


def _again(act: Callable[[], None]) -> None:
    """Again when somebody was faster."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except AssertionError:
            continue
    return act()
