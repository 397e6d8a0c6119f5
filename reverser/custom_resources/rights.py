"""Which rights the custom resources need, which of them are missing, and the roles that give them.

The API server is asked itself (SelfSubjectAccessReview). Secrets are needed one by one, by name; nothing is
needed that lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from reverser.config import Config
from reverser.custom_resources.api_types import GROUP
from reverser.custom_resources.model import Compiled
from reverser.custom_resources.reader import NAMESPACES, streams
from reverser.custom_resources.secret_followers import known_hosts_name
from reverser.kube.client import Client, map_concurrently
from reverser.kube.permissions import REVIEWS

ROLE = "reverser-custom-resources"


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


def needed(config: Config, compiled: Compiled) -> list[Right]:
    """The rights that the daemon uses for these custom resources."""
    assert config.resources is not None
    rights: list[Right] = []
    for stream, kind in streams(config.home_cluster, config.resources).items():
        space, plural = stream.namespace, stream.type.resource
        verbs = ("get", "list", "watch") if kind == "GitRepoConfig" else ("list", "watch")
        rights += [Right(space, GROUP, plural, verb) for verb in verbs]
        rights.append(Right(space, GROUP, f"{plural}/status", "patch"))
    spaces = config.resources.namespaces
    for verb in () if spaces else ("list", "watch"):
        rights.append(Right("", "", NAMESPACES.resource, verb))
    rights += [
        Right("", "", NAMESPACES.resource, verb, space) for space in spaces for verb in ("get", "watch")
    ]
    rights += [Right(space, "events.k8s.io", "events", "create") for space in spaces or ("",)]
    for secret in compiled.secrets:
        rights += [Right(secret.namespace, "", "secrets", verb, secret.name) for verb in ("get", "watch")]
    space, _, name = known_hosts_name(config.resources.known_hosts).partition("/")
    rights += [Right(space, "", "configmaps", verb, name) for verb in (("get", "watch") if name else ())]
    if config.tenancy.service_account:
        rights.append(Right("", "authorization.k8s.io", "subjectaccessreviews", "create"))
    return sorted(rights)


async def missing(client: Client, rights: Sequence[Right]) -> list[Right]:
    """Those that we do not have. Raises TransientError without an answer."""
    answers = await map_concurrently(rights, lambda right: _has(client, right))
    return [right for right, has in zip(rights, answers, strict=True) if not has]


async def _has(client: Client, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
        "verb": right.verb,
        "name": right.name,
    }
    answer = await client.post(
        REVIEWS,
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
    )
    return bool(answer.get("status", {}).get("allowed"))


def roles(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """Ready-to-apply roles: a ClusterRole, and a Role a namespace."""
    scopes: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for right in rights:
        rules = scopes.setdefault(right.namespace, {})
        rules.setdefault((right.group, right.resource, right.name), []).append(right.verb)
    return [_role(namespace, rules) for namespace, rules in sorted(scopes.items())]


def _role(namespace: str, rules: dict[tuple[str, str, str], list[str]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": {"name": ROLE} | ({"namespace": namespace} if namespace else {}),
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": verbs}
            | ({"resourceNames": [name]} if name else {})
            for (group, resource, name), verbs in sorted(rules.items())
        ],
    }
