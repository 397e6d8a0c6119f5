"""A daemon that is configured by custom resources, with a real API server and a real Git host around it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.gitea import Gitea, Repository
from tests.e2e.servers import ControlPlane

API = "/apis/configbutler.ai/v1alpha1"
CONFIGS, RULES, CLUSTER_RULES = "gitrepoconfigs", "watchrules", "clusterwatchrules"
KINDS = {CONFIGS: "GitRepoConfig", RULES: "WatchRule", CLUSTER_RULES: "ClusterWatchRule"}
CONFIG_MAPS: dict[str, Any] = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}

LOCAL_URLS = ["127.0.0.1:*/*", "*:*/*"]
"""Those of the tests' Git hosts, and all others."""

Conditions = dict[str, dict[str, str]]


class World:
    """The three servers. Each test has namespaces and repositories of its own."""

    def __init__(self, plane: ControlPlane, gitea: Gitea, folder: Path, **tables: Any) -> None:
        self.plane = plane
        self.gitea = gitea
        self.owner = gitea.user()
        self.token = gitea.token(self.owner)
        self._numbers = itertools.count(1)
        self.daemon = Daemon(folder, plane.kubeconfig(), "")
        del self.daemon.tables["destinations"], self.daemon.tables["rules"]
        tables["tenancy"] = {"allow_urls": LOCAL_URLS} | tables.get("tenancy", {})
        self.daemon.write(resources={}, **tables)

    def namespace(self, prefix: str = "tenant", **labels: str) -> str:
        """A new namespace."""
        name = f"{prefix}-{next(self._numbers)}"
        self.plane.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        return name

    def repository(self, *, empty: bool = False) -> Repository:
        """A new repository of our user."""
        return self.gitea.repository(self.owner, empty=empty)

    def login(self, namespace: str, name: str = "git-creds", token: str = "") -> str:
        """A Secret with our user's token, or with another one; its name."""
        self.secret(namespace, name, username=self.owner, password=token or self.token)
        return name

    def secret(self, namespace: str, name: str, **data: str) -> None:
        """A Secret, made or changed. In keys `_` stands for `-`, but in known_hosts."""
        keys = {key if key == "known_hosts" else key.replace("_", "-"): text for key, text in data.items()}
        document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys}
        self.plane.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(document))

    def config(self, namespace: str, name: str, url: str, secret: str = "", **spec: Any) -> None:
        """A GitRepoConfig, made or changed."""
        spec = {"repoUrl": url, "branch": "main"} | spec
        if secret:
            spec["secretRef"] = {"name": secret}
        self.apply(CONFIGS, namespace, name, spec)

    def rule(self, namespace: str, name: str, config: str, *rules: dict[str, Any], **spec: Any) -> None:
        """A WatchRule, of ConfigMaps when nothing else is said; `config` is NAME or NAMESPACE/NAME."""
        self.apply(RULES, namespace, name, _rule_spec(config, rules or (CONFIG_MAPS,)) | spec)

    def cluster_rule(self, name: str, config: str, *rules: dict[str, Any], **spec: Any) -> None:
        """A ClusterWatchRule; `config` is NAMESPACE/NAME."""
        self.apply(CLUSTER_RULES, "", name, _rule_spec(config, rules) | spec)

    def apply(self, plural: str, namespace: str, name: str, spec: dict[str, Any]) -> None:
        """One of our objects by server-side apply, as a person's."""
        document = {
            "apiVersion": "configbutler.ai/v1alpha1",
            "kind": KINDS[plural],
            "metadata": {"name": name},
            "spec": spec,
        }
        answer = self.plane.http.patch(
            path(plural, namespace, name),
            params={"fieldManager": "person", "force": "true"},
            content=json.dumps(document),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        assert answer.is_success, answer.text

    def delete(self, *where: str) -> None:
        """Delete one of our objects (plural, namespace, name), or what another path of the API names."""
        answer = self.plane.http.delete(path(*where) if len(where) == 3 else where[0])
        assert answer.is_success, answer.text

    def config_map(self, namespace: str, name: str, **data: str) -> None:
        """A new ConfigMap."""
        document = {"metadata": {"name": name}, "data": data}
        self.plane.create(f"/api/v1/namespaces/{namespace}/configmaps", document)

    def conditions(self, *where: str) -> Conditions:
        """The conditions of an object about its newest spec, by type; empty while it has none."""
        answer = self.plane.http.get(path(*where))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        document = answer.json()
        status = document.get("status", {})
        if status.get("observedGeneration") != document["metadata"]["generation"]:
            return {}
        return {each["type"]: each for each in status.get("conditions", [])}

    def missing(self, *where: str) -> bool:
        """Whether there is no such object."""
        return self.plane.http.get(path(*where)).status_code == httpx.codes.NOT_FOUND

    def wait_ready(self, *where: str, seconds: int = 60) -> str:
        """Wait as a person does; the message of Ready."""
        plural, namespace, name = where
        scope = ("-n", namespace) if namespace else ()
        self.plane.kubectl(
            "wait", "--for=condition=Ready", f"{plural}/{name}", *scope, f"--timeout={seconds}s"
        )
        return self.conditions(*where)["Ready"]["message"]

    def wait_refused(self, reason: str, *where: str) -> Conditions:
        """Wait until Ready is False for this reason; all conditions."""

        def refused() -> Conditions:
            found = self.conditions(*where)
            ready = found.get("Ready", {})
            return found if (ready.get("status"), ready.get("reason")) == ("False", reason) else {}

        try:
            return wait_for(reason, refused, 60)
        except AssertionError as error:
            raise AssertionError(f"{error}; it has {self.conditions(*where)}") from None


def path(plural: str, namespace: str, name: str) -> str:
    """Where the API has one of our objects."""
    return f"{API}/namespaces/{namespace}/{plural}/{name}" if namespace else f"{API}/{plural}/{name}"


def _rule_spec(config: str, rules: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    namespace, _, name = config.rpartition("/")
    reference = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"gitRepoConfigRef": reference, "rules": list(rules)}
