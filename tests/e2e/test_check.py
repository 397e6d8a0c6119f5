"""`reverser check` and `reverser init` beside a real API server and a real Git remote."""

from __future__ import annotations

from pathlib import Path

from tests.cli import check, reverser
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane


def test_what_init_writes_passes_check(plane: ControlPlane, tmp_path: Path) -> None:
    """The file that `init --yes` writes is good: the cluster can be read, the remote pushed to."""
    remote, path = Remote(tmp_path / "remote.git"), tmp_path / "reverser.toml"
    admin = plane.kubeconfig()

    done = reverser("init", "--yes", "--url", remote.url, "--config", path, kubeconfig=admin)

    assert done.returncode == 0, done.stderr
    found = check(path, admin)
    types = {row["type"]: row for row in found["clusters"][0]["types"]}
    assert found["ok"]
    assert found["clusters"][0]["version"].startswith("v1.")
    assert types["configmaps"]["objects"] >= 1, "each namespace has the one of the API server's certificate"
    assert types["deployments.apps"].pop("objects") >= 0
    assert types["deployments.apps"] == {
        "type": "deployments.apps",
        "namespaces": [],
        "rules": ["everything"],
        "allowed": True,
    }
    assert "events" not in types
    assert remote.head() == ""


def test_the_printed_role_allows_what_is_missing(plane: ControlPlane, tmp_path: Path) -> None:
    """Applying the role that `check` prints, and binding it, is all that a new user needs."""
    remote, path = Remote(tmp_path / "remote.git"), tmp_path / "reverser.toml"
    newcomer = plane.kubeconfig("newcomer")
    path.write_text(
        f'[[destinations]]\nname = "live"\nurl = "{remote.url}"\n'
        '[[rules]]\nname = "some"\ndestination = "live"\nresources = ["deploy", "configmaps", "deploymets"]\n'
    )
    before = check(path, newcomer)
    assert [row["allowed"] for row in before["clusters"][0]["types"]] == [False, False]
    assert "did you mean deployments?" in before["clusters"][0]["notes"][0]

    plane.kubectl("apply", "-f", "-", input=before["clusters"][0]["roles"])
    plane.kubectl("create", "clusterrolebinding", "newcomer", "--clusterrole=reverser", "--user=newcomer")

    after = check(path, newcomer)
    assert after["ok"]
    assert after["clusters"][0]["roles"] == ""


def test_the_printed_role_allows_to_lead(plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    """With `[leader]` it tells what is missing for it, and the role that it prints gives that."""
    remote, path = Remote(tmp_path / "remote.git"), tmp_path / "reverser.toml"
    replica = plane.kubeconfig("replica")
    path.write_text(
        f'[leader]\nnamespace = "{namespace}"\n'
        f'[[destinations]]\nname = "live"\nurl = "{remote.url}"\n'
        '[[rules]]\nname = "some"\ndestination = "live"\nresources = ["configmaps"]\n'
    )
    before = check(path, replica)["leader"]
    assert "update leases" in before["missing"]
    assert before["lease"] == f"{namespace}/gitops-reverser"

    plane.kubectl("apply", "-f", "-", input=before["roles"])
    bind = ("create", "rolebinding", "replica", "--role=reverser-leader", "--user=replica")
    plane.kubectl("-n", namespace, *bind)

    after = check(path, replica)["leader"]
    assert (after["missing"], after["error"], after["holder"]) == ([], "", "")
    done = reverser("check", "--config", path, kubeconfig=plane.kubeconfig())
    assert f"Lease {namespace}/gitops-reverser of cluster default: free, may be read and written ok" in (
        done.stdout
    )


def test_an_existing_branch_and_a_missing_remote_are_told(plane: ControlPlane, tmp_path: Path) -> None:
    """Each destination tells for itself whether it answers; one that does not makes the exit code 69."""
    path = tmp_path / "reverser.toml"
    path.write_text(
        f'[[destinations]]\nname = "there"\nurl = "{Remote(tmp_path / "remote.git").url}"\n'
        f'[[destinations]]\nname = "gone"\nurl = "file://{tmp_path}/gone.git"\n'
        '[[rules]]\nname = "some"\ndestination = "there"\nresources = ["configmaps"]\n'
    )

    found = check(path, plane.kubeconfig())

    assert [row["reachable"] for row in found["destinations"]] == [True, False]
    assert found["destinations"][1]["message"]


def test_a_person_sees_tables(plane: ControlPlane, tmp_path: Path) -> None:
    """Without `--output` there is a table with the types, and a verdict at the end."""
    path = tmp_path / "reverser.toml"
    path.write_text(
        f'[[destinations]]\nname = "live"\nurl = "{Remote(tmp_path / "remote.git").url}"\n'
        '[[rules]]\nname = "some"\ndestination = "live"\nresources = ["configmaps"]\n'
    )

    done = reverser("check", "--config", path, kubeconfig=plane.kubeconfig())

    assert done.returncode == 0
    assert "configmaps" in done.stdout
    assert done.stdout.rstrip().endswith("all is well")
