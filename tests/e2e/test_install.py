"""install.yaml on an empty cluster: one command, and the daemon works with the rights that it gets."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import yaml

from reverser.app.rights import needed
from reverser.config import parse
from reverser.custom_resources.model import Compiled
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.permissions import Right, missing_rights
from tests.cli import reverser
from tests.custom_resources import git_repo_config, watch_rule
from tests.e2e import cert_manager, installation
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.installation import NAME, NAMESPACE
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ASSETS, ControlPlane
from tests.integration.gitserver import GitServer, basic, serving
from tests.tools.manifests import KUSTOMIZE, ROOT, built

INSTALLED = 20
"""Objects of install.yaml."""


@pytest.fixture(scope="module")
def empty_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A control plane of its own: nobody has installed anything."""
    request.getfixturevalue("require_servers")
    flags = installation.WITH_ENDPOINTS
    with ControlPlane.start(tmp_path_factory.mktemp("empty"), flags=flags) as running:
        yield running


@pytest.fixture(scope="module")
def first_apply(empty_plane: ControlPlane) -> subprocess.CompletedProcess[str]:
    """What the first `kubectl apply -f install.yaml` said."""
    return installation.apply(empty_plane)


@pytest.fixture
def plane(empty_plane: ControlPlane, first_apply: subprocess.CompletedProcess[str]) -> ControlPlane:
    """Installed, also after a test that has removed it."""
    assert first_apply.returncode == 0, first_apply.stderr
    if installation.registration(empty_plane) is None:

        def applied() -> bool:
            return installation.apply(empty_plane).returncode == 0

        wait_for("the installation", applied, 60)
    installation.allow_local_git_hosts(empty_plane)
    return empty_plane


class Team:
    """A namespace with a repository, and what kubectl makes there."""

    def __init__(self, plane: ControlPlane, namespace: str, server: GitServer) -> None:
        self.plane = plane
        self.namespace = namespace
        self.remote = Remote(server.bare)
        self._server = server

    def make_objects(self) -> None:
        """A Secret and two resources."""
        literals = ("--from-literal=username=git", "--from-literal=password=right")
        self.plane.kubectl("-n", self.namespace, "create", "secret", "generic", "creds", *literals)
        config = git_repo_config("live", self.namespace, self._server.url, secretRef={"name": "creds"})
        items = [config, watch_rule("all", self.namespace)]
        documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self.plane.kubectl("apply", "-f", "-", input=documents)

    def wait_ready(self) -> None:
        """Wait as a person does."""
        for name in ("gitrepoconfig/live", "watchrule/all"):
            self.plane.kubectl("wait", "-n", self.namespace, "--for=condition=Ready", name, "--timeout=60s")

    def condition(self, name: str, type_: str) -> str:
        """The reason of a condition; empty: it is absent."""
        path = f'{{.status.conditions[?(@.type=="{type_}")].reason}}'
        return self.plane.kubectl("-n", self.namespace, "get", name, "-o", f"jsonpath={path}")

    def config_map(self, name: str, user: str = "admin") -> None:
        """A new ConfigMap, by a user."""
        self.plane.kubectl("-n", self.namespace, "create", "configmap", name, user=user)

    def has(self, name: str) -> bool:
        """Whether the ConfigMap is in the branch."""
        return any(path.endswith(f"/{name}.yaml") for path in self.remote.paths())


@pytest.fixture
def team(plane: ControlPlane, tmp_path: Path) -> Iterator[Team]:
    """A namespace with a repository."""
    name = f"team-{time.monotonic_ns()}"
    plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
    with serving(tmp_path) as server:
        server.login = basic("git", "right")
        yield Team(plane, name, server)
    plane.kubectl("-n", name, "delete", "gitrepoconfigs,watchrules", "--all", check=False)
    plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def replica(plane: ControlPlane, tmp_path: Path) -> Iterator[Daemon]:
    """The process that a pod of the Deployment would be, running; nobody else holds the Lease."""
    plane.kubectl("-n", NAMESPACE, "delete", "leases", "--all")
    with installation.daemon(plane, tmp_path / "replica") as running:
        yield running.ready()


def test_one_apply_installs_all(first_apply: subprocess.CompletedProcess[str], plane: ControlPlane) -> None:
    """The command ends with 0 on an empty cluster, warns of nothing, and a second one starts no pods anew."""
    assert (first_apply.returncode, first_apply.stderr) == (0, "")
    assert first_apply.stdout.count(" created\n") == INSTALLED

    again = installation.apply(plane)

    assert (again.returncode, again.stderr) == (0, "")
    assert " created\n" not in again.stdout
    deployment = plane.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}")
    assert deployment["metadata"]["generation"] == 1


def test_pods_are_admitted_where_restricted_is_enforced(plane: ControlPlane) -> None:
    """The Deployment gets its pods under Pod Security `restricted`; a pod with more rights is refused."""
    deployment = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}"
    wait_for("both pods", lambda: plane.get(deployment)["status"].get("replicas") == 2)

    refused = subprocess.run(
        [
            *("kubectl", "--kubeconfig", plane.kubeconfig(), "-n", NAMESPACE, "run", "greedy"),
            *("--image=busybox", "--privileged", "--dry-run=server"),
        ],
        executable=str(installation.ASSETS / "kubectl"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 'violates PodSecurity "restricted' in refused.stderr


@pytest.mark.parametrize("component", ["network-policy", "read-all"])
def test_components_are_taken(plane: ControlPlane, tmp_path: Path, component: str) -> None:
    """Each component builds upon the base, and the API server takes every object without a warning."""
    if not KUSTOMIZE.is_file():
        pytest.skip("no kustomize: run make test-kustomize")
    folder = tmp_path / "chosen"
    folder.mkdir()
    config = os.path.relpath(ROOT / "config", folder)
    chosen = {"resources": [f"{config}/base"], "components": [f"{config}/{component}"]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(chosen))
    manifests = tmp_path / "chosen.yaml"
    manifests.write_bytes(built(folder))

    applied = installation.apply(plane, manifests, "--dry-run=server")

    assert (applied.returncode, applied.stderr) == (0, "")
    assert {"network-policy": "networkpolicy", "read-all": "gitops-reverser-read-all"}[component] in (
        applied.stdout
    )


def test_a_secret_and_two_resources_later_it_commits(replica: Daemon, team: Team) -> None:
    """With the installation's account and file the daemon works, and the webhook names authors."""
    installation.lead_webhook_to(team.plane, replica)
    team.config_map("before")
    team.make_objects()

    team.wait_ready()
    wait_for("the snapshot", lambda: team.has("before"))
    wait_for("the authority", lambda: _bundle(team.plane))
    roles = [pod["metadata"]["labels"].get("role", "") for pod in installation.pods(team.plane)]
    assert roles.count("leader") == 1
    if not installation.address():
        pytest.skip("this machine has no address but loopback, which no Service can lead to")
    team.plane.kubectl("create", "clusterrolebinding", "alice", "--clusterrole=edit", "--user=alice")
    _until_called(replica, team)
    team.config_map("after", user="alice")
    wait_for("the change", lambda: team.has("after"))
    authors = git("-C", team.remote.path, "log", "-1", "--format=%an %s", "main").strip()
    assert authors == "alice [CREATE] v1/configmaps/after by user/alice"


def _until_called(replica: Daemon, team: Team) -> None:
    """Write until the API server has taken notice of the bundle and the address."""

    def called() -> bool:
        team.plane.kubectl("-n", team.namespace, "create", "configmap", f"probe-{time.monotonic_ns()}")
        return replica.metric("gitopsreverser_admission_reviews_total") > 0

    wait_for("the first call", called, 60)


def _bundle(plane: ControlPlane) -> bytes:
    found = installation.registration(plane)
    assert found is not None
    return base64.b64decode(found["webhooks"][0]["clientConfig"].get("caBundle", ""))


@pytest.fixture
def narrow(plane: ControlPlane) -> Iterator[None]:
    """Without the two wide bindings, which are components."""
    wide = [f"clusterrolebinding/{NAME}-{name}" for name in ("view", "secrets")]
    bindings = plane.kubectl("get", "-o", "json", *wide)
    plane.kubectl("delete", *wide)
    yield
    plane.kubectl("delete", "clusterrole,clusterrolebinding", "-l", CREATED)
    plane.kubectl("delete", "role,rolebinding", "-A", "-l", CREATED)
    plane.kubectl("create", "-f", "-", input=_without_versions(bindings))


@pytest.mark.usefixtures("narrow")
def test_exact_roles_are_enough(plane: ControlPlane, team: Team, tmp_path: Path) -> None:
    """Without the wide bindings conditions say what may not be read; what `reverser rbac` prints mends it."""
    team.make_objects()
    team.config_map("before")
    plane.kubectl("-n", NAMESPACE, "delete", "leases", "--all")
    with installation.daemon(plane, tmp_path / "exact"):
        wait_for("the Secret", lambda: team.condition("gitrepoconfig/live", "Stalled") == "SecretUnreadable")
        wait_for("the type", lambda: team.condition("watchrule/all", "Matched") == "Forbidden")

        printed = reverser("rbac", "--from-cluster", kubeconfig=plane.kubeconfig())
        assert printed.returncode == 0, printed.stderr
        plane.kubectl("apply", "-f", "-", input=printed.stdout)

        team.wait_ready()
        wait_for("the snapshot", lambda: team.has("before"), 60)
        wait_for("the type", lambda: team.condition("watchrule/all", "Matched") == "AllMatched")
        _apply_again(plane, printed.stdout, tmp_path)
        team.config_map("later")
        wait_for("the next commit", lambda: team.has("later"), 60)


def _apply_again(plane: ControlPlane, printed: str, folder: Path) -> None:
    """As the page says: printed in the pod, with its rights, and without the roles of an earlier run."""
    (block,) = _printed("What the daemon may read")
    in_pod, *commands = block.splitlines()
    installation.daemon(plane, folder / "pod")
    arguments = (
        in_pod.split(" -- reverser ")[1]
        .split(" > ")[0]
        .replace("/etc/reverser/reverser.toml", str(folder / "pod/reverser.toml"))
    )
    again = reverser(*arguments.split(), kubeconfig=plane.kubeconfig())
    assert (again.returncode, again.stdout) == (0, printed)
    (folder / "roles.yaml").write_text(again.stdout)
    for kind in ("clusterrole", "role"):
        plane.kubectl("-n", "kube-public", "create", kind, "stale", "--verb=get", "--resource=pods")
        plane.kubectl("-n", "kube-public", "label", kind, "stale", CREATED)

    _run(plane, folder, "\n".join(commands))

    labelled = plane.kubectl("get", "clusterrole,role", "-A", "-l", CREATED, "-o", "name").split()
    assert labelled
    assert not [each for each in labelled if each.endswith("/stale")]


CREATED = "app.kubernetes.io/created-by=reverser-rbac"


def _without_versions(text: str) -> str:
    listed = json.loads(text)
    for each in listed["items"]:
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            del each["metadata"][field]
    return json.dumps(listed)


def test_the_shipped_roles_grant_what_is_used_and_no_more(plane: ControlPlane) -> None:
    """Without custom resources the exact roles are those of the base, verb by verb."""
    printed = reverser("rbac", "--from-cluster", kubeconfig=plane.kubeconfig())
    exact = _rights(yaml.safe_load_all(printed.stdout))
    shipped = _rights(_shipped_roles(plane))

    # Whoever may list all Namespaces learns nothing more by the right to get them.
    shipped.remove(("", "namespaces", "get", "", ""))
    exact.remove(("", "namespaces", "get", NAMESPACE, ""))
    assert exact == shipped


@pytest.mark.usefixtures("narrow")
async def test_each_right_that_is_missing_is_named(plane: ControlPlane, tmp_path: Path) -> None:
    """The shipped roles lose one verb after the other: the API server and we name just that one."""
    rights = _needed(plane)
    kubeconfig = installation.account_kubeconfig(plane, tmp_path)
    roles = [(_role_path(each), each) for each in _shipped_roles(plane)]
    async with Client.open(await load(str(kubeconfig), "")) as client:
        for path, role in roles:
            for number, verb in [(n, verb) for n, rule in enumerate(role["rules"]) for verb in rule["verbs"]]:
                _replace(plane, path, _without(role, number, verb))
                resources = set(role["rules"][number]["resources"])
                with trio.fail_after(20):
                    while not _is_all(await missing_rights(client, rights), verb, resources):
                        await trio.sleep(0.05)
            _replace(plane, path, role)
        with trio.fail_after(20):
            while await missing_rights(client, rights):
                await trio.sleep(0.05)


def _is_all(lacking: list[Right], verb: str, resources: set[str]) -> bool:
    """Whether these rights are lacking, and no others."""
    return {each.verb for each in lacking} == {verb} and {each.resource for each in lacking} <= resources


def _without(role: dict[str, Any], number: int, verb: str) -> dict[str, Any]:
    rules = [dict(rule) for rule in role["rules"]]
    rules[number]["verbs"] = [each for each in rules[number]["verbs"] if each != verb]
    return role | {"rules": [rule for rule in rules if rule["verbs"]]}


def _needed(plane: ControlPlane) -> list[Right]:
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}-config"
    config = parse(plane.get(path)["data"]["reverser.toml"], {})
    return needed(config, Compiled(), (), cluster="default", namespace=NAMESPACE, registrations=[NAME])


def _shipped_roles(plane: ControlPlane) -> list[dict[str, Any]]:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    paths = (f"{rbac}/clusterroles/{NAME}", f"{rbac}/namespaces/{NAMESPACE}/roles/{NAME}")
    return [plane.get(path) for path in paths]


def _role_path(role: dict[str, Any]) -> str:
    rbac, namespace = "/apis/rbac.authorization.k8s.io/v1", role["metadata"].get("namespace")
    return f"{rbac}/namespaces/{namespace}/roles/{NAME}" if namespace else f"{rbac}/clusterroles/{NAME}"


def _replace(plane: ControlPlane, path: str, role: dict[str, Any]) -> None:
    metadata = {key: text for key, text in role["metadata"].items() if key != "resourceVersion"}
    answer = plane.http.put(path, json=role | {"metadata": metadata})
    assert answer.is_success, answer.text


def _rights(documents: Iterable[Any]) -> set[tuple[str, str, str, str, str]]:
    """Group, resource, verb, name and namespace of all rights that roles grant."""
    granted = {
        (group, resource, verb, name, each["metadata"].get("namespace", ""))
        for each in documents
        if each["kind"] in ("Role", "ClusterRole")
        for rule in each["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }
    # One of a named object is contained in that of all.
    return {each for each in granted if not each[3] or (*each[:3], "", each[4]) not in granted}


def test_no_write_is_blocked_when_the_process_is_killed(replica: Daemon, team: Team) -> None:
    """After kill -9 the registration stays, and writes go through."""
    installation.lead_webhook_to(team.plane, replica)
    wait_for("the authority", lambda: _bundle(team.plane))

    replica.kill()

    team.config_map("written")
    assert installation.registration(team.plane) is not None


@pytest.mark.parametrize("way", ["delete -f", "delete namespace"])
def test_the_registration_goes_with_the_installation(replica: Daemon, team: Team, way: str) -> None:
    """However the installation is removed, no registration stays, and no write is blocked meanwhile."""
    wait_for("the owner", lambda: _owners(team.plane))
    what = ("namespace", NAMESPACE) if way == "delete namespace" else ("-f", str(installation.INSTALL))

    team.plane.kubectl("delete", *what, "--wait=false")
    team.config_map("meanwhile")

    wait_for("the end of the registration", lambda: installation.registration(team.plane) is None)
    wait_for(
        "the end of the namespace", lambda: _is_missing(team.plane, f"/api/v1/namespaces/{NAMESPACE}"), 60
    )
    team.config_map("after")


def _printed(section: str) -> list[str]:
    """The blocks of shell in a section of docs/install.md."""
    page = (ROOT / "docs/install.md").read_text().split(f"### {section}\n")[1]
    return re.findall(r"```sh\n(.*?)```", re.split(r"\n##+ ", page)[0], re.DOTALL)


def _run(plane: ControlPlane, folder: Path, text: str) -> None:
    """Run shell as it is printed."""
    environ = {"PATH": f"{ASSETS}:{os.environ['PATH']}", "KUBECONFIG": str(plane.kubeconfig())}
    done = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("saved", [True, False], ids=["with its key", "without it"])
def test_it_is_installed_again(replica: Daemon, team: Team, tmp_path: Path, saved: bool) -> None:
    """After the namespace was deleted, the saved key goes on; without it `spec.adopt` is asked for."""
    plane = team.plane
    _, remove, again, adopt = _printed("Remove it")
    (tmp_path / "install.yaml").symlink_to(installation.INSTALL)
    team.make_objects()
    team.config_map("before")
    wait_for("the first commit", lambda: team.has("before"), 60)
    replica.stop()

    _run(plane, tmp_path, remove)
    for kind in ("clusterrole", "clusterrolebinding", "validatingwebhookconfiguration"):
        assert NAME not in plane.kubectl("get", kind, "-o", "name")
    _run(plane, tmp_path, again if saved else "kubectl apply -f install.yaml")
    installation.allow_local_git_hosts(plane)
    with installation.daemon(plane, tmp_path / "next"):
        if not saved:
            wait_for(
                "the reason", lambda: team.condition("gitrepoconfig/live", "Ready") == "UnknownJournal", 60
            )
            _run(plane, tmp_path, adopt.replace("NAMESPACE", team.namespace).replace("NAME", "live"))
        team.config_map("after")
        wait_for("the next commit", lambda: team.has("after"), 60)


def _owners(plane: ControlPlane) -> list[Any]:
    found = installation.registration(plane)
    assert found is not None
    return list(found["metadata"].get("ownerReferences", []))


def _is_missing(plane: ControlPlane, path: str) -> bool:
    return plane.http.get(path).status_code == 404


@pytest.fixture
def with_cert_manager(empty_plane: ControlPlane, tmp_path: Path) -> Iterator[ControlPlane]:
    """install-cert-manager.yaml in the place of install.yaml, and the CA injector beside it."""
    if not cert_manager.INJECTOR.is_file():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail("no CA injector: run make test-cainjector")
        pytest.skip("no CA injector: run make test-cainjector")
    empty_plane.kubectl("delete", "-f", str(installation.INSTALL), "--ignore-not-found", "--timeout=60s")
    cert_manager.install_definitions(empty_plane)
    applied = installation.apply(empty_plane, installation.INSTALL_CERT_MANAGER)
    assert (applied.returncode, applied.stderr) == (0, "")
    with cert_manager.injector(empty_plane, tmp_path / "injector.log"):
        yield empty_plane
    empty_plane.kubectl("delete", "-f", str(installation.INSTALL_CERT_MANAGER), "--wait=false")


def test_cert_manager_fills_the_registration(with_cert_manager: ControlPlane, tmp_path: Path) -> None:
    """The injector adds each new authority, the webhook answers, and the daemon touches no bundle."""
    plane, mounted = with_cert_manager, tmp_path / "tls"
    path = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates/{NAME}-webhook"
    certificate = plane.get(path)
    authority = cert_manager.issue(plane, certificate, mounted)
    replica = installation.daemon(plane, tmp_path / "replica")
    tls = {"mode": "files", "certificate": str(mounted / "tls.crt"), "key": str(mounted / "tls.key")}
    replica.write(webhook=replica.tables["webhook"] | {"tls": tls})
    with replica:
        replica.ready()
        installation.lead_webhook_to(plane, replica)
        wait_for("the owner", lambda: _owners(plane))
        for _ in range(3):
            wait_for("the authority", lambda authority=authority: authority in _bundle(plane))
            if installation.address():
                _until_called_again(plane, replica)
            authority = cert_manager.issue(plane, certificate, mounted)
        wait_for("the last authority", lambda: authority in _bundle(plane))


def _until_called_again(plane: ControlPlane, replica: Daemon) -> None:
    before = replica.metric("gitopsreverser_admission_reviews_total")

    def called() -> bool:
        plane.kubectl("create", "configmap", f"probe-{time.monotonic_ns()}")
        return replica.metric("gitopsreverser_admission_reviews_total") > before

    wait_for("a call", called, 60)
