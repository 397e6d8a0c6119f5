"""A daemon and a real Git host: who may push, and what a person is shown who may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.gitea import Gitea, Repository
from tests.e2e.servers import ControlPlane

WAYS = (
    "token",
    "key",
    "read-only-key",
    "read-only-token",
    "wrong-token",
    "protected",
    "exempt",
    "missing",
    "stranger",
)


class Host:
    """One repository for each way to reach it, and one daemon that tries all of them at once."""

    def __init__(self, gitea: Gitea, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.gitea = gitea
        self.plane = plane
        self.namespace = namespace
        self.owner = gitea.user()
        self.repositories = {way: gitea.repository(self.owner, way, empty=way == "token") for way in WAYS}
        gitea.protect(self.repositories["protected"])
        gitea.protect(self.repositories["exempt"], deploy_keys=True)
        self.daemon = Daemon(
            folder,
            plane.kubeconfig(),
            "",
            destinations=[self._destination(way) for way in WAYS],
            rules=[{"name": way, "destination": way, "namespaces": [namespace]} for way in WAYS],
        )

    def _destination(self, way: str) -> dict[str, Any]:
        repository = self.repositories[way]
        table = {"name": way, "url": repository.http}
        match way:
            case "key" | "read-only-key" | "exempt":
                return table | {
                    "url": repository.ssh,
                    "credentials": self._key(repository, way != "read-only-key"),
                }
            case "stranger":
                return table | {
                    "url": repository.ssh,
                    "credentials": self._key(self.repositories["key"], True),
                }
            case "read-only-token":
                token = self.gitea.token(self.owner, "read:repository")
            case "wrong-token":
                token = "0" * 40
            case _:
                token = self.gitea.token(self.owner)
        if way == "missing":
            table["url"] = repository.http.replace("missing", "nowhere")
        return table | {"credentials": {"username": self.owner, "password": token}}

    def _key(self, repository: Repository, writable: bool) -> dict[str, str]:
        return {
            "ssh_key": self.gitea.deploy_key(repository, writable=writable),
            "known_hosts": self.gitea.known_hosts,
        }

    def condition(self, way: str) -> str:
        """What /readyz says of a destination that does not work."""
        lines = httpx.get(f"{self.daemon.url}/readyz").text.splitlines()
        return next((line for line in lines if f"destination/{way}" in line), "")


@pytest.fixture(scope="module")
def host(gitea: Gitea, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Everything runs, and a ConfigMap `colour` was created."""
    plane.create("/api/v1/namespaces", {"metadata": {"name": "hosted"}})
    host = Host(gitea, plane, "hosted", tmp_path_factory.mktemp("hosted"))
    plane.create("/api/v1/namespaces/hosted/configmaps", {"metadata": {"name": "colour"}, "data": {"a": "b"}})
    with host.daemon:
        host.daemon.ready()
        yield host


@pytest.mark.parametrize("way", ["token", "key", "exempt"])
def test_push(host: Host, way: str) -> None:
    """A token by http, a deploy key by ssh, and one that a branch protection exempts: each pushes."""
    path = f"{host.namespace}/configmaps/colour.yaml"

    wait_for("the file", lambda: path in host.repositories[way].remote.paths())
    assert "a: b" in host.repositories[way].remote.show(path)
    assert host.condition(way) == ""


REFUSALS = [
    (
        "read-only-key",
        "AccessDenied",
        "is not authorized to write",
        "allowed to read and push this repository",
    ),
    ("read-only-token", "AccessDenied", "returned error: 403", "allowed to read and push this repository"),
    (
        "wrong-token",
        "AuthenticationFailed",
        "does not accept the login",
        "check the destination's credentials",
    ),
    ("protected", "PushRefused", "Not allowed to push to protected branch main", "let this login push"),
    ("missing", "RepositoryNotFound", "Repository not found", "check the destination's url"),
    ("stranger", "AccessDenied", "is not authorized to read", "allowed to read and push this repository"),
]


@pytest.mark.parametrize(("way", "reason", "words", "hint"), REFUSALS)
def test_refusal(host: Host, way: str, reason: str, words: str, hint: str) -> None:
    """Who may not push is shown the host's words, the reason, and what to do; the branch stays as it is."""
    line = wait_for("the condition", lambda: host.condition(way))

    assert f"Stalled=True {reason}: " in line
    assert words in line
    assert line.count(hint) == 1
    assert "error:;" not in line
    assert host.repositories[way].remote.paths() == {"README.md"}
