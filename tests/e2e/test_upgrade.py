"""An upgrade from the previous release under load: nothing is lost, and no commit comes twice.

Manifests and chart of the previous release are in `tests/previous`; `make previous` stores them.
A node of the tests runs the pods (tests/e2e/kubelet.py). The program in them is today's, before and after;
journals that an older program has written are tested elsewhere.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reverser.model.destination import Destination
from reverser.model.rule import Rule
from tests.custom_resources import git_repo_config, watch_rule
from tests.e2e import installation
from tests.e2e.daemon import ROOT, wait_for
from tests.e2e.expected import difference, expected_files
from tests.e2e.installation import NAME, NAMESPACE
from tests.e2e.kubelet import Kubelet
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane
from tests.helm import CHART, RELEASE, helm, require_helm
from tests.integration.gitserver import basic, serving
from tests.tools.previous import PREVIOUS

GIT_HOSTS = {"allow_urls": ["127.0.0.1:*/*"]}
TEAM = "team"
CONFIG_MAPS = f"/api/v1/namespaces/{TEAM}/configmaps"
AT_LEAST = 25
"""Changes before the upgrade begins, and again after it has ended."""


class Writer(AbstractContextManager["Writer"]):
    """Changes ConfigMaps all the time; each value is written once."""

    def __init__(self, plane: ControlPlane) -> None:
        self.written: list[tuple[str, int]] = []
        """Object and number of all values that the API server has accepted, in order."""
        self.errors: list[BaseException] = []
        self._http = plane.client({})
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._http.close()

    def _run(self) -> None:
        try:
            for number in itertools.count():
                if self._done.wait(0.1):
                    return
                self._write(f"object-{number % 7}", number, is_last=number % 35 > 27)
        except (AssertionError, OSError) as error:
            self.errors.append(error)

    def _write(self, name: str, number: int, *, is_last: bool) -> None:
        document = {"metadata": {"name": name}, "data": {"value": f"{name} {number}"}}
        answer = self._http.put(f"{CONFIG_MAPS}/{name}", json=document)
        if answer.status_code == 404:
            answer = self._http.post(CONFIG_MAPS, json=document)
        assert answer.is_success, answer.text
        self.written.append((name, number))
        if is_last:
            assert self._http.delete(f"{CONFIG_MAPS}/{name}").is_success

    def go_on(self, count: int = AT_LEAST) -> None:
        """Wait until so many more values are written."""
        wanted = len(self.written) + count
        wait_for(f"{count} more changes", lambda: len(self.written) >= wanted or self.errors)


@pytest.fixture
def plane(require_servers: None, tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane of its own, with an empty repository's namespace."""
    with ControlPlane.start(tmp_path / "plane", flags=installation.WITH_ENDPOINTS) as running:
        running.create("/api/v1/namespaces", {"metadata": {"name": TEAM}})
        running.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        running.wait_for_account(TEAM)
        yield running


def kubectl_apply(plane: ControlPlane, folder: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    """Install and upgrade by `kubectl apply`; the upgrade has another image and another file."""
    newer = folder / "install.yaml"
    text = (ROOT / "install.yaml").read_text()
    changed = re.sub(r"(image: .*):[^:\n]+\n", r"\1:newer\n", text).replace(
        "grace_seconds = 20", "grace_seconds = 21"
    )
    assert changed != text
    newer.write_text(changed)

    def apply(file: Path) -> None:
        done = installation.apply(plane, file)
        assert done.returncode == 0, done.stderr

    return lambda: apply(PREVIOUS / "install.yaml"), lambda: apply(newer)


def helm_upgrade(plane: ControlPlane, folder: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    """Install the previous chart, and upgrade to this one with another image and another file."""
    require_helm()
    (folder / "kubeconfig").write_text(plane.kubeconfig().read_text())

    def run(command: str, chart: Path, **values: object) -> None:
        done = helm(command, RELEASE, chart, "--namespace", NAMESPACE, values=values, home=folder)
        assert done.returncode == 0, done.stderr

    changed = {"image": {"tag": "newer"}, "config": {"grace_seconds": 21}}
    return (
        lambda: run("install", PREVIOUS / "gitops-reverser"),
        lambda: run("upgrade", CHART, **changed),
    )


@pytest.mark.parametrize("way", [kubectl_apply, helm_upgrade])
def test_an_upgrade_under_load_loses_nothing(
    plane: ControlPlane,
    tmp_path: Path,
    way: Callable[[ControlPlane, Path], tuple[Callable[[], object], Callable[[], object]]],
) -> None:
    """Pods are replaced one by one while objects change: Git has every change of each once, in order."""
    install, upgrade = way(plane, tmp_path)
    install()
    with (
        serving(tmp_path) as server,
        Kubelet(plane, tmp_path / "pods", tenancy=GIT_HOSTS) as node,
    ):
        server.login = basic("git", "right")
        remote = Remote(server.bare)
        rolled_out(plane)
        begin(plane, server.url)
        with Writer(plane) as writer:
            writer.go_on()
            before = set(node.processes)
            upgrade()
            rolled_out(plane)
            wait_for("the old pods to end", lambda: before <= node.exits.keys() or node.errors)
            writer.go_on()
        assert (node.errors, writer.errors) == ([], [])
        wanted = expected(plane)
        wait_for("the last state", lambda: contents(remote) == wanted, 120)

        assert difference(remote.files(tmp_path / "clone"), wanted) == ""
        assert by_object(committed(remote)) == by_object(writer.written)
        assert set(node.exits.values()) == {0}


def contents(remote: Remote) -> dict[str, bytes]:
    """Every file of the branch as it is now."""
    head = remote.head()
    return {path: remote.show(path, head).encode() for path in remote.paths(head)}


def rolled_out(plane: ControlPlane) -> None:
    """Wait as a person does, until all pods are of the newest version and ready."""
    plane.kubectl("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, "--timeout=240s")


def begin(plane: ControlPlane, url: str) -> None:
    """A Secret and two resources, which become Ready."""
    literals = ("--from-literal=username=git", "--from-literal=password=right")
    plane.kubectl("-n", TEAM, "create", "secret", "generic", "creds", *literals)
    items = [
        git_repo_config("live", TEAM, url, secretRef={"name": "creds"}),
        watch_rule("all", TEAM),
    ]
    plane.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    for name in ("gitrepoconfig/live", "watchrule/all"):
        plane.kubectl("wait", "-n", TEAM, "--for=condition=Ready", name, "--timeout=60s")


def expected(plane: ControlPlane) -> dict[str, bytes]:
    """What the branch should hold."""
    rule = Rule(name="all", destination="live", resources=("configmaps",), namespaces=(TEAM,))
    return expected_files(plane, rule, Destination(name="live", url="", layout="rest"))


def committed(remote: Remote) -> list[tuple[str, int]]:
    """Object and number of every value that a commit has brought, oldest first."""
    patches = git("-C", remote.path, "log", "--reverse", "--format=", "--patch", "--unified=0", "main")
    found = re.findall(r"^\+ +value: \"?(object-\d+) (\d+)", patches, re.MULTILINE)
    return [(name, int(number)) for name, number in found]


def by_object(values: list[tuple[str, int]]) -> dict[str, list[int]]:
    """The numbers of each object, in their order; a snapshot has its objects in an order of its own."""
    numbers: dict[str, list[int]] = {}
    for name, number in values:
        numbers.setdefault(name, []).append(number)
    return numbers
