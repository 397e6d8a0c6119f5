"""What README and docs/install.md print to copy is run as it is printed.

Where the printed commands meet what is not here, the tests put something in its place, and nothing else:

- the address of the Git host, and the token: of a repository at a real Gitea;
- `[tenancy] allow_urls`, since that Gitea has a local address, which nobody may name otherwise;
- the pods: no kubelet runs, so a process is started with the ServiceAccount and the ConfigMap of the
  installation (`installation.daemon`);
- kubectl and git: the ones of the tests, with the logins of a person called alice;
- the five minutes of `kubectl wait`, in which a cluster gets the image: one minute;
- the moment that a person takes to type: the webhook is called before the object is made.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e import installation
from tests.e2e.daemon import ROOT, Daemon, wait_for
from tests.e2e.gitea import Gitea, Repository
from tests.e2e.servers import ASSETS, ControlPlane

ADDRESS = "https://git.example.com/your-team/your-repository.git"
MOUNTED = "/etc/reverser/reverser.toml"
MOST = 6


def commands(text: str) -> list[str]:
    """The commands of a block of shell, each with its here-document."""
    found: list[str] = []
    end = ""
    for line in text.splitlines():
        if end:
            found[-1] += f"\n{line}"
            end = "" if line == end else end
            continue
        found.append(line)
        here = re.search(r"<<'(\w+)'", line)
        end = here[1] if here else ""
    return found


def printed() -> list[str]:
    """The commands of README's section."""
    section = (ROOT / "README.md").read_text().split("## From nothing to the first commit")[1]
    return commands(section.split("```sh\n")[1].split("```")[0])


class Person:
    """Alice: her kubectl, her login at the Git host, and what she types."""

    def __init__(self, plane: ControlPlane, gitea: Gitea, folder: Path) -> None:
        self.folder = folder
        self.user = gitea.user()
        self.token = gitea.token(self.user)
        self.repository: Repository = gitea.repository(self.user)
        kubeconfig = plane.kubeconfig("alice", ("system:masters",))
        login = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        self._environ = os.environ | {
            "PATH": f"{ASSETS}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
        }
        (folder / "install.yaml").symlink_to(installation.INSTALL)

    def types(self, command: str) -> str:
        """Run a printed command; what it prints."""
        text = command.replace(ADDRESS, self.repository.http).replace("TOKEN", self.token)
        text = text.replace("--timeout=5m", "--timeout=60s")
        done = subprocess.run(
            ["bash", "-ec", text],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def plane(require_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of its own: nobody has installed anything."""
    flags = installation.WITH_ENDPOINTS
    with ControlPlane.start(tmp_path_factory.mktemp("nothing"), flags=flags) as running:
        yield running


@pytest.fixture
def alice(plane: ControlPlane, gitea: Gitea, tmp_path: Path) -> Person:
    """With an empty repository of her own."""
    return Person(plane, gitea, tmp_path)


def test_from_nothing_to_the_first_commit(plane: ControlPlane, alice: Person, tmp_path: Path) -> None:
    """Six commands after nothing, the newest commit has the change and the name of who made it."""
    install, objects, ready, change, clone, log = printed()
    alice.types(install)
    installation.allow_local_git_hosts(plane)
    with installation.daemon(plane, tmp_path / "replica") as replica:
        installation.lead_webhook_to(plane, replica)
        alice.types(objects)
        alice.types(ready)
        if installation.address():
            wait_for("a call of the webhook", lambda: _called(plane, replica), 60)

        alice.types(change)
        alice.types(clone)
        shown = alice.types(log)
        replica.stop()  # the next one need not wait until the Lease expires

    assert "v1/configmaps/default/greeting.yaml" in shown
    assert "v1/configmaps/default/greeting.yaml" in alice.repository.remote.paths()
    if installation.address():  # a Service leads to no loopback address
        assert "[CREATE] v1/configmaps/greeting by user/alice" in shown
        assert re.search(r"^Author: alice <alice@reverser\.invalid>$", shown, re.MULTILINE)


def _called(plane: ControlPlane, replica: Daemon) -> bool:
    """Whether the API server calls, when an object of no rule is made."""
    plane.kubectl("create", "namespace", f"probe-{time.monotonic_ns()}")
    return replica.metric("gitopsreverser_admission_reviews_total") > 0


def test_commands_of_the_troubleshooting_page(plane: ControlPlane, alice: Person, tmp_path: Path) -> None:
    """What the page says to look at with kubectl can be looked at; pods that run nothing have no logs."""
    if installation.registration(plane) is None:
        alice.types("kubectl apply -f install.yaml")
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/troubleshooting.md").read_text(), re.DOTALL)
    every = [command for block in blocks for command in commands(block.replace("\\\n", ""))]
    kubectl = [command for command in every if command.startswith("kubectl")]
    looks = [each for each in kubectl if not re.search(r" (logs|exec|port-forward) ", each)]
    in_the_pod = [each.partition(" -- ")[2].split() for each in kubectl if " exec " in each]

    assert len(looks) >= 5
    assert len(in_the_pod) == 1
    with installation.daemon(plane, tmp_path / "replica") as replica:
        wait_for("a leader", lambda: replica.metric("gitopsreverser_leader"))
        for command in looks:
            alice.types(command)
        for words in in_the_pod:
            arguments = [str(replica.config) if each == MOUNTED else each for each in words[1:]]
            alice.types(shlex.join([sys.executable, "-m", "reverser", *arguments]))


def test_at_most_six_commands() -> None:
    """README keeps its word."""
    assert len(printed()) <= MOST


def test_one_container_without_a_cluster_role(plane: ControlPlane, alice: Person, tmp_path: Path) -> None:
    """The manifest of docs/install.md is taken under Pod Security `restricted`, and its Role is enough."""
    section = (ROOT / "docs/install.md").read_text().split("## One container without a cluster role")[1]
    manifest = section.split("```yaml\n")[1].split("```")[0]
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    plane.create("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": restricted}})
    alice.types(f"kubectl apply -f - <<'END'\n{manifest}END")
    pods = "/api/v1/namespaces/shop/pods?labelSelector=app=reverser"
    wait_for("the pod", lambda: plane.get(pods)["items"])
    with _process(plane, alice, manifest, tmp_path / "process") as process:
        process.ready()

        alice.types("kubectl -n shop create configmap greeting --from-literal=text=hello")

        wait_for("the commit", lambda: "shop/configmaps/greeting.yaml" in alice.repository.remote.paths())
        assert [line for line in process.lines() if line["level"] == "error"] == []


def _process(plane: ControlPlane, alice: Person, manifest: str, folder: Path) -> Daemon:
    """What the pod would run: its file, with this machine's folders and addresses."""
    documents = [each for each in yaml.safe_load_all(manifest) if each["kind"] == "ConfigMap"]
    text = documents[0]["data"]["reverser.toml"].replace(ADDRESS, alice.repository.http)
    kubeconfig = json.loads(plane.kubeconfig().read_text())
    token = plane.kubectl("create", "token", "reverser", "-n", "shop").strip()
    kubeconfig["users"] = [{"name": "admin", "user": {"token": token}}]
    process = Daemon(folder, plane.kubeconfig(), "")
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    (folder / "token").write_text(alice.token)
    tables = tomllib.loads(text.replace("/run/secrets/git", str(folder)))
    process.tables = tables | {
        "data_dir": str(folder / "data"),
        "log": {"format": "json"},
        "operations": {"bind": "127.0.0.1:0"},
        "clusters": [{"name": "default", "kubeconfig": str(folder / "kubeconfig")}],
    }
    process.write()
    return process


def test_the_rule_beside_flux_is_taken(plane: ControlPlane, alice: Person) -> None:
    """The WatchRule of docs/gitops-tools.md is valid, with nothing that the API server does not know."""
    if installation.registration(plane) is None:
        alice.types("kubectl apply -f install.yaml")
    page = (ROOT / "docs/gitops-tools.md").read_text()
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "WatchRule" in block]

    assert len(blocks) == 1
    text = blocks[0].replace("namespace: shop", "namespace: default")
    alice.types(f"kubectl apply --dry-run=server --validate=strict -f - <<'END'\n{text}END")
