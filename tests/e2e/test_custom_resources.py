"""The daemon reads custom resources from a real API server, pushes by http, and answers in their statuses."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.named_object import Follower, NamedObject
from tests.cli import check, reverser
from tests.custom_resources import API_VERSION, cluster_watch_rule, crds, git_repo_config, watch_rule
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane
from tests.integration.gitserver import GitServer, basic, serving

API = f"/apis/{API_VERSION}"
TENANCY: dict[str, Any] = {"allow_urls": ["127.0.0.1:*/*", "*:*/*"]}
"""The tests' Git hosts, and all others."""
TABLES: dict[str, Any] = {"destinations": [], "rules": [], "resources": {}, "tenancy": TENANCY}
"""A file that configures nothing but custom resources."""
ALLOWED = f"[tenancy]\nallow_urls = {json.dumps(TENANCY['allow_urls'])}\n"
PLURALS = {
    "GitRepoConfig": "gitrepoconfigs",
    "WatchRule": "watchrules",
    "ClusterWatchRule": "clusterwatchrules",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
}


class Team:
    """A namespace with a Git server of its own, and the daemon that serves all of them."""

    def __init__(self, plane: ControlPlane, daemon: Daemon, namespace: str, server: GitServer) -> None:
        self.plane = plane
        self.daemon = daemon
        self.namespace = namespace
        self.server = server
        self.remote = Remote(server.bare)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects by kubectl, strictly."""
        documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.plane.kubectl("apply", "--validate=strict", "-f", "-", input=documents)

    def config(self, **spec: Any) -> dict[str, Any]:
        """A GitRepoConfig for the server."""
        return git_repo_config("live", self.namespace, self.server.url, **spec)

    def secret(self, password: str) -> dict[str, Any]:
        """The Secret `creds`."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "creds", "namespace": self.namespace},
            "stringData": {"username": "git", "password": password},
        }

    def config_map(self, name: str, value: str = "1") -> dict[str, Any]:
        """A ConfigMap."""
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}

    def delete(self, kind: str, name: str) -> None:
        """Delete an object of the namespace, and wait until it is gone."""
        self.plane.kubectl("delete", "-n", self.namespace, PLURALS[kind], name, "--timeout=20s")

    def get(self, kind: str = "GitRepoConfig", name: str = "live") -> dict[str, Any]:
        """An object as the API server has it."""
        scope = "" if kind == "ClusterWatchRule" else f"/namespaces/{self.namespace}"
        found: dict[str, Any] = self.plane.get(f"{API}{scope}/{PLURALS[kind]}/{name}")
        return found

    def ready(self, kind: str = "GitRepoConfig", name: str = "live") -> tuple[str, str, str]:
        """Status, reason and message of the condition Ready."""
        for each in self.get(kind, name).get("status", {}).get("conditions", ()):
            if each["type"] == "Ready":
                return each["status"], each["reason"], each["message"]
        return "", "", ""

    def until(self, status: str, reason: str = "", kind: str = "GitRepoConfig", name: str = "live") -> str:
        """Wait until Ready says so; its message."""

        def is_so() -> bool:
            now = self.ready(kind, name)
            return now[0] == status and reason in ("", now[1])

        try:
            wait_for(f"{kind} {name} {status} {reason}", is_so, 40)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.ready(kind, name)}") from None
        return self.ready(kind, name)[2]

    def has(self, name: str) -> bool:
        """Whether the file of a ConfigMap is in the branch."""
        return self.daemon.alive() and f"v1/configmaps/{self.namespace}/{name}.yaml" in self.remote.paths()

    def mirrored(self, name: str) -> None:
        """Wait for the file of a ConfigMap."""
        wait_for(f"the file of {name}", lambda: self.has(name), 40)


@pytest.fixture(scope="module")
def installed(plane: ControlPlane) -> None:
    """Our CRDs, served."""
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=_list(*crds()))
    for plural in ("gitrepoconfigs", "watchrules", "clusterwatchrules"):
        plane.kubectl("wait", "--for=condition=Established", f"crd/{plural}.configbutler.ai")
        wait_for(plural, lambda plural=plural: plane.http.get(f"{API}/{plural}").is_success)


@pytest.fixture(scope="module")
def daemon(
    plane: ControlPlane, installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """One daemon whose file has nothing but `[resources]`."""
    folder = tmp_path_factory.mktemp("resources")
    running = Daemon(folder, plane.kubeconfig(), "", **TABLES)
    with running:
        yield running.ready()


@pytest.fixture
def team(plane: ControlPlane, daemon: Daemon, namespace: str, tmp_path: Path) -> Iterator[Team]:
    """A namespace with a Git server."""
    with serving(tmp_path) as server:
        yield Team(plane, daemon, namespace, server)
        for kind in ("WatchRule", "GitRepoConfig"):
            plane.kubectl("delete", "-n", namespace, PLURALS[kind], "--all", "--timeout=20s")


def test_a_config_and_a_rule_are_all_that_is_needed(team: Team) -> None:
    """Both become Ready, as kubectl waits for it, and what the rule selects is in the branch."""
    team.apply(team.config_map("before"), team.config(), watch_rule("all", team.namespace))

    for name in ("gitrepoconfig/live", "watchrule/all"):
        team.plane.kubectl("wait", "-n", team.namespace, "--for=condition=Ready", name, "--timeout=40s")
    team.mirrored("before")
    team.apply(team.config_map("after"))
    team.mirrored("after")
    assert team.ready()[1] == "BranchFound"
    assert team.remote.subjects()[-1] == "[CREATE] v1/configmaps/after by user/unknown"


def test_objects_in_any_order_come_to_the_same(team: Team) -> None:
    """Rule, then config, then Secret: each says what it waits for, and in the end all work."""
    team.server.login = basic("git", "right")
    team.apply(team.config_map("one"), watch_rule("all", team.namespace))
    team.until("False", "GitRepoConfigNotFound", "WatchRule", "all")
    team.apply(team.config(secretRef={"name": "creds"}))
    team.until("False", "SecretNotFound")
    team.until("False", "GitRepoConfigNotReady", "WatchRule", "all")
    team.apply(team.secret("right"))

    team.until("True", "BranchFound")
    team.until("True", "Ready", "WatchRule", "all")
    team.mirrored("one")


def test_a_secret_that_changes_or_goes_is_noticed(team: Team) -> None:
    """A wrong password is said, a right one is used at once, and a deleted Secret is missed."""
    team.server.login = basic("git", "right")
    team.apply(team.secret("wrong"), team.config(secretRef={"name": "creds"}))
    team.apply(watch_rule("all", team.namespace))
    team.until("False", "ConnectionFailed")
    team.apply(team.secret("right"))
    team.until("True", "BranchFound")
    team.delete("Secret", "creds")

    assert "creds" in team.until("False", "SecretNotFound")


def test_a_status_that_says_the_same_is_not_written(team: Team) -> None:
    """A reload and another team's objects leave the version of a settled object as it is."""
    team.apply(team.config(), watch_rule("all", team.namespace), team.config_map("one"))
    team.until("True", "BranchFound")
    team.until("True", "Ready", "WatchRule", "all")
    team.mirrored("one")
    rule = team.get("WatchRule", "all")
    team.daemon.signal(signal.SIGHUP)
    team.apply(git_repo_config("other", team.namespace, "ext::sh"))
    team.until("False", name="other")
    team.apply(team.config_map("two"))
    team.mirrored("two")

    assert team.get("WatchRule", "all")["metadata"]["resourceVersion"] == rule["metadata"]["resourceVersion"]
    managers = {each["manager"]: each for each in rule["metadata"]["managedFields"]}
    assert managers["reverser"]["operation"] == "Apply"
    assert managers["reverser"]["subresource"] == "status"


def test_a_request_for_a_fresh_look_is_answered(team: Team) -> None:
    """The value of the annotation comes back in the status."""
    team.apply(team.config())
    team.until("True", "BranchFound")
    team.plane.kubectl(
        "annotate", "-n", team.namespace, "grc", "live", "configbutler.ai/reconcile-at=today", "--overwrite"
    )

    wait_for("the answer", lambda: team.get()["status"].get("lastHandledReconcileAt") == "today")


def test_deleting_a_rule_or_a_config_removes_no_file(team: Team) -> None:
    """What was written stays, nothing blocks the deletion; what waits is dropped, and the clone."""
    team.apply(team.config(), watch_rule("all", team.namespace), team.config_map("one"))
    team.mirrored("one")
    clones = team.daemon.folder / "data" / "repositories" / f"+{team.namespace}"
    assert (clones / "live").exists()
    head = team.remote.head()
    team.delete("WatchRule", "all")
    team.delete("GitRepoConfig", "live")
    dropped = "GitRepoConfig was deleted, its destination is dropped"

    wait_for("the drop", lambda: any(team.namespace in x["destination"] for x in team.daemon.logged(dropped)))
    assert not clones.exists()
    assert f"{team.namespace}/live" not in httpx.get(f"{team.daemon.url}/metrics").text
    team.delete("ConfigMap", "one")
    assert team.remote.head() == head
    assert team.has("one")


def test_a_cluster_rule_needs_permission(team: Team) -> None:
    """A ClusterWatchRule is refused until the config allows such rules, and then selects its objects."""
    rule = cluster_watch_rule(f"cluster-{team.namespace}", team.namespace)
    name = rule["metadata"]["name"]
    try:
        team.apply(team.config(), rule)
        team.until("False", "AccessDenied", "ClusterWatchRule", name)
        team.apply(team.config(accessPolicy={"allowClusterRules": True}))
        team.until("True", "Ready", "ClusterWatchRule", name)
        path = f"v1/namespaces/{team.namespace}.yaml"
        wait_for("the namespace's file", lambda: path in team.remote.paths())
    finally:
        team.plane.kubectl("delete", "cwr", name)


def test_events_tell_of_changes_of_state(team: Team) -> None:
    """`kubectl describe` shows what became of the object, once for each change."""
    team.apply(team.config())
    team.until("True", "BranchFound")

    def events() -> list[dict[str, Any]]:
        path = f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events"
        return [e for e in team.plane.get(path)["items"] if e["regarding"]["kind"] == "GitRepoConfig"]

    wait_for("the Event", events)
    assert [(e["type"], e["reason"]) for e in events()] == [("Normal", "BranchFound")]


def test_a_restart_is_no_change_of_state(team: Team) -> None:
    """What is looked up again after a start does not show as a failure, and makes no Event."""
    team.server.login = basic("git", "right")
    team.apply(team.secret("right"), team.config(secretRef={"name": "creds"}))
    team.apply(watch_rule("all", team.namespace), team.config_map("one"))
    team.until("True", "BranchFound")
    team.until("True", "Ready", "WatchRule", "all")
    team.mirrored("one")
    objects = (("GitRepoConfig", "live"), ("WatchRule", "all"))
    before = [_since(team.get(*each)) for each in objects]
    assert team.daemon.stop() == 0
    team.daemon.start().ready()
    team.apply(team.config_map("two"))
    team.mirrored("two")

    assert [_since(team.get(*each)) for each in objects] == before
    path = f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events"
    reasons = [
        e["reason"] for e in team.plane.get(path)["items"] if e["regarding"]["kind"] == "GitRepoConfig"
    ]
    assert reasons.count("BranchFound") == 1


def _since(obj: dict[str, Any]) -> str:
    """Since when the object is Ready."""
    (ready,) = [each for each in obj["status"]["conditions"] if each["type"] == "Ready"]
    assert ready["status"] == "True"
    return str(ready["lastTransitionTime"])


def test_a_file_and_custom_resources_feed_one_daemon(team: Team, tmp_path: Path) -> None:
    """A destination of the file is added by SIGHUP, and both are written."""
    remote = Remote(tmp_path / "file.git")
    rule = {
        "name": "file",
        "destination": "file",
        "namespaces": [team.namespace],
        "resources": ["configmaps"],
    }
    team.apply(team.config(), watch_rule("all", team.namespace), team.config_map("one"))
    team.mirrored("one")
    team.daemon.write(destinations=[{"name": "file", "url": remote.url}], rules=[rule])
    team.daemon.signal(signal.SIGHUP)
    path = f"{team.namespace}/configmaps/two.yaml"
    team.apply(team.config_map("two"))
    team.mirrored("two")

    wait_for("the file's destination", lambda: path in remote.paths())
    team.daemon.write(destinations=[], rules=[])
    team.daemon.signal(signal.SIGHUP)


def test_an_account_without_rights_selects_nothing(team: Team) -> None:
    """With `[tenancy] service_account` a rule selects only what the account may list and watch."""
    team.daemon.write(tenancy=TENANCY | {"service_account": "default"})
    team.daemon.signal(signal.SIGHUP)
    try:
        team.apply(team.config(), watch_rule("all", team.namespace), team.config_map("one"))
        team.until("False", "AccessDenied", "WatchRule", "all")
        account = f"--serviceaccount={team.namespace}:default"
        verbs, resource = "--verb=list,watch", "--resource=configmaps"
        team.plane.kubectl("create", "role", "reader", "-n", team.namespace, verbs, resource)
        team.plane.kubectl("create", "rolebinding", "reader", "-n", team.namespace, "--role=reader", account)
        team.plane.kubectl(
            "annotate", "-n", team.namespace, "watchrule", "all", "configbutler.ai/reconcile-at=now"
        )
        team.until("True", "Ready", "WatchRule", "all")
        team.mirrored("one")
    finally:
        team.daemon.write(tenancy=TENANCY)
        team.daemon.signal(signal.SIGHUP)


def test_check_says_what_the_daemon_would_make_of_them(team: Team, tmp_path: Path) -> None:
    """Each object with its verdict, and the exact roles that a user lacks; with these all is well."""
    user = f"checker-{team.namespace}"
    kubeconfig, path = team.plane.kubeconfig(user), tmp_path / "reverser.toml"
    path.write_text(f'[resources]\nnamespaces = ["{team.namespace}"]\n{ALLOWED}')
    team.apply(team.secret("right"), team.config(secretRef={"name": "creds"}))
    team.apply(watch_rule("all", team.namespace), watch_rule("lost", team.namespace, "elsewhere"))
    before = check(path, kubeconfig)["custom_resources"]
    assert len(before["forbidden"]) == 2
    assert before["objects"] == []

    for _ in range(2):  # what may be read says which Secrets and types are needed
        found = check(path, kubeconfig)
        for roles in (found["custom_resources"]["roles"], found["clusters"][0]["roles"]):
            for role in filter(None, roles.split("---\n")):
                team.plane.kubectl("apply", "-f", "-", input=role.replace("name: reverser", f"name: {user}"))
        _bind(team, user)
    after = check(path, kubeconfig)

    assert after["ok"], after
    rows = {(row["kind"], row["name"]): row for row in after["custom_resources"]["objects"]}
    assert rows["GitRepoConfig", f"{team.namespace}/live"]["accepted"]
    assert rows["WatchRule", f"{team.namespace}/all"]["types"] == ["configmaps"]
    assert rows["WatchRule", f"{team.namespace}/lost"]["reason"] == "GitRepoConfigNotFound"
    table = reverser("check", "--config", path, kubeconfig=kubeconfig).stdout
    assert "GitRepoConfigNotFound" in table
    assert table.rstrip().endswith("all is well")


def _bind(team: Team, user: str) -> None:
    """Bind every role that was made for a user."""
    for kind in ("role", "clusterrole"):
        scope = ("-n", team.namespace) if kind == "role" else ()
        names = team.plane.kubectl("get", kind, *scope, "-o", "name").split()
        for name in [each.partition("/")[2] for each in names if user in each]:
            binding = f"{kind}binding"
            arguments = (binding, f"{name}-bound", *scope, f"--{kind}={name}", f"--user={user}")
            team.plane.kubectl("create", *arguments, check=False)


def test_a_release_of_2025_beside_us_is_named(team: Team, tmp_path: Path) -> None:
    """Both would commit: the daemon and `check` name its Deployment and webhook, and how to stop it."""
    path = tmp_path / "reverser.toml"
    path.write_text(f"[resources]\n{ALLOWED}")
    labels = {"app.kubernetes.io/name": "gitops-reverser"}
    container = {
        "name": "manager",
        "image": "ghcr.io/configbutler/gitops-reverser:0.7.0",
        "args": ["--leader-elect"],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "gitops-reverser", "namespace": team.namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    team.apply(deployment)
    stop = f"kubectl -n {team.namespace} scale deployment gitops-reverser --replicas=0"

    found = check(path, team.plane.kubeconfig())["custom_resources"]

    assert f"Deployment {team.namespace}/gitops-reverser" in found["beside"]
    assert stop in found["beside_hint"]
    with Daemon(tmp_path / "beside", team.plane.kubeconfig(), "", **TABLES) as other:
        wait_for("the condition", lambda: stop in _readyz(other))
        wait_for("the line", lambda: other.logged("GitOps Reverser runs beside this process"))
    team.plane.kubectl("delete", "deployment", "-n", team.namespace, "gitops-reverser")


def test_crds_that_go_and_come_again(team: Team, installed: None) -> None:
    """Without CRDs the daemon says so and goes on; once they are back, objects work without a restart."""
    team.apply(team.config())
    team.until("True", "BranchFound")
    team.plane.kubectl("delete", "--ignore-not-found", "-f", "-", input=_list(*crds()))
    wait_for("the condition", lambda: "NotInstalled" in _readyz(team.daemon))
    team.plane.kubectl("apply", "--server-side", "-f", "-", input=_list(*crds()))
    team.plane.kubectl("wait", "--for=condition=Established", "crd/gitrepoconfigs.configbutler.ai")
    wait_for("the API", lambda: team.plane.http.get(f"{API}/gitrepoconfigs").is_success)
    wait_for("the API", lambda: team.plane.http.get(f"{API}/watchrules").is_success)
    team.apply(team.config(), watch_rule("all", team.namespace), team.config_map("one"))

    team.until("True", "BranchFound")
    team.mirrored("one")
    wait_for("the end of the condition", lambda: "NotInstalled" not in _readyz(team.daemon))


def _list(*objects: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _readyz(daemon: Daemon) -> str:
    return httpx.get(f"{daemon.url}/readyz").text


async def test_a_namespace_is_followed_by_its_name(plane: ControlPlane, namespace: str) -> None:
    """With `[resources] namespaces` the labels of a Namespace are read without a right to list them."""
    named = NamedObject("/api/v1/namespaces", namespace, metadata_only=True)
    seen: list[Any] = []
    async with Client.open(await load(str(plane.kubeconfig()), "")) as client:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:

                def on_read(document: dict[str, Any] | None) -> None:
                    seen.append(document)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(Follower(client, named, on_read, seen.append).run)

    assert seen[0]["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace}
