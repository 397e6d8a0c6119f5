"""The control plane of the tests is a real one, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.daemon import ROOT, wait_for
from tests.e2e.servers import ControlPlane

FORSAKEN = """
import sys
from pathlib import Path
from tests.e2e.servers import ControlPlane

with ControlPlane.start(Path(sys.argv[1]), controllers=False) as plane:
    print(*plane.pids.values(), flush=True)
    sys.stdin.read()
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_users_are_told_apart(plane: ControlPlane, namespace: str) -> None:
    """The API server knows each user by certificate, and grants what RBAC grants."""
    assert plane.kubectl("auth", "whoami", "-o=jsonpath={.status.userInfo.username}", user="alice") == "alice"
    assert plane.kubectl("auth", "can-i", "list", "pods", user="alice", check=False) == "no\n"
    assert plane.kubectl("-n", namespace, "get", "serviceaccounts", "-o=name") == "serviceaccount/default\n"


def test_controllers_run(plane: ControlPlane, namespace: str) -> None:
    """A deployment gets its replica set, and loses it with its deletion."""
    plane.kubectl("-n", namespace, "create", "deployment", "web", "--image=nginx")
    sets = ("-n", namespace, "get", "replicasets", "-o=name")

    wait_for("the replica set", lambda: plane.kubectl(*sets))
    plane.kubectl("-n", namespace, "delete", "deployment", "web")
    wait_for("its deletion", lambda: not plane.kubectl(*sets))


def test_old_positions_can_be_lost(plane: ControlPlane, tmp_path: Path) -> None:
    """Without its watch cache and after a compaction, a watch from an old position is refused with 410."""
    with ControlPlane.start(tmp_path, controllers=False, watch_cache=False) as other:
        before = other.create("/api/v1/namespaces", {"metadata": {"name": "a"}})["metadata"][
            "resourceVersion"
        ]
        for name in ("b", "c"):
            other.create("/api/v1/namespaces", {"metadata": {"name": name}})
        other.compact()
        answer = other.http.get(
            "/api/v1/namespaces", params={"watch": "1", "timeoutSeconds": "5", "resourceVersion": before}
        )

    assert '"code":410' in answer.text


def test_a_restored_etcd_has_its_old_versions(plane: ControlPlane, tmp_path: Path) -> None:
    """After a restore the API server holds what the copy held, and counts on from there."""
    with ControlPlane.start(tmp_path, controllers=False) as other:
        other.create("/api/v1/namespaces", {"metadata": {"name": "kept"}})
        copy = other.copy_etcd()
        for number in range(100):
            other.create("/api/v1/namespaces", {"metadata": {"name": f"lost-{number}"}})
        before = int(other.get("/api/v1/namespaces")["metadata"]["resourceVersion"])

        other.restore_etcd(copy)

        after = other.get("/api/v1/namespaces")
        names = {each["metadata"]["name"] for each in after["items"]}
        assert "kept" in names
        assert not any(name.startswith("lost") for name in names)
        assert int(after["metadata"]["resourceVersion"]) < before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_servers_die_with_the_tests(plane: ControlPlane, tmp_path: Path) -> None:
    """No server outlives the process that started it, even when that is killed."""
    command = [sys.executable, "-c", FORSAKEN, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()

    assert len(pids) == 2
    wait_for("the end of the servers", lambda: not any(map(alive, pids)))
