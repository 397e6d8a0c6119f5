"""Which rights are missing, asked of the API server itself, and answered with roles to apply.

A right is a verb on a resource, perhaps of one object only. What is watched needs some of them, and so do
custom resources, the leader's Lease and the webhook's registration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from reverser.kube.client import Client, map_concurrently
from reverser.model.change import Stream

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RBAC = "rbac.authorization.k8s.io"
VERBS = ("list", "watch")


class Right(msgspec.Struct, frozen=True, order=True):
    """A verb on a resource."""

    namespace: str
    """Empty: everywhere."""
    group: str
    resource: str
    """With its subresource: `watchrules/status`."""
    verb: str
    name: str = ""
    """Of the only object that it is needed for; empty: of all."""


def reading(streams: Iterable[Stream]) -> list[Right]:
    """The rights to read what these streams bring."""
    return [
        Right(each.namespace, each.type.group, each.type.resource, verb)
        for each in streams
        for verb in ("get", *VERBS)
    ]


async def missing(client: Client, streams: Sequence[Stream]) -> list[Stream]:
    """The streams that may not be listed and watched. Raises TransientError without an answer."""
    questions = [(stream, verb) for stream in streams for verb in VERBS]
    rights = [Right(s.namespace, s.type.group, s.type.resource, verb) for s, verb in questions]
    answers = await map_concurrently(rights, lambda right: _has(client, right))
    denied = {stream for (stream, _), has in zip(questions, answers, strict=True) if not has}
    return sorted(denied, key=lambda stream: stream.id)


async def missing_rights(client: Client, rights: Sequence[Right]) -> list[Right]:
    """Those that we do not have. Raises TransientError without an answer."""
    answers = await map_concurrently(rights, lambda right: _has(client, right))
    return [right for right, has in zip(rights, answers, strict=True) if not has]


async def _has(client: Client, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "namespace": right.namespace,
        "verb": right.verb,
    }
    narrower = {"subresource": subresource, "name": right.name}
    attributes |= {key: value for key, value in narrower.items() if value}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.post(REVIEWS, review)
    return bool(answer.get("status", {}).get("allowed"))


def roles(rights: Iterable[Right], name: str) -> list[dict[str, Any]]:
    """Ready-to-apply roles: a ClusterRole, and a Role a namespace; rules that say the same are one."""
    scopes: dict[str, dict[tuple[str, str, str], set[str]]] = {}
    for right in rights:
        verbs = scopes.setdefault(right.namespace, {})
        verbs.setdefault((right.group, right.name, right.resource), set()).add(right.verb)
    return [_role(name, namespace, verbs) for namespace, verbs in sorted(scopes.items())]


def _role(name: str, namespace: str, verbs: dict[tuple[str, str, str], set[str]]) -> dict[str, Any]:
    rules: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, only, resource), each in sorted(verbs.items()):
        rules.setdefault((group, only, tuple(sorted(each))), []).append(resource)
    names: dict[tuple[bool, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, only, allowed), resources in rules.items():
        names.setdefault((bool(only), group, tuple(resources), allowed), []).append(only)
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "rules": [
            {"apiGroups": [group], "resources": list(resources), "verbs": list(allowed)}
            | ({"resourceNames": only} if named else {})
            for (named, group, resources, allowed), only in names.items()
        ],
    }


def binding(role: dict[str, Any], namespace: str, account: str) -> dict[str, Any]:
    """What gives a role to a service account."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": role["metadata"],
        "roleRef": {"apiGroup": RBAC, "kind": role["kind"], "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
