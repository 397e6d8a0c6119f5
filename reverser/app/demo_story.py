"""The demo's story: a shop whose files are changed by a pipeline, two people, an autoscaler and a script.

Each step says in a sentence what happens, who types which command, what that does in the sandbox, and how
many commits come of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from reverser.sandbox import Sandbox
from reverser.sandbox.users import ALICE, AUTOSCALER, BOB, CI

Object = dict[str, Any]
Act = Callable[[Sandbox], Awaitable[object]]

SHOP, PREVIEW = "shop", "preview"
LABELS = {"app": "web"}
WEBHOOK = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "reverser")


class Step(msgspec.Struct, frozen=True):
    """One scene."""

    sentence: str
    """What happens."""
    act: Act
    """How it happens in the cluster."""
    commits: int
    """How many commits it makes."""
    prompt: str = ""
    """Who types, and what; empty: nobody does."""
    remark: str = ""
    """What to look at in the commits, or why there is none."""


async def before(sandbox: Sandbox) -> None:
    """What is in the cluster before reverser starts: its first commit is a snapshot of that."""
    for name in (SHOP, PREVIEW):
        await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for obj in (
        _web(),
        _service(),
        _autoscaler(),
        _config(SHOP, "settings", {"greeting": "Welcome!", "currency": "EUR"}),
        _config(PREVIEW, "settings", {"greeting": "Try me."}),
    ):
        await sandbox.apply(obj, manager="kubectl-client-side-apply")


def _web() -> Object:
    container = {"name": "web", "image": "shop:1.0", "ports": [{"containerPort": 8080, "protocol": "TCP"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": SHOP, "labels": LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        },
    }


def _service() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": SHOP},
        "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def _autoscaler() -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": SHOP},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9},
    }


def _config(namespace: str, name: str, data: dict[str, str]) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _image(image: str) -> Object:
    """What sets the container's image; a merge patch replaces the whole list."""
    [container] = _web()["spec"]["template"]["spec"]["containers"]
    return {"spec": {"template": {"spec": {"containers": [{**container, "image": image}]}}}}


async def _release(sandbox: Sandbox) -> None:
    patch = _image("shop:1.1")
    await sandbox.patch("apps/v1", "Deployment", "web", SHOP, patch, manager="kubectl-set", user=CI)


async def _greet(sandbox: Sandbox) -> None:
    patch = {"data": {"greeting": "Welcome! Free shipping today."}}
    await sandbox.patch("v1", "ConfigMap", "settings", SHOP, patch, manager="kubectl-edit", user=ALICE)


async def _autoscale(sandbox: Sandbox) -> None:
    await sandbox.patch(
        *("apps/v1", "Deployment", "web", SHOP),
        {"spec": {"replicas": 5}},
        manager="kube-controller-manager",
        subresource="scale",
        user=AUTOSCALER,
    )


async def _fix(sandbox: Sandbox) -> None:
    patch = _image("shop:1.1.1")
    await sandbox.patch("apps/v1", "Deployment", "web", SHOP, patch, manager="kubectl-edit", user=BOB)


async def _without_webhook(sandbox: Sandbox) -> None:
    """The API server has no webhook to ask; afterwards it has it again."""
    registration = await sandbox.get(*WEBHOOK)
    assert registration is not None
    await sandbox.delete(*WEBHOOK)
    patch = {"data": {"greeting": "Sorry, we were down from 3 to 4."}}
    await sandbox.patch("v1", "ConfigMap", "settings", SHOP, patch, manager="incident-script", user=ALICE)
    await sandbox.apply(registration, manager="reverser")


async def _tidy(sandbox: Sandbox) -> None:
    await sandbox.delete("v1", "Namespace", PREVIEW, user=BOB)


STORY = (
    Step(
        "The pipeline releases version 1.1. It is a service account, not a person.",
        _release,
        commits=1,
        prompt="ci     $ kubectl -n shop set image deployment/web web=shop:1.1",
        remark='"Attribution: admission" is the evidence: before it stored this very change, the API server\n'
        "told reverser who asked for it.",
    ),
    Step(
        "Alice changes the greeting.",
        _greet,
        commits=1,
        prompt="alice  $ kubectl -n shop edit configmap settings",
    ),
    Step(
        "Visitors come: the autoscaler takes the Deployment from 2 to 5 replicas.",
        _autoscale,
        commits=0,
        remark="No commit: an autoscaler does this all day. The Deployment's next commit takes it along.",
    ),
    Step(
        "03:12, an incident: Bob puts a fixed image in by hand.",
        _fix,
        commits=1,
        prompt="bob    $ kubectl -n shop edit deployment web",
        remark='The image is Bob\'s. The replicas are not: "came along" says so.',
    ),
    Step(
        "The webhook's registration is away for a moment, and just then a script changes the greeting.",
        _without_webhook,
        commits=1,
        prompt="?      $ ./incident-script",
        remark="Why unknown: without the webhook the API server did not tell reverser who asked for this.\n"
        '"Attribution: manager" means that only the tool is known, by the name that it gave itself.',
    ),
    Step(
        "Bob deletes a whole namespace. Kubernetes' namespace controller deletes what is in it.",
        _tidy,
        commits=2,
        prompt="bob    $ kubectl delete namespace preview",
        remark='The controller deleted the ConfigMap; "Kubernetes-Caused-By" says because of whom.',
    ),
)
