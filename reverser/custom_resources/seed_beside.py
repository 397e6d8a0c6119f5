"""Looks for GitOps Reverser of 2025 in the same cluster: it reads the same objects, so both would commit.

Its Deployment is recognised by its image, and its webhook by name. What may not be listed is not looked for,
and `check` says so: these rights serve nothing else. A Deployment without replicas does not run, and a
webhook alone does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from reverser.errors import ReverserError
from reverser.kube.client import Client
from reverser.kube.errors import Forbidden

IMAGE = "configbutler/gitops-reverser"
COMMAND, ARGUMENTS = "/manager", ("--leader-elect", "--health-probe-bind-address")
"""What its containers run: an image of the same name may be a newer release."""
LABEL = "app.kubernetes.io/name=gitops-reverser"
DEPLOYMENTS = "/apis/apps/v1/deployments"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
WEBHOOK = "gitops-reverser.configbutler.ai"
PATH = "/process-validating-webhook"


class SeedInstallation(msgspec.Struct, frozen=True):
    """A Deployment that runs, and the webhook configurations that belong to it."""

    deployments: tuple[str, ...]
    """NAMESPACE/NAME."""
    webhooks: tuple[str, ...]

    @property
    def message(self) -> str:
        """What is there, for a person."""
        webhooks = f" with the webhook {', '.join(self.webhooks)}" if self.webhooks else ""
        return (
            f"GitOps Reverser runs in this cluster (Deployment {', '.join(self.deployments)}{webhooks}): "
            "both would commit the same changes"
        )

    @property
    def hint(self) -> str:
        """How to stop it."""
        pairs = [each.split("/") for each in self.deployments]
        commands = [f"kubectl -n {space} scale deployment {name} --replicas=0" for space, name in pairs]
        commands += [f"kubectl delete validatingwebhookconfiguration {name}" for name in self.webhooks]
        return f"stop it: {' && '.join(commands)}"


class Beside(msgspec.Struct, frozen=True):
    """What a look for it brought."""

    installation: SeedInstallation | None = None
    """None: there is none, or nobody looked."""
    unseen: str = ""
    """Why nobody looked; empty: somebody did."""


async def seed_beside(client: Client) -> Beside:
    """The installation that runs beside us, as far as we may look. Never raises ReverserError."""
    try:
        deployments = await _items(client, DEPLOYMENTS, {"labelSelector": LABEL})
    except Forbidden:
        return Beside(unseen="not looked for GitOps Reverser: may not list deployments.apps")
    except ReverserError as error:
        return Beside(unseen=f"not looked for GitOps Reverser: {error.message}")
    running = tuple(sorted(_name(each) for each in deployments if _runs_seed(each)))
    if not running:
        return Beside()
    webhooks = await _webhooks(client)
    names = tuple(sorted(_name(each) for each in webhooks if _is_of_seed(each)))
    return Beside(SeedInstallation(running, names))


async def _webhooks(client: Client) -> list[dict[str, Any]]:
    """Those that we may see: without the Deployment they do no harm."""
    try:
        return await _items(client, WEBHOOKS, {})
    except ReverserError:
        return []


async def _items(client: Client, path: str, params: dict[str, str | int]) -> list[dict[str, Any]]:
    answer = await client.get(path, params, into=dict[str, Any])
    return [each for each in answer.get("items") or () if isinstance(each, dict)]


def _runs_seed(deployment: dict[str, Any]) -> bool:
    spec = deployment.get("spec") or {}
    if spec.get("replicas", 1) == 0:
        return False
    containers: Iterable[dict[str, Any]] = spec.get("template", {}).get("spec", {}).get("containers") or ()
    return any(
        IMAGE in str(each.get("image", ""))
        and (COMMAND in (each.get("command") or ()) or any(map(_is_of_manager, each.get("args") or ())))
        for each in containers
    )


def _is_of_manager(argument: object) -> bool:
    return str(argument).startswith(ARGUMENTS)


def _is_of_seed(configuration: dict[str, Any]) -> bool:
    webhooks: Iterable[dict[str, Any]] = configuration.get("webhooks") or ()
    return any(
        each.get("name") == WEBHOOK
        and ((each.get("clientConfig") or {}).get("service") or {}).get("path") == PATH
        for each in webhooks
    )


def _name(obj: dict[str, Any]) -> str:
    metadata = obj.get("metadata") or {}
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata.get('name')}" if namespace else str(metadata.get("name"))
