"""The demo's story: a team deploys a shop, scales it, fixes it in the night, and tidies up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from reverser.sandbox import Sandbox

Act = Callable[[Sandbox], Awaitable[None]]

LABELS = {"app": "web"}


def web(image: str, replicas: int) -> dict[str, Any]:
    """The shop's Deployment."""
    container = {"name": "web", "image": image, "ports": [{"containerPort": 8080, "protocol": "TCP"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": LABELS},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        },
    }


def settings(motd: str) -> dict[str, Any]:
    """The shop's ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"motd": motd, "beta": "no"},
    }


def service() -> dict[str, Any]:
    """The shop's Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


async def before(sandbox: Sandbox) -> None:
    """What is in the cluster before the daemon starts: its first commit is a snapshot of that."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    for obj in (namespace, settings("Welcome!\nWe open at nine.\n")):
        await sandbox.apply(obj, manager="kubectl-create")


async def _deploy(sandbox: Sandbox) -> None:
    for obj in (web("registry.example/shop:1.0", 2), service()):
        await sandbox.apply(obj, manager="kubectl-client-side-apply")


async def _scale(sandbox: Sandbox) -> None:
    await sandbox.apply(web("registry.example/shop:1.0", 5), manager="kubectl-scale")


async def _fix(sandbox: Sandbox) -> None:
    await sandbox.apply(web("registry.example/shop:1.0.1", 5), manager="kubectl-edit")


async def _announce(sandbox: Sandbox) -> None:
    await sandbox.apply(settings("Welcome!\nWe were down from 3 to 4. Sorry.\n"), manager="incident-script")


async def _tidy(sandbox: Sandbox) -> None:
    await sandbox.delete("v1", "ConfigMap", "settings", "shop")


STORY: tuple[tuple[str, Act, int], ...] = (
    ("The team deploys its shop: a Deployment and a Service.", _deploy, 2),
    ("Traffic grows: somebody scales the web to 5.", _scale, 1),
    ("03:12, an incident: the image is fixed by hand.", _fix, 1),
    ("A script changes the message of the day.", _announce, 1),
    ("In the morning somebody deletes the old settings.", _tidy, 1),
)
"""(what happens, in a sentence; how; how many commits that makes)"""
