"""Builders for tests of custom resources: the CRDs that are checked in, and small objects of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

API_VERSION = "configbutler.ai/v1alpha1"
CRDS = Path(__file__).parents[1] / "config" / "crd"


def crds() -> tuple[dict[str, Any], ...]:
    """The CustomResourceDefinitions of the three kinds."""
    names = ("gitrepoconfigs", "watchrules", "clusterwatchrules")
    return tuple(YAML(typ="safe").load((CRDS / f"{name}.yaml").read_text()) for name in names)


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """A Namespace with labels."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def git_repo_config(
    name: str,
    namespace: str,
    url: str = "https://git.example.com/shop/live.git",
    branch: str = "main",
    **spec: Any,
) -> dict[str, Any]:
    """A GitRepoConfig; `spec` has more of its fields, spelt as in YAML."""
    return {
        "apiVersion": API_VERSION,
        "kind": "GitRepoConfig",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"repoUrl": url, "branch": branch, **spec},
    }


def watch_rule(
    name: str, namespace: str, config: str = "live", *resources: str, config_namespace: str = "", **spec: Any
) -> dict[str, Any]:
    """A WatchRule for some resources, ConfigMaps unless named otherwise."""
    reference = {"name": config} | ({"namespace": config_namespace} if config_namespace else {})
    rules = [{"resources": list(resources or ("configmaps",))}]
    return {
        "apiVersion": API_VERSION,
        "kind": "WatchRule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gitRepoConfigRef": reference, "rules": rules, **spec},
    }


def cluster_watch_rule(
    name: str,
    config_namespace: str,
    config: str = "live",
    scope: str = "Cluster",
    *resources: str,
    **rule: Any,
) -> dict[str, Any]:
    """A ClusterWatchRule for some resources, namespaces unless named otherwise."""
    rules = [{"scope": scope, "resources": list(resources or ("namespaces",)), **rule}]
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterWatchRule",
        "metadata": {"name": name},
        "spec": {"gitRepoConfigRef": {"name": config, "namespace": config_namespace}, "rules": rules},
    }
