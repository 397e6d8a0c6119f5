"""May we read what the rules want? Asked of the API server itself, and answered with a role to apply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reverser.kube.client import Client, map_concurrently
from reverser.model.change import Stream

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
VERBS = ("list", "watch")


async def missing(client: Client, streams: Sequence[Stream]) -> list[Stream]:
    """The streams that may not be listed and watched. Raises TransientError without an answer."""
    questions = [(stream, verb) for stream in streams for verb in VERBS]
    answers = await map_concurrently(questions, lambda question: _allowed(client, *question))
    denied = {stream for (stream, _), allowed in zip(questions, answers, strict=True) if not allowed}
    return sorted(denied, key=lambda stream: stream.id)


async def _allowed(client: Client, stream: Stream, verb: str) -> bool:
    attributes = {
        "group": stream.type.group,
        "resource": stream.type.resource,
        "namespace": stream.namespace,
        "verb": verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.post(REVIEWS, review)
    return bool(answer.get("status", {}).get("allowed"))


def roles(streams: Iterable[Stream], name: str) -> list[dict[str, Any]]:
    """Ready-to-apply roles for these streams: a ClusterRole, or a Role a namespace."""
    scopes: dict[str, dict[str, list[str]]] = {}
    for stream in streams:
        groups = scopes.setdefault(stream.namespace, {})
        groups.setdefault(stream.type.group, []).append(stream.type.resource)
    return [_role(name, namespace, groups) for namespace, groups in sorted(scopes.items())]


def _role(name: str, namespace: str, groups: dict[str, list[str]]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": [
            {"apiGroups": [group], "resources": sorted(set(resources)), "verbs": ["get", *VERBS]}
            for group, resources in sorted(groups.items())
        ],
    }
